//! A base disk in the making.

use std::path::{Path, PathBuf};

use super::cache_folder::{CacheFolder, DISK, Error, LOG};
use super::{BaseDisk, Key};
use crate::host::fault;
use crate::host::fs::file::{self, IoContext};
use crate::host::fs::lock::Lock;

/// An unfinished disk. It is removed when dropped before [`PartialDisk::finish`].
#[derive(Debug)]
pub struct PartialDisk {
    key: Key,
    folder: PathBuf,
    cache: CacheFolder,
    _lock: Lock,
    keep: bool,
}

impl PartialDisk {
    pub(super) fn new(key: Key, folder: PathBuf, cache: CacheFolder, lock: Lock) -> Self {
        Self {
            key,
            folder,
            cache,
            _lock: lock,
            keep: false,
        }
    }

    pub fn key(&self) -> &Key {
        &self.key
    }

    /// The folder to work in. [`Self::finish`] keeps only the disk and the log.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The disk image to make.
    pub fn disk(&self) -> PathBuf {
        self.folder.join(DISK)
    }

    /// The install's log.
    pub fn log(&self) -> PathBuf {
        self.folder.join(LOG)
    }

    /// Moves the log of a failed install out of the folder, and returns its new path.
    pub fn keep_log(&self) -> PathBuf {
        let kept = self.cache.failed_log(&self.key);
        match std::fs::rename(self.log(), &kept) {
            Ok(()) => kept,
            Err(_) => self.log(),
        }
    }

    /// Puts the finished disk into the cache.
    pub fn finish(mut self, disk: BaseDisk) -> Result<BaseDisk, Error> {
        let file = self.disk();
        // The disk's bytes must be safe before the rename below.
        file::sync(&file).writing(&file)?;
        fault::point("disk-synced");
        file::make_read_only(&file).writing(&file)?;
        for entry in std::fs::read_dir(&self.folder)
            .writing(&self.folder)?
            .flatten()
        {
            if entry.file_name() != DISK && entry.file_name() != LOG {
                let path = entry.path();
                let removed = if path.is_dir() {
                    file::remove_dir(&path)
                } else {
                    std::fs::remove_file(&path)
                };
                removed.writing(&path)?;
            }
        }
        let disk = self.cache.place(
            BaseDisk {
                key: self.key.clone(),
                ..disk
            },
            &self.folder,
        )?;
        self.keep = true;
        // The log of an earlier failure, if any, is obsolete now.
        let _ = std::fs::remove_file(self.cache.failed_log(&self.key));
        Ok(disk)
    }
}

impl Drop for PartialDisk {
    fn drop(&mut self) {
        if !self.keep
            && let Err(error) = file::remove_dir(&self.folder)
        {
            tracing::warn!(path = %self.folder.display(), %error, "can't remove an unfinished disk");
        }
    }
}
