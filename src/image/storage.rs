//! The tool's own storage, for images from files and from another podman.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::host::fs::dirs::Dirs;
use crate::host::fs::file;
use crate::host::fs::lock::{Lock, WaitError};

/// A storage of images that is not the user's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Storage {
    /// The folder of the images.
    pub root: PathBuf,
    /// The folder of podman's temporary files. podman limits its path to 50 bytes.
    pub run: PathBuf,
}

/// The tool's own storage, locked by this process until the value is dropped.
#[derive(Debug)]
pub struct LockedStorage {
    storage: Storage,
    _lock: Lock,
}

impl Storage {
    /// Returns the storage for images from elsewhere.
    pub fn of(dirs: &Dirs) -> Self {
        let (root, run) = dirs.storage();
        Self { root, run }
    }

    /// Locks the storage. If another process has the lock, calls `waiting` and waits; an interrupt
    /// ends the wait.
    pub fn lock(self, waiting: impl FnOnce()) -> Result<LockedStorage, WaitError> {
        file::create_private_dir(&self.root)?;
        let lock = match Lock::try_acquire(&self.lock_file())? {
            Some(lock) => lock,
            None => {
                waiting();
                Lock::wait(&self.lock_file())?
            }
        };
        // The lock file's time is the time of the last use.
        lock.touch()?;
        Ok(self.locked(lock)?)
    }

    /// Locks the storage, or returns `None` if another process has the lock.
    pub fn try_lock(self) -> std::io::Result<Option<LockedStorage>> {
        file::create_private_dir(&self.root)?;
        Lock::try_acquire(&self.lock_file())?
            .map(|lock| self.locked(lock))
            .transpose()
    }

    /// Creates the run folder. Its removal comes first, because a holder that was killed left one.
    fn locked(self, lock: Lock) -> std::io::Result<LockedStorage> {
        file::remove_dir(&self.run)?;
        file::create_private_dir(&self.run)?;
        Ok(LockedStorage {
            storage: self,
            _lock: lock,
        })
    }

    /// Returns the time of the last use, `None` if there was none.
    pub fn last_used(&self) -> Option<SystemTime> {
        self.lock_file()
            .metadata()
            .and_then(|metadata| metadata.modified())
            .ok()
    }

    /// Returns the path of a temporary archive for an image that is being copied into the storage.
    pub fn archive(&self) -> PathBuf {
        self.root.with_extension("tar")
    }

    fn lock_file(&self) -> PathBuf {
        self.root.with_extension("lock")
    }
}

impl LockedStorage {
    pub fn storage(&self) -> &Storage {
        &self.storage
    }
}

impl Drop for LockedStorage {
    fn drop(&mut self) {
        let Storage { root, run } = &self.storage;
        unmount(&root.join("overlay"));
        if let Err(error) = file::remove_dir(run) {
            tracing::warn!(path = %run.display(), %error, "can't remove podman's temporary files");
        }
    }
}

/// Root's podman mounts the folder of its layers on itself and leaves the mount, which prevents the
/// folder's removal.
fn unmount(folder: &Path) {
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let is_mounted = mounts
        .lines()
        .any(|line| line.split(' ').nth(1).map(Path::new) == Some(folder));
    if is_mounted {
        clean_up(Command::new("umount").arg(folder));
    }
}

/// Runs a command that cleans up. An interrupt must not end it, as `process::output` would.
pub(super) fn clean_up(command: &mut Command) {
    match command.output() {
        Ok(output) if output.status.success() => {}
        other => tracing::warn!(?command, ?other, "can't clean up"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_of_a_killed_holder_are_gone_for_the_next_one() {
        let dir = tempfile::tempdir().unwrap();
        let storage = Storage {
            root: dir.path().join("root"),
            run: dir.path().join("run"),
        };
        file::create_private_dir(&storage.run).unwrap();
        std::fs::write(storage.run.join("image"), "").unwrap();
        let _storage = storage.clone().try_lock().unwrap().unwrap();
        assert_eq!(std::fs::read_dir(&storage.run).unwrap().count(), 0);
    }
}
