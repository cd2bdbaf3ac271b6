//! The folder of all VMs: one folder each, with its spec, overlay, keys and logs.

pub mod instance;

use std::io;
use std::path::{Path, PathBuf};

use super::spec::Spec;
use super::{InvalidName, Name, random};
use crate::disk::Key;
use crate::host::fault;
use crate::host::fs::dirs::Dirs;
use crate::host::fs::file;
use crate::host::fs::lock;
use crate::host::fs::lock::Lock;
use crate::hypervisor::FindError;
use crate::text;
use instance::{CREATING_LOCK, RUNNING_LOCK, SPEC, Vm};

/// All VMs of this user.
#[derive(Debug, Clone)]
pub struct Store {
    dirs: Dirs,
}

/// A VM can't be found, made or removed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not a name.
    #[error(transparent)]
    Name(#[from] InvalidName),
    /// The name is in use.
    #[error(
        "the name {0} is in use by another VM; remove it with `podman-bootc rm {0}`, or choose another name"
    )]
    Taken(Name),
    /// No VM of that name or ID.
    #[error("no VM {0}; `podman-bootc list` shows them all")]
    NotFound(String),
    /// An ID prefix of several VMs.
    #[error("{0} is the beginning of several VMs' IDs: {1}")]
    Ambiguous(String, String),
    /// It is still being made.
    #[error("VM {0} is still being made")]
    Creating(String),
    /// Its spec can't be read, so that nobody knows what it needs.
    #[error("VM {name} can't be read; `podman-bootc rm -f {name}` removes it: {why}")]
    Damaged {
        /// The VM.
        name: String,
        /// Why not.
        why: String,
    },
    /// Its spec can't be read, but somebody uses it.
    #[error("VM {0} can't be read, and it runs; shut it down from within before it is removed")]
    DamagedInUse(String),
    /// Its machine can't be ended.
    #[error("the machine of VM {name} goes on without its supervisor, and can't be ended")]
    Left {
        /// The VM.
        name: String,
        /// Why not.
        source: FindError,
    },
    /// A file can't be used.
    #[error("can't use {path}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A state file can't be used.
    #[error(transparent)]
    File(#[from] file::Error),
}

/// A name that is ours, before there is a VM. Dropped before [`Reservation::commit`], its folder vanishes.
#[derive(Debug)]
pub struct Reservation {
    /// The name.
    pub name: Name,
    /// The folder to fill.
    pub folder: PathBuf,
    lock: Option<Lock>,
    keep: bool,
}

/// Keeps a new VM from being swept until its supervisor has taken over.
#[derive(Debug)]
pub struct Creating {
    _lock: Option<Lock>,
}

impl Store {
    /// The store in the tool's folders.
    pub fn new(dirs: &Dirs) -> Self {
        Self { dirs: dirs.clone() }
    }

    /// The tool's folders.
    pub fn dirs(&self) -> &Dirs {
        &self.dirs
    }

    /// Reserves a name, or a generated one.
    ///
    /// # Errors
    /// It is taken, or the folder can't be made.
    pub fn reserve(&self, name: Option<Name>) -> Result<Reservation, Error> {
        let vms = self.dirs.vms();
        file::create_private_dir(&vms).map_err(|source| Error::Io { path: vms, source })?;
        self.sweep();
        if let Some(name) = name {
            return self.reserve_exactly(name);
        }
        loop {
            match self.reserve_exactly(Name::generate(random::random())) {
                Err(Error::Taken(_)) => {}
                other => return other,
            }
        }
    }

    fn reserve_exactly(&self, name: Name) -> Result<Reservation, Error> {
        let folder = self.dirs.vms().join(name.as_str());
        let io = |source| Error::Io { path: folder.clone(), source };
        loop {
            match std::fs::create_dir(&folder) {
                Ok(()) => {}
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => return Err(Error::Taken(name)),
                Err(e) => return Err(io(e)),
            }
            fault::point("vm-reserved");
            match Lock::acquire(&folder.join(CREATING_LOCK)) {
                Ok(lock) => return Ok(Reservation { name, folder, lock: Some(lock), keep: false }),
                // Another process took it for what a dead one left.
                Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                Err(e) => return Err(io(e)),
            }
        }
    }

    /// All VMs, by name; also those in the making, and those whose spec can't be read.
    pub fn list(&self) -> Vec<Entry> {
        self.sweep();
        let mut entries = Vec::new();
        for folder in self.folders() {
            match Vm::open(&folder) {
                Ok(vm) => entries.push(Entry::Vm(Box::new(vm))),
                // Gone meanwhile, or in the making.
                Err(Error::File(e)) if e.is_not_found() => {
                    if lock::is_held(&folder.join(CREATING_LOCK)) {
                        entries.push(Entry::Creating(name_of(&folder)));
                    }
                }
                Err(e) => entries.push(Entry::Damaged(name_of(&folder), text::error_chain(&e))),
            }
        }
        entries.sort_by(|a, b| a.name().cmp(b.name()));
        entries
    }

    /// The VM of this name, ID, unique ID prefix, or (the only one of) this image ID.
    ///
    /// # Errors
    /// There is none, there are several, or it is not complete.
    pub fn find(&self, what: &str) -> Result<Vm, Error> {
        if let Ok(name) = what.parse::<Name>() {
            let folder = self.dirs.vms().join(name.as_str());
            match Vm::open(&folder) {
                Ok(vm) => return Ok(vm),
                Err(Error::File(e)) if e.is_not_found() => {
                    if lock::is_held(&folder.join(CREATING_LOCK)) {
                        return Err(Error::Creating(what.to_owned()));
                    }
                }
                Err(e) => return Err(Error::Damaged { name: what.to_owned(), why: text::error_chain(&e) }),
            }
        }
        let vms: Vec<Vm> = self.list().into_iter().filter_map(Entry::vm).collect();
        let by_id = |vm: &&Vm| !what.is_empty() && vm.spec.id.starts_with(what);
        // The tool that this one replaces named a VM by its image's ID.
        let by_image = |vm: &&Vm| {
            let id = vm.spec.image.as_ref().map(|image| image.id.as_str());
            what.len() >= 12 && id.is_some_and(|id| id.starts_with(what))
        };
        let mut found: Vec<&Vm> = vms.iter().filter(by_id).collect();
        if found.is_empty() {
            found = vms.iter().filter(by_image).collect();
        }
        match found[..] {
            [] => Err(Error::NotFound(what.to_owned())),
            [vm] => Ok(vm.clone()),
            _ => {
                let names: Vec<&str> = found.iter().map(|vm| vm.spec.name.as_str()).collect();
                Err(Error::Ambiguous(what.to_owned(), names.join(", ")))
            }
        }
    }

    /// All complete VMs, for those who want to know all that VMs need.
    ///
    /// # Errors
    /// A spec can't be read: nobody knows what that VM needs.
    pub fn complete(&self) -> Result<Vec<Vm>, Error> {
        let mut vms = Vec::new();
        for entry in self.list() {
            match entry {
                Entry::Vm(vm) => vms.push(*vm),
                Entry::Creating(_) => {}
                Entry::Damaged(name, why) => return Err(Error::Damaged { name, why }),
            }
        }
        Ok(vms)
    }

    /// True when a VM stands on the base disk of this key.
    ///
    /// # Errors
    /// As [`Self::complete`].
    pub fn uses(&self, base: &Key) -> Result<bool, Error> {
        Ok(self.complete()?.iter().any(|vm| vm.spec.base() == Some(base)))
    }

    /// Removes a VM whose spec can't be read.
    ///
    /// # Errors
    /// Somebody makes or runs it, or a file can't be removed.
    pub fn remove_damaged(&self, name: &Name) -> Result<(), Error> {
        let folder = self.dirs.vms().join(name.as_str());
        let io = |source| Error::Io { path: folder.clone(), source };
        let free = |lock: &str| Lock::try_acquire(&folder.join(lock)).map_err(io);
        let (Some(creating), Some(running)) = (free(CREATING_LOCK)?, free(RUNNING_LOCK)?) else {
            return Err(Error::DamagedInUse(name.to_string()));
        };
        file::remove_locked_dir(&folder, [creating, running]).map_err(io)
    }

    /// Removes what dead processes left: folders without a VM, and VMs that were to go with their session.
    fn sweep(&self) {
        for folder in self.folders() {
            let vm = match Vm::open(&folder) {
                Ok(vm) if vm.spec.remove => Some(vm),
                Err(Error::File(e)) if e.is_not_found() => None,
                _ => continue,
            };
            let free = |name: &str| Lock::try_acquire(&folder.join(name));
            let (Ok(Some(creating)), Ok(Some(running))) = (free(CREATING_LOCK), free(RUNNING_LOCK)) else {
                continue;
            };
            // It may have become a VM before it was ours.
            if vm.is_none() && folder.join(SPEC).exists() {
                continue;
            }
            let warn = |path: &Path, result: io::Result<()>| {
                if let Err(error) = result {
                    tracing::warn!(path = %path.display(), %error, "can't remove what a dead process left");
                }
            };
            if let Some(vm) = vm {
                if let Err(error) = vm.end_left() {
                    tracing::warn!(error = crate::text::error_chain(&error), "can't remove a VM");
                    continue;
                }
                let runtime = self.dirs.runtime_of(&vm.spec.id);
                warn(&runtime, file::remove_dir(&runtime));
            }
            // In one step, so that who reserves this name at the same time sees that it is gone.
            let doomed = self.dirs.vms().join(format!(".doomed-{:016x}", random::random_number()));
            let removed = file::rename_locked_dir(&folder, &doomed, [creating, running])
                .and_then(|locks| file::remove_locked_dir(&doomed, locks.into_iter().flatten()));
            warn(&folder, removed);
        }
    }

    fn folders(&self) -> Vec<PathBuf> {
        let entries = file::entries(&self.dirs.vms());
        entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
    }
}

/// A row of the list.
#[derive(Debug, Clone)]
pub enum Entry {
    /// A complete VM.
    Vm(Box<Vm>),
    /// One in the making.
    Creating(String),
    /// One whose spec can't be read, and why.
    Damaged(String, String),
}

impl Entry {
    /// The VM, if it is complete.
    pub fn vm(self) -> Option<Vm> {
        match self {
            Self::Vm(vm) => Some(*vm),
            Self::Creating(_) | Self::Damaged(..) => None,
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        match self {
            Self::Vm(vm) => vm.spec.name.as_str(),
            Self::Creating(name) | Self::Damaged(name, _) => name,
        }
    }
}

fn name_of(folder: &Path) -> String {
    folder.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

impl Reservation {
    /// The VM to be, for its files' names.
    pub fn vm(&self, spec: Spec) -> Vm {
        Vm { spec, folder: self.folder.clone() }
    }

    /// Makes it a VM.
    ///
    /// # Errors
    /// The spec can't be written.
    pub fn commit(mut self, spec: Spec) -> Result<(Vm, Creating), Error> {
        file::write_json(&self.folder.join(SPEC), &spec)?;
        self.keep = true;
        let creating = Creating { _lock: self.lock.take() };
        Ok((self.vm(spec), creating))
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if !self.keep
            && let Err(error) = file::remove_locked_dir(&self.folder, self.lock.take())
        {
            tracing::warn!(path = %self.folder.display(), %error, "can't remove the folder of a VM that was not made");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::instance::{End, How, Record};
    use super::*;
    use crate::image::Image;
    use crate::vm::State;

    fn store(dir: &Path) -> Store {
        Store::new(&Dirs { cache: dir.join("cache"), data: dir.join("data"), runtime: dir.join("run") })
    }

    fn spec(name: &str, id: &str) -> Spec {
        let image = Image { id: format!("{id}{}", "f".repeat(52)), ..Image::sample() };
        Spec { name: name.parse().unwrap(), id: id.into(), image: Some(image), ..Spec::sample() }
    }

    fn create(store: &Store, name: &str, id: &str) -> Vm {
        store.reserve(Some(name.parse().unwrap())).unwrap().commit(spec(name, id)).unwrap().0
    }

    #[test]
    fn vms_are_found_by_name_id_and_prefix() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(dir.path());
        create(&store, "one", "aabb00000000");
        create(&store, "two", "aacc00000000");
        let name =
            |what: &str| store.find(what).map(|vm| vm.spec.name.to_string()).map_err(|e| e.to_string());
        assert_eq!(name("one").unwrap(), "one");
        assert_eq!(name("aacc00000000").unwrap(), "two");
        assert_eq!(name("aab").unwrap(), "one");
        assert_eq!(name("aacc00000000ffff").unwrap(), "two", "by its image's ID");
        assert!(name("aa").unwrap_err().contains("one, two"));
        assert!(name("zz").unwrap_err().contains("no VM zz"));
        assert!(name("").is_err() && name("../one").is_err());
    }

    #[test]
    fn a_name_is_taken_once() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(dir.path());
        let first = store.reserve(Some("one".parse().unwrap())).unwrap();
        assert!(matches!(store.reserve(Some("one".parse().unwrap())), Err(Error::Taken(_))));
        assert!(matches!(store.find("one"), Err(Error::Creating(_))));
        assert!(matches!(&store.list()[..], [Entry::Creating(name)] if name == "one"));
        drop(first);
        assert!(store.list().is_empty());
        assert!(store.reserve(Some("one".parse().unwrap())).is_ok());
    }

    // Elsewhere a folder stays as long as somebody has a file in it open.
    #[cfg(unix)]
    #[test]
    fn a_name_is_reserved_while_others_sweep() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(dir.path());
        std::fs::create_dir_all(dir.path().join("data/vms")).unwrap();
        let over = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    while !over.load(std::sync::atomic::Ordering::Relaxed) {
                        store.sweep();
                    }
                });
            }
            let reserved = (0..300).map(|index| store.reserve_exactly(format!("vm{index}").parse().unwrap()));
            let whole = |reserved: Result<Reservation, Error>| {
                reserved.is_ok_and(|reserved| std::fs::write(reserved.folder.join("file"), "x").is_ok())
            };
            let whole = reserved.map(whole).filter(|whole| *whole).count();
            over.store(true, std::sync::atomic::Ordering::Relaxed);
            assert_eq!(whole, 300);
        });
    }

    #[test]
    fn states_follow_locks_and_records() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(dir.path());
        let vm = create(&store, "one", "aabb00000000");
        assert_eq!(vm.state(), State::Stopped);
        let taken = vm.take().unwrap().unwrap();
        assert_eq!(vm.state(), State::Running);
        assert!(vm.take().unwrap().is_none());
        let now = jiff::Timestamp::UNIX_EPOCH;
        vm.set_record(&Record { started: Some(now), ..Record::default() }).unwrap();
        drop(taken);
        assert!(matches!(vm.state(), State::Crashed(why) if why.contains("supervisor was killed")));
        let end = |how| Some(End { at: now, how, reason: "x".into() });
        vm.set_record(&Record { started: Some(now), end: end(How::Panic), ..Record::default() }).unwrap();
        assert_eq!(vm.state(), State::Crashed("x".into()));
        vm.set_record(&Record { started: Some(now), end: end(How::Guest), ..Record::default() }).unwrap();
        assert_eq!(vm.state(), State::Stopped);
    }

    #[test]
    fn what_the_dead_left_goes_and_a_damaged_spec_stays() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(dir.path());
        let mut gone = spec("gone", "aabb00000000");
        gone.remove = true;
        let (vm, creating) = store.reserve(Some("gone".parse().unwrap())).unwrap().commit(gone).unwrap();
        assert_eq!(store.list().len(), 1, "its supervisor may still take over");
        drop(creating);
        std::fs::create_dir(dir.path().join("data/vms/debris")).unwrap();
        assert!(store.list().is_empty());
        assert!(!vm.folder.exists() && !dir.path().join("data/vms/debris").exists());

        let damaged = create(&store, "damaged", "aacc00000000");
        std::fs::write(damaged.folder.join(SPEC), "{").unwrap();
        let list = store.list();
        assert!(
            matches!(&list[..], [Entry::Damaged(_, why)] if why.contains("vm.json is damaged")),
            "{list:?}"
        );
        assert!(damaged.folder.exists());
        let why = store.find("damaged").unwrap_err().to_string();
        assert!(why.contains("rm -f damaged") && why.contains("vm.json is damaged"), "{why}");
        let running = damaged.take().unwrap();
        assert!(matches!(store.remove_damaged(&damaged.spec.name), Err(Error::DamagedInUse(_))));
        drop(running);
        store.remove_damaged(&damaged.spec.name).unwrap();
        assert!(store.list().is_empty() && !damaged.folder.exists());
    }
}
