//! A temporary folder that is in use as long as the file beside it is locked.

use std::path::{Path, PathBuf};

use super::file::{self, IoContext as _};
use super::lock::Lock;
use crate::host::random::new_id;

const LOCK: &str = "lock";

/// A folder for this process alone. It is removed when dropped, or by [`LockedFolder::sweep`] after
/// this process was killed.
pub struct LockedFolder {
    path: PathBuf,
    /// Dropped after the folder's removal.
    #[expect(dead_code, reason = "it is held")]
    lock: LockFile,
}

impl LockedFolder {
    /// Locks a new name below `parent`. The caller creates the folder.
    ///
    /// # Errors
    /// The lock can't be created.
    pub fn create(parent: &Path) -> Result<Self, file::Error> {
        let path = parent.join(new_id());
        let file = path.with_extension(LOCK);
        let lock = LockFile {
            lock: Some(Lock::acquire(&file).writing(&file)?),
            path: file,
        };
        Ok(Self { path, lock })
    }

    /// Locks the folder `path`, and removes it if a dead process left it. Returns `None` if another
    /// process uses it. The caller creates the folder.
    ///
    /// # Errors
    /// The lock can't be created.
    pub fn claim(path: PathBuf) -> Result<Option<Self>, file::Error> {
        let mut file = path.clone().into_os_string();
        file.push(format!(".{LOCK}"));
        let file = PathBuf::from(file);
        let Some(lock) = Lock::try_acquire(&file).writing(&file)? else {
            return Ok(None);
        };
        let lock = LockFile {
            lock: Some(lock),
            path: file,
        };
        file::remove_dir(&path).writing(&path)?;
        Ok(Some(Self { path, lock }))
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Removes the folders that killed processes left below `parent`.
    pub fn sweep(parent: &Path) {
        for entry in file::entries(parent) {
            let path = entry.path();
            if path.extension().is_some_and(|extension| extension == LOCK)
                && let Ok(Some(lock)) = Lock::try_acquire(&path)
            {
                drop(Self {
                    path: path.with_extension(""),
                    lock: LockFile {
                        path,
                        lock: Some(lock),
                    },
                });
            }
        }
    }
}

impl Drop for LockedFolder {
    fn drop(&mut self) {
        remove(&self.path);
    }
}

/// A lock on a file that is removed with it.
struct LockFile {
    path: PathBuf,
    lock: Option<Lock>,
}

impl Drop for LockFile {
    fn drop(&mut self) {
        let removed = std::fs::remove_file(&self.path);
        self.lock = None;
        // Windows removes no open file.
        if removed.is_err() {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Removes a folder, and only logs a failure.
pub fn remove(folder: &Path) {
    if let Err(error) = file::remove_dir(folder) {
        tracing::warn!(path = %folder.display(), %error, "can't remove a temporary folder");
    }
}
