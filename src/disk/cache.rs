//! The cache of base disks, which several processes use at the same time.

use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::cache_folder::{CacheFolder, Error};
use super::{BaseDisk, Key, PartialDisk};
use crate::host::fault;
use crate::host::fs::file::{self, IoContext};
use crate::host::fs::lock::{Lock, WaitError};

#[derive(Debug, Clone)]
pub struct Cache {
    folder: CacheFolder,
}

/// The answer to a process that wants to make a disk.
#[derive(Debug)]
pub enum Claim {
    /// The disk exists by now.
    Ready(Box<BaseDisk>),
    /// This process makes the disk.
    Ours(PartialDisk),
    /// Another process makes the disk.
    Taken,
}

/// Keeps a base disk from being removed as long as the value lives.
#[derive(Debug)]
pub struct Lease {
    pub disk: BaseDisk,
    _lock: Lock,
}

struct RemovalLocks {
    _making: Lock,
    using: Lock,
}

/// A disk with its usage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cached {
    pub disk: BaseDisk,
    /// The time of the last new VM or export; at first the time when the disk was made.
    pub last_used: SystemTime,
    /// Bytes that the disk and its log take on the host.
    pub size: u64,
}

impl Cache {
    /// Opens the cache in this folder, and creates the folder if necessary.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        file::create_private_dir(folder).writing(folder)?;
        Ok(Self {
            folder: CacheFolder {
                path: folder.to_owned(),
            },
        })
    }

    /// Returns exactly this disk, or `None` if it doesn't exist.
    pub fn get(&self, key: &Key) -> Result<Option<BaseDisk>, Error> {
        match self.folder.read(key) {
            Err(Error::File(e)) if e.is_not_found() => Ok(None),
            other => other.map(Some),
        }
    }

    /// Returns the newest disk with this key's content.
    pub fn find(&self, key: &Key) -> Result<Option<BaseDisk>, Error> {
        let mut keys = self.folder.keys()?;
        keys.retain(|k| k.content() == key.content());
        keys.sort_by_key(Key::generation);
        for key in keys.iter().rev() {
            // Another process may have removed it. An older disk will do.
            if let Some(disk) = self.get(key)? {
                return Ok(Some(disk));
            }
        }
        Ok(None)
    }

    /// The file of the disk with exactly this key.
    pub fn file(&self, key: &Key) -> PathBuf {
        self.folder.disk(key)
    }

    /// Returns all readable disks, in no order.
    pub fn list(&self) -> Result<Vec<BaseDisk>, Error> {
        let mut disks = Vec::new();
        for key in self.folder.keys()? {
            match self.folder.read(&key) {
                Ok(disk) => disks.push(disk),
                Err(error) => {
                    tracing::warn!(
                        error = crate::text::error_chain(&error),
                        "ignoring a base disk"
                    )
                }
            }
        }
        Ok(disks)
    }

    /// Returns all readable disks with their usage, the most recently used disk last.
    pub fn contents(&self) -> Result<Vec<Cached>, Error> {
        let usage = |disk: BaseDisk| {
            let used = self
                .folder
                .used(&disk.key)
                .metadata()
                .and_then(|metadata| metadata.modified());
            let last_used = used.unwrap_or_else(|_| disk.created.into());
            Cached {
                last_used,
                size: file::folder_size(&self.folder.disk_folder(&disk.key)),
                disk,
            }
        };
        let mut contents: Vec<Cached> = self.list()?.into_iter().map(usage).collect();
        contents.sort_by_key(|cached| cached.last_used);
        Ok(contents)
    }

    /// Leases the newest disk with this key's content.
    pub fn lease(&self, key: &Key) -> Result<Option<Lease>, Error> {
        while let Some(disk) = self.find(key)? {
            let used = self.folder.used(&disk.key);
            match Lock::acquire_shared(&used) {
                Ok(lock) => {
                    // A process that removes a disk holds this lock exclusively, so `exists` is
                    // final now.
                    if used.exists() {
                        lock.touch().writing(&used)?;
                        return Ok(Some(Lease { disk, _lock: lock }));
                    }
                }
                // Another process removed the disk since `find`.
                Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                Err(source) => return Err(file::Error::Write { path: used, source }.into()),
            }
        }
        Ok(None)
    }

    /// Claims the making of a disk. The claim ends with the returned value or with the process.
    /// `rebuild` ignores an existing disk, which stays for the VMs that use it.
    pub fn claim(&self, key: &Key, rebuild: bool) -> Result<Claim, Error> {
        let path = self.folder.lock(key);
        let Some(lock) = Lock::try_acquire(&path).writing(&path)? else {
            return Ok(Claim::Taken);
        };
        let mut key = match self.find(key)? {
            Some(disk) if !rebuild => return Ok(Claim::Ready(Box::new(disk))),
            _ => key.clone(),
        };
        // A folder with a damaged disk stays, too: VMs may use it.
        while self.folder.disk_folder(&key).exists() {
            key = key.next_generation();
        }
        let partial = self.folder.partial(&key);
        // A dead process may have left files in it.
        file::remove_dir(&partial).writing(&partial)?;
        file::create_private_dir(&partial).writing(&partial)?;
        fault::point("disk-claimed");
        Ok(Claim::Ours(PartialDisk::new(
            key,
            partial,
            self.folder.clone(),
            lock,
        )))
    }

    /// Waits until the process that makes this disk finishes or dies.
    pub fn wait(&self, key: &Key) -> Result<(), Error> {
        let path = self.folder.lock(key);
        match Lock::wait(&path) {
            Ok(_free) => Ok(()),
            Err(WaitError::Io(source)) => Err(file::Error::Write { path, source }.into()),
            Err(WaitError::Interrupted(signal)) => Err(signal.into()),
        }
    }

    /// Removes a disk and returns true, unless a process uses or makes it. It calls `used` last,
    /// when no process can begin to use the disk any more. A `dry_run` removes nothing.
    pub fn remove<E: From<Error>>(
        &self,
        key: &Key,
        dry_run: bool,
        used: impl FnOnce() -> Result<bool, E>,
    ) -> Result<bool, E> {
        let Some(locks) = self.lock_for_removal(key)? else {
            return Ok(false);
        };
        if used()? {
            return Ok(false);
        }
        if !dry_run {
            self.remove_locked(key, locks)?;
        }
        Ok(true)
    }

    /// Locks a disk that no process uses or makes.
    fn lock_for_removal(&self, key: &Key) -> Result<Option<RemovalLocks>, Error> {
        let lock = |path: PathBuf| Lock::try_acquire(&path).writing(path);
        let Some(making) = lock(self.folder.lock(key))? else {
            return Ok(None);
        };
        if !self.folder.disk_folder(key).exists() {
            return Ok(None);
        }
        Ok(lock(self.folder.used(key))?.map(|using| RemovalLocks {
            _making: making,
            using,
        }))
    }

    fn remove_locked(&self, key: &Key, locks: RemovalLocks) -> Result<(), Error> {
        // The disk disappears in one step. If this process dies before the end, `sweep` removes the
        // rest.
        let (folder, doomed) = (self.folder.disk_folder(key), self.folder.partial(key));
        file::remove_dir(&doomed).writing(&doomed)?;
        let using = file::rename_locked_dir(&folder, &doomed, locks.using).writing(&folder)?;
        fault::point("disk-doomed");
        file::remove_locked_dir(&doomed, using).writing(&doomed)?;
        if !self
            .folder
            .keys()?
            .iter()
            .any(|other| other.content() == key.content())
        {
            // No disk with this content is left. A process that waits for this lock notices that
            // the file is gone.
            std::fs::remove_file(self.folder.lock(key)).writing(&self.folder.path)?;
        }
        Ok(())
    }

    /// Removes the unfinished disks of dead processes. `clear` first removes what this process can't
    /// remove from such a folder by itself.
    pub fn sweep(&self, clear: impl Fn(&Path)) {
        for (key, path) in self.folder.partials() {
            let Ok(Some(_lock)) = Lock::try_acquire(&self.folder.lock(&key)) else {
                continue;
            };
            clear(&path);
            if let Err(error) = file::remove_dir(&path) {
                tracing::warn!(path = %path.display(), %error, "can't remove a dead process's unfinished disk");
            }
        }
    }

    /// The logs of failed installs.
    pub fn failed_logs(&self) -> Vec<PathBuf> {
        self.folder.failed_logs().collect()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::disk::InstallOptions;
    use crate::image::{Facts, Image};

    pub fn disk() -> BaseDisk {
        let image = Image::sample();
        let options = InstallOptions::default();
        BaseDisk {
            key: Key::new(&image, &options),
            image,
            options,
            facts: Facts::default(),
            installed: None,
            created: jiff::Timestamp::UNIX_EPOCH,
            file: PathBuf::new(),
        }
    }

    fn claim(cache: &Cache, key: &Key) -> PartialDisk {
        match cache.claim(key, false).unwrap() {
            Claim::Ours(partial) => partial,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_disk_appears_only_when_it_is_finished() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::open(&dir.path().join("disks")).unwrap();
        let disk = disk();
        let partial = claim(&cache, &disk.key);
        assert!(matches!(
            cache.claim(&disk.key, false).unwrap(),
            Claim::Taken
        ));
        std::fs::write(partial.disk(), "disk").unwrap();
        std::fs::write(partial.folder().join("scratch"), "x").unwrap();
        assert_eq!(cache.find(&disk.key).unwrap(), None);
        let made = partial.finish(disk.clone()).unwrap();
        assert_eq!(std::fs::read(&made.file).unwrap(), b"disk");
        assert!(
            std::fs::metadata(&made.file)
                .unwrap()
                .permissions()
                .readonly()
        );
        assert_eq!(cache.find(&disk.key).unwrap(), Some(made.clone()));
        assert_eq!(cache.list().unwrap(), [made]);
        assert!(matches!(
            cache.claim(&disk.key, false).unwrap(),
            Claim::Ready(_)
        ));
        assert_eq!(
            std::fs::read_dir(dir.path().join("disks").join(disk.key.to_string()))
                .unwrap()
                .count(),
            3
        );
    }

    #[test]
    fn unfinished_disks_vanish_when_they_are_dropped_or_their_process_is_dead() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::open(dir.path()).unwrap();
        let key = disk().key;
        let partial = claim(&cache, &key);
        let folder = partial.folder().to_owned();
        cache.sweep(|_| unreachable!());
        assert!(folder.exists(), "sweep spares the disk of a living process");
        drop(partial);
        assert!(!folder.exists());
        std::fs::create_dir(&folder).unwrap();
        let left = folder.join("left");
        std::fs::write(&left, "").unwrap();
        cache.sweep(|folder| std::fs::remove_file(folder.join("left")).unwrap());
        assert!(!folder.exists());
    }

    fn make(cache: &Cache, rebuild: bool) -> BaseDisk {
        put(cache, disk(), rebuild)
    }

    pub fn put(cache: &Cache, disk: BaseDisk, rebuild: bool) -> BaseDisk {
        let Claim::Ours(partial) = cache.claim(&disk.key, rebuild).unwrap() else {
            panic!()
        };
        std::fs::write(partial.disk(), "disk").unwrap();
        partial.finish(disk).unwrap()
    }

    #[test]
    fn a_rebuild_leaves_the_old_disk_to_its_users() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::open(dir.path()).unwrap();
        let old = make(&cache, true);
        let new = make(&cache, true);
        assert_eq!((old.key.generation(), new.key.generation()), (0, 1));
        assert_eq!(cache.find(&old.key).unwrap(), Some(new.clone()));
        assert_eq!(cache.lease(&old.key).unwrap().unwrap().disk, new);
        assert!(old.file.exists() && cache.list().unwrap().len() == 2);
        std::fs::remove_file(&new.file).unwrap();
        assert_eq!(cache.find(&old.key).unwrap(), Some(old.clone()));
        assert_eq!(make(&cache, true).key.generation(), 2);
    }

    #[test]
    fn a_disk_in_use_or_being_made_is_not_removed() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::open(dir.path()).unwrap();
        let made = make(&cache, false);
        let remove = |used| {
            cache
                .remove::<Error>(&made.key, false, || Ok(used))
                .unwrap()
        };
        let lease = cache.lease(&made.key).unwrap().unwrap();
        assert!(!remove(false), "a process leases the disk");
        let second = cache.lease(&made.key).unwrap().unwrap();
        drop((lease, second));
        let Claim::Ours(partial) = cache.claim(&made.key, true).unwrap() else {
            panic!()
        };
        assert!(!remove(false), "a process rebuilds the disk");
        drop(partial);
        assert!(!remove(true), "a VM uses the disk");
        assert!(made.file.exists() && remove(false) && !made.file.exists());
        assert_eq!(
            std::fs::read_dir(dir.path()).unwrap().count(),
            0,
            "the lock file is removed, too"
        );
        assert!(!remove(false) && cache.lease(&made.key).unwrap().is_none());
        assert!(make(&cache, false).file.exists());
    }

    #[test]
    fn a_lease_sets_the_time_of_the_last_use() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::open(dir.path()).unwrap();
        let made = make(&cache, false);
        let before = SystemTime::now() - std::time::Duration::from_secs(1000);
        let used = std::fs::File::open(made.file.with_file_name("used")).unwrap();
        used.set_modified(before).unwrap();
        assert_eq!(cache.contents().unwrap()[0].last_used, before);
        drop(cache.lease(&made.key).unwrap());
        assert!(cache.contents().unwrap()[0].last_used > before);
    }

    #[test]
    fn the_log_of_a_failed_install_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::open(dir.path()).unwrap();
        let partial = claim(&cache, &disk().key);
        std::fs::write(partial.log(), "why").unwrap();
        let kept = partial.keep_log();
        drop(partial);
        assert_eq!(cache.failed_logs(), [kept]);
    }
}
