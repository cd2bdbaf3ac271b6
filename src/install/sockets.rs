//! The folder of one install's sockets.

use std::path::{Path, PathBuf};

use super::error::Error;
use crate::disk::Key;
use crate::host::fs::dirs::Dirs;
use crate::host::fs::file;
use crate::host::fs::lock::Lock;

/// A folder's name is this and the first digits of the disk's key. It is as long as a VM's ID, and
/// never one.
const PREFIX: &str = "i";
const KEY_DIGITS: usize = 11;
/// Locked by the install. Several caches may share one runtime folder, so a cache can't tell which
/// installs live.
const LOCK: &str = "lock";

/// The folder of one install's sockets. It is removed when the value is dropped.
pub(super) struct Sockets {
    folder: PathBuf,
    _lock: Lock,
}

impl Sockets {
    /// Creates the folder.
    ///
    /// # Errors
    /// Another install uses it, or it can't be created.
    pub fn create(dirs: &Dirs, key: &Key) -> Result<Self, Error> {
        let key = key.to_string();
        let folder = dirs.runtime_of(&format!("{PREFIX}{}", &key[..KEY_DIGITS]));
        let create = || {
            file::create_private_dir(&folder)?;
            // Another cache may install the same image at this moment.
            Lock::acquire(&folder.join(LOCK))
        };
        match create() {
            Ok(lock) => Ok(Self {
                folder,
                _lock: lock,
            }),
            Err(source) => Err(Error::Io {
                path: folder,
                source,
            }),
        }
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Sockets {
    fn drop(&mut self) {
        remove(&self.folder);
    }
}

/// Removes the folders of installs whose process was killed.
pub(super) fn sweep(dirs: &Dirs) {
    for entry in file::entries(&dirs.runtime) {
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_ours = name
            .strip_prefix(PREFIX)
            .is_some_and(|key| key.len() == KEY_DIGITS);
        if is_ours && let Ok(Some(_lock)) = Lock::try_acquire(&entry.path().join(LOCK)) {
            remove(&entry.path());
        }
    }
}

fn remove(folder: &Path) {
    if let Err(error) = file::remove_dir(folder) {
        tracing::warn!(path = %folder.display(), %error, "can't remove a temporary folder");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg_attr(windows, ignore = "only Linux installs in a VM")]
    fn only_the_folders_of_dead_installs_are_swept() {
        let dir = tempfile::tempdir().unwrap();
        let dirs = Dirs {
            cache: dir.path().join("cache"),
            data: dir.path().join("data"),
            runtime: dir.path().join("run"),
        };
        let key = |digit: &str| -> Key { digit.repeat(64).parse().unwrap() };
        let alive = Sockets::create(&dirs, &key("a")).unwrap();
        let dead = dirs.runtime_of("ibbbbbbbbbbb");
        let other = dirs.runtime_of("0123456789ab");
        for folder in [&dead, &other] {
            file::create_private_dir(folder).unwrap();
        }
        sweep(&dirs);
        assert!(alive.folder().exists());
        assert!(!dead.exists());
        assert!(other.exists());
        let folder = alive.folder().to_owned();
        drop(alive);
        assert!(!folder.exists());
    }
}
