//! The folder of one install's sockets.

use super::error::Error;
use crate::host::fs::dirs::Dirs;
use crate::host::fs::file::{self, IoContext as _};
use crate::host::fs::locked_folder::LockedFolder;

/// Creates the folder, and removes the folders of installs whose process was killed.
///
/// Its name is new, and as long as a VM's ID, so that the sockets' paths stay short. Several caches
/// may share one runtime folder, and install the same image at the same time.
///
/// # Errors
/// The folder or its lock can't be created.
pub(super) fn create(dirs: &Dirs) -> Result<LockedFolder, Error> {
    LockedFolder::sweep(&dirs.runtime);
    let folder = LockedFolder::create(&dirs.runtime)?;
    file::create_private_dir(folder.path()).writing(folder.path())?;
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dirs(folder: &std::path::Path) -> Dirs {
        Dirs {
            cache: folder.join("cache"),
            data: folder.join("data"),
            runtime: folder.to_owned(),
        }
    }

    #[test]
    #[cfg_attr(windows, ignore = "only Linux installs in a VM")]
    fn each_install_has_a_folder_of_its_own() {
        let dir = tempfile::tempdir().unwrap();
        let dirs = dirs(dir.path());
        let vm = dirs.runtime_of("0123456789ab");
        let dead = dirs.runtime_of("ba9876543210");
        for folder in [&vm, &dead] {
            file::create_private_dir(folder).unwrap();
        }
        std::fs::write(dead.with_extension("lock"), "").unwrap();
        let one = create(&dirs).unwrap();
        let two = create(&dirs).unwrap();
        assert!(one.path() != two.path() && vm.exists() && !dead.exists());
        let first = one.path().to_owned();
        drop(one);
        assert!(!first.exists() && two.path().exists());
    }

    #[test]
    #[cfg_attr(windows, ignore = "only Linux installs in a VM")]
    fn installs_that_begin_at_once_keep_their_folders() {
        let dir = tempfile::tempdir().unwrap();
        let dirs = dirs(dir.path());
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        let folder = create(&dirs).unwrap();
                        assert!(folder.path().exists());
                    }
                });
            }
        });
        assert_eq!(file::entries(dir.path()).count(), 0);
    }
}
