//! A base disk in the making.

use std::path::{Path, PathBuf};

use super::cache::{DISK, Error, LOG};
use super::{BaseDisk, Cache, Key};
use crate::host::fault;
use crate::host::fs::file;
use crate::host::fs::lock::Lock;

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
    pub(super) fn new(key: Key, folder: PathBuf, cache: Cache, lock: Lock) -> Self {
        Self { key, folder, cache, lock: Some(lock), keep: false }
    }

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
        let kept = self.cache.failed_log(&self.key);
        match std::fs::rename(self.log(), &kept) {
            Ok(()) => kept,
            Err(_) => self.log(),
        }
    }

    /// Puts the finished disk into the cache.
    ///
    /// # Errors
    /// The cache can't be written to.
    pub fn finish(mut self, disk: BaseDisk) -> Result<BaseDisk, Error> {
        let file = self.disk();
        // The rename below must not overtake the disk's bytes.
        file::sync(&file).map_err(Error::io(&file))?;
        fault::point("disk-synced");
        file::make_read_only(&file).map_err(Error::io(&file))?;
        for entry in std::fs::read_dir(&self.folder).map_err(Error::io(&self.folder))?.flatten() {
            if entry.file_name() != DISK && entry.file_name() != LOG {
                let path = entry.path();
                let removed =
                    if path.is_dir() { file::remove_dir(&path) } else { std::fs::remove_file(&path) };
                removed.map_err(Error::io(&path))?;
            }
        }
        let disk = self.cache.place(BaseDisk { key: self.key.clone(), ..disk }, &self.folder)?;
        self.keep = true;
        // A log of an earlier failure says nothing of this disk; there may be none.
        let _ = std::fs::remove_file(self.cache.failed_log(&self.key));
        Ok(disk)
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
