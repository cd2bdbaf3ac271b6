//! The VMs on disk: one folder for each, with its spec, overlay, keys and logs.

mod entry;
mod error;
pub mod instance;
pub mod user_files;

use std::io;
use std::path::{Path, PathBuf};

use super::events::{self, Event, Kind};
use super::spec::Spec;
use super::{Name, State};
use crate::disk::Key;
use crate::host::fs::dirs::Dirs;
use crate::host::fs::file::{self, IoContext as _};
use crate::host::fs::lock::Lock;
use crate::host::{fault, random};
use crate::text;
pub use entry::Entry;
pub use error::Error;
use instance::{CREATING_LOCK, RUNNING_LOCK, SPEC, Vm};

/// All VMs of this user.
#[derive(Debug, Clone)]
pub struct Store {
    dirs: Dirs,
}

/// A name that this process has reserved for a new VM. Unless it is committed, dropping it removes
/// the folder.
#[derive(Debug)]
pub struct Reservation {
    pub name: Name,
    pub folder: PathBuf,
    lock: Option<Lock>,
    keep: bool,
    events: events::Record,
}

/// A new VM's protection from being swept, until its supervisor has taken over.
#[derive(Debug)]
pub struct Creating {
    _lock: Option<Lock>,
}

impl Store {
    pub fn new(dirs: &Dirs) -> Self {
        Self { dirs: dirs.clone() }
    }

    pub fn dirs(&self) -> &Dirs {
        &self.dirs
    }

    /// Returns the record of what happens to VMs.
    pub fn events(&self) -> events::Record {
        events::Record::of(&self.dirs)
    }

    /// Reserves this name, or a generated one.
    ///
    /// # Errors
    /// Another VM has the name, or the folder can't be created.
    pub fn reserve(&self, name: Option<Name>) -> Result<Reservation, Error> {
        let vms = self.dirs.vms();
        file::create_private_dir(&vms).writing(&vms)?;
        self.sweep();
        if let Some(name) = name {
            return self.reserve_exactly(name);
        }
        loop {
            match self.reserve_exactly(Name::generate(random::random_u32())) {
                Err(Error::Taken(_)) => {}
                other => return other,
            }
        }
    }

    fn reserve_exactly(&self, name: Name) -> Result<Reservation, Error> {
        let folder = self.folder(&name);
        loop {
            match std::fs::create_dir(&folder) {
                Ok(()) => {}
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
                    return Err(Error::Taken(name));
                }
                Err(source) => {
                    return Err(file::Error::Write {
                        path: folder,
                        source,
                    }
                    .into());
                }
            }
            fault::point("vm-reserved");
            match Lock::acquire(&folder.join(CREATING_LOCK)) {
                Ok(lock) => {
                    return Ok(Reservation {
                        name,
                        folder,
                        lock: Some(lock),
                        keep: false,
                        events: self.events(),
                    });
                }
                // Another process swept the folder before it was locked.
                Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                Err(source) => {
                    return Err(file::Error::Write {
                        path: folder,
                        source,
                    }
                    .into());
                }
            }
        }
    }

    /// Lists all VMs by name, with those that are being created or whose spec can't be read.
    pub fn list(&self) -> Vec<Entry> {
        self.sweep();
        self.read()
    }

    /// Lists the same without removing what dead processes left.
    pub fn read(&self) -> Vec<Entry> {
        let mut entries: Vec<Entry> = self
            .folders()
            .iter()
            .filter_map(|folder| Entry::open(folder))
            .collect();
        entries.sort_by(|a, b| a.name().cmp(b.name()));
        entries
    }

    /// Returns the entry of exactly this name.
    pub fn entry(&self, name: &Name) -> Option<Entry> {
        Entry::open(&self.folder(name))
    }

    /// Returns the folder of the VM with this name.
    pub(super) fn folder(&self, name: &Name) -> PathBuf {
        self.dirs.vms().join(name.as_str())
    }

    /// Finds a VM by its name, by a prefix of its ID, or by a prefix (12 digits or more) of its
    /// image's ID.
    ///
    /// # Errors
    /// No VM or more than one matches, or the VM is not complete.
    pub fn find(&self, wanted: &str) -> Result<Vm, Error> {
        if let Ok(name) = wanted.parse::<Name>()
            && let Some(entry) = self.entry(&name)
        {
            return entry.complete();
        }
        let vms: Vec<Vm> = self.list().into_iter().filter_map(Entry::vm).collect();
        let by_id = |vm: &&Vm| !wanted.is_empty() && vm.spec.id.starts_with(wanted);
        // The tool that this one replaces names a VM by its image's ID.
        let by_image = |vm: &&Vm| {
            let id = vm.spec.image.as_ref().map(|image| image.id.as_str());
            wanted.len() >= 12 && id.is_some_and(|id| id.starts_with(wanted))
        };
        let mut found: Vec<&Vm> = vms.iter().filter(by_id).collect();
        if found.is_empty() {
            found = vms.iter().filter(by_image).collect();
        }
        match found[..] {
            [] => Err(Error::NotFound(wanted.to_owned())),
            [vm] => Ok(vm.clone()),
            _ => {
                let names: Vec<&str> = found.iter().map(|vm| vm.spec.name.as_str()).collect();
                Err(Error::Ambiguous {
                    prefix: wanted.to_owned(),
                    names: names.join(", "),
                })
            }
        }
    }

    /// Lists all complete VMs, for a caller that must know every file that VMs need.
    ///
    /// # Errors
    /// A spec can't be read, so that the files its VM needs are unknown.
    pub fn complete_vms(&self) -> Result<Vec<Vm>, Error> {
        // A VM that is renamed meanwhile may be found under neither name.
        let mut folders = self.folders();
        let entries = loop {
            let entries = self.list();
            let before = std::mem::replace(&mut folders, self.folders());
            if before == folders {
                break entries;
            }
        };
        let complete = |entry: &Entry| !matches!(entry, Entry::Creating(_));
        let entries = entries.into_iter().filter(complete);
        entries.map(Entry::complete).collect()
    }

    /// Returns true when a VM's overlay needs this base disk. Fails like [`Self::complete_vms`].
    pub fn uses(&self, base: &Key) -> Result<bool, Error> {
        let vms = self.complete_vms()?;
        Ok(vms.iter().any(|vm| vm.spec.base() == Some(base)))
    }

    /// Removes a VM whose spec can't be read.
    ///
    /// # Errors
    /// Another process creates or runs the VM, or a file can't be removed.
    pub fn remove_damaged(&self, name: &Name) -> Result<(), Error> {
        let folder = self.folder(name);
        let free = |lock: &str| Lock::try_acquire(&folder.join(lock)).writing(&folder);
        let (Some(creating), Some(running)) = (free(CREATING_LOCK)?, free(RUNNING_LOCK)?) else {
            return Err(Error::DamagedInUse(name.to_string()));
        };
        Ok(file::remove_locked_dir(&folder, [creating, running]).writing(&folder)?)
    }

    /// Removes what dead processes left: folders without a spec, and `--rm` VMs.
    fn sweep(&self) {
        for folder in self.folders() {
            let vm = match Vm::open(&folder) {
                Ok(vm) if vm.spec.remove && !vm.suspended().exists() => Some(vm),
                Err(Error::File(e)) if e.is_not_found() => None,
                _ => continue,
            };
            let free = |name: &str| Lock::try_acquire(&folder.join(name));
            let (Ok(Some(creating)), Ok(Some(running))) = (free(CREATING_LOCK), free(RUNNING_LOCK))
            else {
                continue;
            };
            // Its creator may have finished the VM, or its supervisor suspended it, before this process
            // had the locks.
            let is_new = vm.is_none() && folder.join(SPEC).exists();
            if is_new || vm.as_ref().is_some_and(|vm| vm.suspended().exists()) {
                continue;
            }
            let warn = |path: &Path, result: io::Result<()>| {
                if let Err(error) = result {
                    tracing::warn!(path = %path.display(), %error, "can't remove a dead process's files");
                }
            };
            if let Some(vm) = vm {
                if let Err(error) = vm.remove_orphan() {
                    tracing::warn!(error = text::error_chain(&error), "can't remove a VM");
                    continue;
                }
                let runtime = self.dirs.runtime_of(&vm.spec.id);
                warn(&runtime, file::remove_dir(&runtime));
                let events = self.events();
                if let State::Crashed(reason) = vm.state_after_end() {
                    events.add_crash(&vm, &reason);
                }
                events.add(&Event::now(Kind::Removed, &vm.spec, None));
            }
            // In one step, so that a process that reserves this name at the same time never sees
            // half a folder.
            let doomed = self
                .dirs
                .vms()
                .join(format!(".doomed-{:016x}", random::random_number()));
            let removed = file::rename_locked_dir(&folder, &doomed, [creating, running])
                .and_then(|locks| file::remove_locked_dir(&doomed, locks.into_iter().flatten()));
            warn(&folder, removed);
        }
    }

    fn folders(&self) -> Vec<PathBuf> {
        let paths = file::entries(&self.dirs.vms()).map(|entry| entry.path());
        let mut folders: Vec<_> = paths.filter(|path| path.is_dir()).collect();
        folders.sort();
        folders
    }
}

impl Reservation {
    /// Returns the VM before it is committed, for the names of its files.
    pub fn vm(&self, spec: Spec) -> Vm {
        Vm {
            spec,
            folder: self.folder.clone(),
        }
    }

    /// Turns the folder into a VM: writes its spec.
    ///
    /// # Errors
    /// The spec can't be written.
    pub fn commit(mut self, spec: Spec) -> Result<(Vm, Creating), Error> {
        file::write_json(&self.folder.join(SPEC), &spec)?;
        self.keep = true;
        let event = Event::now(Kind::Created, &spec, None);
        self.events.add(&event);
        let creating = Creating {
            _lock: self.lock.take(),
        };
        Ok((self.vm(spec), creating))
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if !self.keep
            && let Err(error) = file::remove_locked_dir(&self.folder, self.lock.take())
        {
            tracing::warn!(path = %self.folder.display(), %error, "can't remove the folder of an unfinished VM");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::instance::{End, EndKind, RunRecord};
    use super::*;
    use crate::image::Image;
    use crate::vm::State;

    fn store(dir: &Path) -> Store {
        Store::new(&Dirs {
            cache: dir.join("cache"),
            data: dir.join("data"),
            runtime: dir.join("run"),
        })
    }

    fn spec(name: &str, id: &str) -> Spec {
        let image = Image {
            id: format!("{id}{}", "f".repeat(52)),
            ..Image::sample()
        };
        Spec {
            name: name.parse().unwrap(),
            id: id.into(),
            image: Some(image),
            ..Spec::sample()
        }
    }

    fn create(store: &Store, name: &str, id: &str) -> Vm {
        store
            .reserve(Some(name.parse().unwrap()))
            .unwrap()
            .commit(spec(name, id))
            .unwrap()
            .0
    }

    #[test]
    fn vms_are_found_by_name_and_id_prefix() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(dir.path());
        create(&store, "one", "aabb00000000");
        create(&store, "two", "aacc00000000");
        let name = |what: &str| {
            store
                .find(what)
                .map(|vm| vm.spec.name.to_string())
                .map_err(|e| e.to_string())
        };
        assert_eq!(name("one").unwrap(), "one");
        assert_eq!(name("aacc00000000").unwrap(), "two");
        assert_eq!(name("aab").unwrap(), "one");
        assert_eq!(
            name("aacc00000000ffff").unwrap(),
            "two",
            "an image ID finds its VM"
        );
        assert!(name("aa").unwrap_err().contains("one, two"));
        assert!(name("zz").unwrap_err().contains("no VM zz"));
        assert!(name("").is_err() && name("../one").is_err());
    }

    #[test]
    fn a_name_can_be_reserved_once() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(dir.path());
        let first = store.reserve(Some("one".parse().unwrap())).unwrap();
        assert!(matches!(
            store.reserve(Some("one".parse().unwrap())),
            Err(Error::Taken(_))
        ));
        assert!(matches!(store.find("one"), Err(Error::Creating(_))));
        assert!(matches!(&store.list()[..], [Entry::Creating(name)] if name == "one"));
        drop(first);
        assert!(store.list().is_empty());
        assert!(store.reserve(Some("one".parse().unwrap())).is_ok());
    }

    // On Windows a folder can't be removed while a file in it is open.
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
            let reserved =
                (0..300).map(|index| store.reserve_exactly(format!("vm{index}").parse().unwrap()));
            let whole = |reserved: Result<Reservation, Error>| {
                reserved
                    .is_ok_and(|reserved| std::fs::write(reserved.folder.join("file"), "x").is_ok())
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
        vm.set_record(&RunRecord {
            started: Some(now),
            ..RunRecord::default()
        })
        .unwrap();
        drop(taken);
        assert!(matches!(vm.state(), State::Crashed(why) if why.contains("supervisor was killed")));
        let end = |kind| {
            Some(End {
                at: now,
                kind,
                power_cut: false,
                reason: "x".into(),
            })
        };
        vm.set_record(&RunRecord {
            started: Some(now),
            end: end(EndKind::Panic),
            ..RunRecord::default()
        })
        .unwrap();
        assert_eq!(vm.state(), State::Crashed("x".into()));
        vm.set_record(&RunRecord {
            started: Some(now),
            end: end(EndKind::Guest),
            ..RunRecord::default()
        })
        .unwrap();
        assert_eq!(vm.state(), State::Stopped);
    }

    #[test]
    fn a_sweep_removes_what_dead_processes_left_and_keeps_a_damaged_vm() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(dir.path());
        let removed_at_end = Spec {
            remove: true,
            ..spec("gone", "aabb00000000")
        };
        let (vm, creating) = store
            .reserve(Some("gone".parse().unwrap()))
            .unwrap()
            .commit(removed_at_end)
            .unwrap();
        assert_eq!(store.list().len(), 1, "the supervisor may still take over");
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
        assert!(
            why.contains("rm -f damaged") && why.contains("vm.json is damaged"),
            "{why}"
        );
        let running = damaged.take().unwrap();
        assert!(matches!(
            store.remove_damaged(&damaged.spec.name),
            Err(Error::DamagedInUse(_))
        ));
        drop(running);
        store.remove_damaged(&damaged.spec.name).unwrap();
        assert!(store.list().is_empty() && !damaged.folder.exists());
    }
}
