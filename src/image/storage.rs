//! A storage of our own, for images that come out of files or from another podman.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::host::fs::dirs::Dirs;
use crate::host::fs::file;
use crate::host::fs::lock::{Lock, WaitError};

/// A storage of images that is not podman's usual one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Storage {
    /// Its images.
    pub root: PathBuf,
    /// What it keeps while it is used; podman takes 50 bytes at the most.
    pub run: PathBuf,
}

/// A storage of our own in use; one process at a time.
#[derive(Debug)]
pub struct StorageInUse {
    storage: Storage,
    _lock: Lock,
}

impl Storage {
    /// Returns the storage for images from elsewhere.
    pub fn of(dirs: &Dirs) -> Self {
        let (root, run) = dirs.storage();
        Self { root, run }
    }

    /// Takes the storage for this process; when another has it, says so to `waiting` and waits.
    ///
    /// # Errors
    /// Its folders can't be made, or the tool is interrupted.
    pub fn take(self, waiting: impl FnOnce()) -> Result<StorageInUse, WaitError> {
        file::create_private_dir(&self.root)?;
        let lock = match Lock::try_acquire(&self.lock())? {
            Some(lock) => lock,
            None => {
                waiting();
                Lock::wait(&self.lock())?
            }
        };
        // When it was used last is told by this.
        lock.touch()?;
        Ok(self.taken(lock)?)
    }

    /// Takes the storage for this process, unless another has it.
    ///
    /// # Errors
    /// Its folders can't be made.
    pub fn try_take(self) -> std::io::Result<Option<StorageInUse>> {
        file::create_private_dir(&self.root)?;
        Lock::try_acquire(&self.lock())?.map(|lock| self.taken(lock)).transpose()
    }

    /// What is kept only while it is used is made, and goes, with the lock held. A holder that was killed left its own.
    fn taken(self, lock: Lock) -> std::io::Result<StorageInUse> {
        file::remove_dir(&self.run)?;
        file::create_private_dir(&self.run)?;
        Ok(StorageInUse { storage: self, _lock: lock })
    }

    /// When it was used last, unless never.
    pub fn last_used(&self) -> Option<SystemTime> {
        self.lock().metadata().and_then(|metadata| metadata.modified()).ok()
    }

    /// A file beside it for an image that is on its way into it.
    pub fn archive(&self) -> PathBuf {
        self.root.with_extension("tar")
    }

    fn lock(&self) -> PathBuf {
        self.root.with_extension("lock")
    }
}

impl StorageInUse {
    /// The storage.
    pub fn storage(&self) -> &Storage {
        &self.storage
    }
}

impl Drop for StorageInUse {
    fn drop(&mut self) {
        let Storage { root, run } = &self.storage;
        unmount(&root.join("overlay"));
        if let Err(error) = file::remove_dir(run) {
            tracing::warn!(path = %run.display(), %error, "can't remove podman's temporary files");
        }
    }
}

/// podman of root mounts the folder of its layers on itself, and leaves it so: nobody could remove it then.
fn unmount(folder: &Path) {
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let is_mounted = mounts.lines().any(|line| line.split(' ').nth(1).map(Path::new) == Some(folder));
    if is_mounted {
        // Not through `process::output`: it has to go when the tool is interrupted, too.
        match Command::new("umount").arg(folder).output() {
            Ok(output) if output.status.success() => {}
            other => tracing::warn!(path = %folder.display(), ?other, "podman's storage stays mounted"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_holder_left_is_gone_for_the_next_one() {
        let dir = tempfile::tempdir().unwrap();
        let storage = Storage { root: dir.path().join("root"), run: dir.path().join("run") };
        file::create_private_dir(&storage.run).unwrap();
        std::fs::write(storage.run.join("image"), "").unwrap();
        let _storage = storage.clone().try_take().unwrap().unwrap();
        assert_eq!(std::fs::read_dir(&storage.run).unwrap().count(), 0);
    }
}
