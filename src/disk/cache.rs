//! The cache of base disks: a folder per key, there only when it is complete.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{BaseDisk, Key};
use crate::host::file;
use crate::host::lock::{self, Lock};

const VERSION: u32 = 1;
const DISK: &str = "disk.raw";
const DESCRIPTION: &str = "disk.json";
const LOG: &str = "install.log";
const PARTIAL: &str = ".partial";
const LOCK: &str = ".lock";

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
        file::create_private_dir(folder).map_err(|source| Error::Io { path: folder.to_owned(), source })?;
        Ok(Self { folder: folder.to_owned() })
    }

    /// The disk of this key, if it is there.
    ///
    /// # Errors
    /// It is there, and its description can't be read.
    pub fn find(&self, key: &Key) -> Result<Option<BaseDisk>, Error> {
        let folder = self.folder.join(key.to_string());
        match file::read_json::<Description>(&folder.join(DESCRIPTION), VERSION) {
            Ok(description) => Ok(Some(BaseDisk { file: folder.join(DISK), ..description.disk })),
            Err(e) if e.is_not_found() => Ok(None),
            Err(e) => Err(e.into()),
        }
    }

    /// All disks that can be read.
    ///
    /// # Errors
    /// The folder can't be read.
    pub fn list(&self) -> Result<Vec<BaseDisk>, Error> {
        let io = |source| Error::Io { path: self.folder.clone(), source };
        let mut disks = Vec::new();
        for entry in std::fs::read_dir(&self.folder).map_err(io)? {
            let folder = entry.map_err(io)?.path();
            match file::read_json::<Description>(&folder.join(DESCRIPTION), VERSION) {
                Ok(description) => disks.push(BaseDisk { file: folder.join(DISK), ..description.disk }),
                Err(error) => tracing::debug!(%error, "not a base disk"),
            }
        }
        Ok(disks)
    }

    /// Claims the making of a disk; the claim ends with the value or the process.
    ///
    /// # Errors
    /// The cache can't be written to.
    pub fn claim(&self, key: &Key) -> Result<Claim, Error> {
        let path = self.lock_file(key);
        let lock = Lock::try_acquire(&path).map_err(|source| Error::Io { path, source })?;
        let Some(lock) = lock else { return Ok(Claim::Taken) };
        if let Some(disk) = self.find(key)? {
            return Ok(Claim::Ready(Box::new(disk)));
        }
        let folder = self.folder.join(format!("{key}{PARTIAL}"));
        let io = |source| Error::Io { path: folder.clone(), source };
        // What a dead process left of it.
        file::remove_dir(&folder).map_err(io)?;
        file::create_private_dir(&folder).map_err(io)?;
        Ok(Claim::Ours(Partial {
            key: key.clone(),
            folder,
            cache: self.clone(),
            lock: Some(lock),
            keep: false,
        }))
    }

    /// Waits until whoever makes the disk of this key is done with it, or dead.
    ///
    /// # Errors
    /// The lock can't be opened.
    pub fn wait(&self, key: &Key) -> Result<(), Error> {
        let path = self.lock_file(key);
        Lock::acquire(&path).map(drop).map_err(|source| Error::Io { path, source })
    }

    /// Removes what dead processes left half-made.
    pub fn sweep(&self) {
        for entry in std::fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if let Some(key) = name.strip_suffix(PARTIAL)
                && let Ok(Some(_lock)) = Lock::try_acquire(&self.folder.join(format!("{key}{LOCK}")))
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

    fn lock_file(&self, key: &Key) -> PathBuf {
        self.folder.join(format!("{key}{LOCK}"))
    }
}

/// A disk in the making. Dropped before [`Partial::finish`], it vanishes.
#[derive(Debug)]
pub struct Partial {
    key: Key,
    folder: PathBuf,
    cache: Cache,
    lock: Option<Lock>,
    keep: bool,
}

impl Partial {
    /// The key of the disk in the making.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// The folder to work in; all that is in it but the disk and the log goes in the end.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The disk image to make.
    pub fn disk(&self) -> PathBuf {
        self.folder.join(DISK)
    }

    /// The install's log; it stays beside the disk.
    pub fn log(&self) -> PathBuf {
        self.folder.join(LOG)
    }

    /// Moves the log of a failed install to a place where it outlives this value, and returns it.
    pub fn keep_log(&self) -> PathBuf {
        let kept = self.cache.folder.join(format!("{}.log", self.key));
        match std::fs::rename(self.log(), &kept) {
            Ok(()) => kept,
            Err(_) => self.log(),
        }
    }

    /// Puts the finished disk into the cache.
    ///
    /// # Errors
    /// The cache can't be written to.
    pub fn finish(mut self, mut disk: BaseDisk) -> Result<BaseDisk, Error> {
        let io = |path: &Path| {
            let path = path.to_owned();
            move |source| Error::Io { path, source }
        };
        let file = self.disk();
        // The rename below must not overtake the disk's bytes.
        std::fs::File::open(&file).and_then(|f| f.sync_all()).map_err(io(&file))?;
        file::make_read_only(&file).map_err(io(&file))?;
        for entry in std::fs::read_dir(&self.folder).map_err(io(&self.folder))?.flatten() {
            if entry.file_name() != DISK && entry.file_name() != LOG {
                let path = entry.path();
                let removed =
                    if path.is_dir() { file::remove_dir(&path) } else { std::fs::remove_file(&path) };
                removed.map_err(io(&path))?;
            }
        }
        let folder = self.cache.folder.join(self.key.to_string());
        disk.file = folder.join(DISK);
        let description = Description { version: VERSION, disk };
        file::write_json(&self.folder.join(DESCRIPTION), &description)?;
        std::fs::rename(&self.folder, &folder).map_err(io(&folder))?;
        // A log of an earlier failure says nothing of this disk; there may be none.
        let _ = std::fs::remove_file(self.cache.folder.join(format!("{}.log", self.key)));
        self.keep = true;
        Ok(description.disk)
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if !self.keep
            && let Err(error) = file::remove_dir(&self.folder)
        {
            tracing::warn!(path = %self.folder.display(), %error, "can't remove a half-made disk");
        }
        self.lock = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::Options;
    use crate::image::{Facts, Image};

    fn disk() -> BaseDisk {
        let image = Image {
            reference: "localhost/x:latest".into(),
            id: "a".repeat(64),
            digest: "sha256:1".into(),
            architecture: "amd64".into(),
            size: 5,
            layers: vec![],
            labels: Default::default(),
        };
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
        match cache.claim(key).unwrap() {
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
        assert!(matches!(cache.claim(&disk.key).unwrap(), Claim::Taken));
        std::fs::write(partial.disk(), "disk").unwrap();
        std::fs::write(partial.folder().join("scratch"), "x").unwrap();
        assert_eq!(cache.find(&disk.key).unwrap(), None);
        let made = partial.finish(disk.clone()).unwrap();
        assert_eq!(std::fs::read(&made.file).unwrap(), b"disk");
        assert!(std::fs::metadata(&made.file).unwrap().permissions().readonly());
        assert_eq!(cache.find(&disk.key).unwrap(), Some(made.clone()));
        assert_eq!(cache.list().unwrap(), [made]);
        assert!(matches!(cache.claim(&disk.key).unwrap(), Claim::Ready(_)));
        assert_eq!(
            std::fs::read_dir(dir.path().join("disks").join(disk.key.to_string())).unwrap().count(),
            2
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
}
