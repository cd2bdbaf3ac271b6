//! The cache of base disks: a folder per key, there only when it is complete.

use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::{BaseDisk, Key, Partial};
use crate::host::fault;
use crate::host::fs::file;
use crate::host::fs::lock;
use crate::host::fs::lock::{Lock, WaitError};
use crate::host::process::interrupt::Interrupted;

const VERSION: u32 = 1;
pub(super) const DISK: &str = "disk.raw";
pub(super) const LOG: &str = "install.log";
const DESCRIPTION: &str = "disk.json";
/// Locked (shared) by those who are about to use the disk; its time is that of the last use.
const USED: &str = "used";
const PARTIAL: &str = ".partial";
const LOCK: &str = ".lock";
const FAILED_LOG: &str = ".log";

/// The folder of all base disks.
#[derive(Debug, Clone)]
pub struct Cache {
    folder: PathBuf,
}

/// The cache can't be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or folder of it can't be used.
    #[error("can't use {path} in the disk cache")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A description can't be read or written.
    #[error(transparent)]
    Description(#[from] file::Error),
    /// The tool was interrupted.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

impl Error {
    fn is_not_found(&self) -> bool {
        match self {
            Self::Io { source, .. } => source.kind() == io::ErrorKind::NotFound,
            Self::Description(error) => error.is_not_found(),
            Self::Interrupted(_) => false,
        }
    }

    pub(super) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }
}

/// Who makes a disk that is not there yet.
#[derive(Debug)]
pub enum Claim {
    /// It is there by now.
    Ready(Box<BaseDisk>),
    /// Nobody else does: it is ours to make.
    Ours(Partial),
    /// Another process is at it.
    Taken,
}

/// A disk that nobody removes as long as this lives.
#[derive(Debug)]
pub struct InUse {
    /// The disk.
    pub disk: BaseDisk,
    _lock: Lock,
}

/// A disk with what the cache knows of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cached {
    /// The disk.
    pub disk: BaseDisk,
    /// When it was made a VM of, or exported, the last time; else when it was made.
    pub last_used: SystemTime,
    /// Bytes that it takes on the host, its log included.
    pub size: u64,
}

#[derive(Serialize, Deserialize)]
struct Description {
    version: u32,
    #[serde(flatten)]
    disk: BaseDisk,
}

impl Cache {
    /// The cache in this folder, which is made when it is missing.
    ///
    /// # Errors
    /// It can't be made.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        file::create_private_dir(folder).map_err(Error::io(folder))?;
        Ok(Self { folder: folder.to_owned() })
    }

    /// The newest disk of this key's content, if there is one.
    ///
    /// # Errors
    /// It is there, and its description can't be read.
    pub fn find(&self, key: &Key) -> Result<Option<BaseDisk>, Error> {
        let mut keys: Vec<Key> = self.keys()?.into_iter().filter(|k| k.content() == key.content()).collect();
        keys.sort_by_key(Key::generation);
        for key in keys.iter().rev() {
            match self.read(key) {
                // Removed meanwhile, or damaged by someone: an older one may do.
                Err(e) if e.is_not_found() => {}
                other => return other.map(Some),
            }
        }
        Ok(None)
    }

    /// The file of the disk of exactly this key.
    pub fn file(&self, key: &Key) -> PathBuf {
        self.folder.join(key.to_string()).join(DISK)
    }

    /// All disks that can be read, in no order.
    ///
    /// # Errors
    /// The folder can't be read.
    pub fn list(&self) -> Result<Vec<BaseDisk>, Error> {
        let mut disks = Vec::new();
        for key in self.keys()? {
            match self.read(&key) {
                Ok(disk) => disks.push(disk),
                Err(error) => {
                    tracing::warn!(error = crate::text::error_chain(&error), "a base disk is left out")
                }
            }
        }
        Ok(disks)
    }

    /// All disks that can be read, with their sizes and times; the one that was used last comes last.
    ///
    /// # Errors
    /// The folder can't be read.
    pub fn contents(&self) -> Result<Vec<Cached>, Error> {
        let mut contents: Vec<Cached> = self
            .list()?
            .into_iter()
            .map(|disk| {
                let folder = self.folder.join(disk.key.to_string());
                let used = std::fs::metadata(folder.join(USED)).and_then(|metadata| metadata.modified());
                let last_used = used.unwrap_or_else(|_| disk.created.into());
                Cached { last_used, size: file::folder_size(&folder), disk }
            })
            .collect();
        contents.sort_by_key(|cached| cached.last_used);
        Ok(contents)
    }

    /// Begins to use the newest disk of this key's content, if there is one.
    ///
    /// # Errors
    /// It is there, and can't be read.
    pub fn hold(&self, key: &Key) -> Result<Option<InUse>, Error> {
        while let Some(disk) = self.find(key)? {
            let used = self.folder.join(disk.key.to_string()).join(USED);
            match Lock::acquire_shared(&used) {
                Ok(lock) => {
                    // Whoever removes a disk holds this lock alone, so it is there now or gone for good.
                    if used.exists() {
                        lock.touch().map_err(Error::io(&used))?;
                        return Ok(Some(InUse { disk, _lock: lock }));
                    }
                }
                // Its folder went between the two looks.
                Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                Err(e) => return Err(Error::io(&used)(e)),
            }
        }
        Ok(None)
    }

    /// Claims the making of a disk; the claim ends with the value or the process. With `anew`, a disk that is
    /// there already doesn't count, and stays for those who use it.
    ///
    /// # Errors
    /// The cache can't be written to.
    pub fn claim(&self, key: &Key, anew: bool) -> Result<Claim, Error> {
        let path = self.lock_file(key);
        let lock = Lock::try_acquire(&path).map_err(Error::io(&path))?;
        let Some(lock) = lock else { return Ok(Claim::Taken) };
        let mut key = match self.find(key)? {
            Some(disk) if !anew => return Ok(Claim::Ready(Box::new(disk))),
            _ => key.clone(),
        };
        // A folder that is there stays, also one that lacks something.
        while self.folder.join(key.to_string()).exists() {
            key = key.next_generation();
        }
        let folder = self.partial(&key);
        // What a dead process left of it.
        file::remove_dir(&folder).map_err(Error::io(&folder))?;
        file::create_private_dir(&folder).map_err(Error::io(&folder))?;
        fault::point("disk-claimed");
        Ok(Claim::Ours(Partial::new(key, folder, self.clone(), lock)))
    }

    /// Waits until whoever makes the disk of this key is done with it, or dead.
    ///
    /// # Errors
    /// The lock can't be opened, or the tool is interrupted.
    pub fn wait(&self, key: &Key) -> Result<(), Error> {
        let path = self.lock_file(key);
        match Lock::wait(&path) {
            Ok(_free) => Ok(()),
            Err(WaitError::Io(error)) => Err(Error::io(&path)(error)),
            Err(WaitError::Interrupted(signal)) => Err(signal.into()),
        }
    }

    /// Removes a disk, unless it is in use or under way; says whether it did. `used` has the last word: it is
    /// asked when nobody can begin to use the disk any more. A `dry_run` only says what it would do.
    ///
    /// # Errors
    /// What `used` says, or the disk can't be removed.
    pub fn remove<E: From<Error>>(
        &self,
        key: &Key,
        dry_run: bool,
        used: impl FnOnce() -> Result<bool, E>,
    ) -> Result<bool, E> {
        let lock = |path: &Path| Lock::try_acquire(path).map_err(Error::io(path));
        let Some(_making) = lock(&self.lock_file(key))? else { return Ok(false) };
        let folder = self.folder.join(key.to_string());
        if !folder.exists() {
            return Ok(false);
        }
        let Some(using) = lock(&folder.join(USED))? else { return Ok(false) };
        if used()? {
            return Ok(false);
        }
        if dry_run {
            return Ok(true);
        }
        // In one step; what is left when we die on the way is swept as any half-made disk.
        let doomed = self.partial(key);
        file::remove_dir(&doomed).map_err(Error::io(&doomed))?;
        let using = file::rename_locked_dir(&folder, &doomed, using).map_err(Error::io(&folder))?;
        fault::point("disk-doomed");
        file::remove_locked_dir(&doomed, using).map_err(Error::io(&doomed))?;
        if !self.keys()?.iter().any(|other| other.content() == key.content()) {
            // The last one of its content; whoever waits for this lock notices that its file is gone.
            std::fs::remove_file(self.lock_file(key)).map_err(Error::io(&self.folder))?;
        }
        Ok(true)
    }

    /// Removes what dead processes left half-made.
    pub fn sweep(&self) {
        for entry in std::fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if let Some(Ok(key)) = name.strip_suffix(PARTIAL).map(str::parse::<Key>)
                && let Ok(Some(_lock)) = Lock::try_acquire(&self.lock_file(&key))
                && let Err(error) = file::remove_dir(&entry.path())
            {
                tracing::warn!(path = %entry.path().display(), %error, "can't remove what a dead process left");
            }
        }
    }

    /// True while a disk is being made whose key begins so.
    pub fn is_under_way(&self, prefix: &str) -> bool {
        std::fs::read_dir(&self.folder).into_iter().flatten().flatten().any(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            name.starts_with(prefix) && name.ends_with(LOCK) && lock::is_held(&entry.path())
        })
    }

    /// The logs of installs that failed.
    pub fn failed_logs(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let is_log = |path: &PathBuf| {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            name.strip_suffix(FAILED_LOG).is_some_and(|key| key.parse::<Key>().is_ok())
        };
        entries.map(|entry| entry.path()).filter(is_log).collect()
    }

    pub(super) fn failed_log(&self, key: &Key) -> PathBuf {
        self.folder.join(format!("{key}{FAILED_LOG}"))
    }

    /// Puts a finished disk, whose folder is `partial`, in its place.
    pub(super) fn place(&self, mut disk: BaseDisk, partial: &Path) -> Result<BaseDisk, Error> {
        let folder = self.folder.join(disk.key.to_string());
        disk.file = folder.join(DISK);
        let used = partial.join(USED);
        file::create_private(&used).map_err(Error::io(&used))?;
        let description = Description { version: VERSION, disk };
        file::write_json(&partial.join(DESCRIPTION), &description)?;
        fault::point("disk-described");
        std::fs::rename(partial, &folder).map_err(Error::io(&folder))?;
        fault::point("disk-placed");
        file::sync_dir(&self.folder).map_err(Error::io(&self.folder))?;
        Ok(description.disk)
    }

    fn read(&self, key: &Key) -> Result<BaseDisk, Error> {
        let description: Description =
            file::read_json(&self.folder.join(key.to_string()).join(DESCRIPTION), VERSION)?;
        let file = self.file(key);
        file.metadata().map_err(Error::io(&file))?;
        // The folder's name counts: it is what VMs stand on.
        Ok(BaseDisk { key: key.clone(), file, ..description.disk })
    }

    /// The keys of all complete disks.
    fn keys(&self) -> Result<Vec<Key>, Error> {
        let mut keys = Vec::new();
        for entry in std::fs::read_dir(&self.folder).map_err(Error::io(&self.folder))? {
            let entry = entry.map_err(Error::io(&self.folder))?;
            keys.extend(entry.file_name().to_str().and_then(|name| name.parse::<Key>().ok()));
        }
        Ok(keys)
    }

    fn partial(&self, key: &Key) -> PathBuf {
        self.folder.join(format!("{key}{PARTIAL}"))
    }

    /// One lock for all disks of the same content.
    fn lock_file(&self, key: &Key) -> PathBuf {
        self.folder.join(format!("{}{LOCK}", key.content()))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::disk::Options;
    use crate::image::{Facts, Image};

    pub fn disk() -> BaseDisk {
        let image = Image::sample();
        let options = Options::default();
        BaseDisk {
            key: Key::new(&image, &options),
            image,
            options,
            facts: Facts::default(),
            created: jiff::Timestamp::UNIX_EPOCH,
            file: PathBuf::new(),
        }
    }

    fn claim(cache: &Cache, key: &Key) -> Partial {
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
        assert!(matches!(cache.claim(&disk.key, false).unwrap(), Claim::Taken));
        std::fs::write(partial.disk(), "disk").unwrap();
        std::fs::write(partial.folder().join("scratch"), "x").unwrap();
        assert_eq!(cache.find(&disk.key).unwrap(), None);
        let made = partial.finish(disk.clone()).unwrap();
        assert_eq!(std::fs::read(&made.file).unwrap(), b"disk");
        assert!(std::fs::metadata(&made.file).unwrap().permissions().readonly());
        assert_eq!(cache.find(&disk.key).unwrap(), Some(made.clone()));
        assert_eq!(cache.list().unwrap(), [made]);
        assert!(matches!(cache.claim(&disk.key, false).unwrap(), Claim::Ready(_)));
        assert_eq!(
            std::fs::read_dir(dir.path().join("disks").join(disk.key.to_string())).unwrap().count(),
            3
        );
    }

    #[test]
    fn what_is_given_up_or_left_by_the_dead_goes() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::open(dir.path()).unwrap();
        let key = disk().key;
        let partial = claim(&cache, &key);
        let folder = partial.folder().to_owned();
        cache.sweep();
        assert!(folder.exists(), "a living process's work is left alone");
        drop(partial);
        assert!(!folder.exists());
        std::fs::create_dir(&folder).unwrap();
        cache.sweep();
        assert!(!folder.exists());
    }

    fn make(cache: &Cache, anew: bool) -> BaseDisk {
        put(cache, disk(), anew)
    }

    pub fn put(cache: &Cache, disk: BaseDisk, anew: bool) -> BaseDisk {
        let Claim::Ours(partial) = cache.claim(&disk.key, anew).unwrap() else { panic!() };
        std::fs::write(partial.disk(), "disk").unwrap();
        partial.finish(disk).unwrap()
    }

    #[test]
    fn a_disk_made_anew_leaves_the_old_one_to_its_users() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::open(dir.path()).unwrap();
        let old = make(&cache, true);
        let new = make(&cache, true);
        assert_eq!((old.key.generation(), new.key.generation()), (0, 1));
        assert_eq!(cache.find(&old.key).unwrap(), Some(new.clone()));
        assert_eq!(cache.hold(&old.key).unwrap().unwrap().disk, new);
        assert!(old.file.exists() && cache.list().unwrap().len() == 2);
        std::fs::remove_file(&new.file).unwrap();
        assert_eq!(cache.find(&old.key).unwrap(), Some(old.clone()));
        assert_eq!(make(&cache, true).key.generation(), 2);
    }

    #[test]
    fn what_is_in_use_or_under_way_is_not_removed() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::open(dir.path()).unwrap();
        let made = make(&cache, false);
        let remove = |used| cache.remove::<Error>(&made.key, false, || Ok(used)).unwrap();
        let held = cache.hold(&made.key).unwrap().unwrap();
        assert!(!remove(false), "somebody is about to use it");
        let also = cache.hold(&made.key).unwrap().unwrap();
        drop((held, also));
        let Claim::Ours(partial) = cache.claim(&made.key, true).unwrap() else { panic!() };
        assert!(!remove(false), "its content is being made");
        drop(partial);
        assert!(!remove(true), "a VM stands on it");
        assert!(made.file.exists() && remove(false) && !made.file.exists());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "its lock's file goes, too");
        assert!(!remove(false) && cache.hold(&made.key).unwrap().is_none());
        assert!(make(&cache, false).file.exists());
    }

    #[test]
    fn the_last_use_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::open(dir.path()).unwrap();
        let made = make(&cache, false);
        let before = SystemTime::now() - std::time::Duration::from_secs(1000);
        let used = std::fs::File::open(made.file.with_file_name(USED)).unwrap();
        used.set_modified(before).unwrap();
        assert_eq!(cache.contents().unwrap()[0].last_used, before);
        drop(cache.hold(&made.key).unwrap());
        assert!(cache.contents().unwrap()[0].last_used > before);
    }

    #[test]
    fn failed_logs_are_found() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::open(dir.path()).unwrap();
        let partial = claim(&cache, &disk().key);
        std::fs::write(partial.log(), "why").unwrap();
        let kept = partial.keep_log();
        drop(partial);
        assert_eq!(cache.failed_logs(), [kept]);
    }
}
