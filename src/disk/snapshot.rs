//! Snapshots inside a VM's own qcow2 disk: they share its clusters, so that making and restoring one copies nothing.

use std::path::Path;

use super::Format;
use super::qemu_img::{self, QemuImgError};
use crate::host::process;

/// What the names of ours begin with: `qemu-img` would take one of digits for the number of another.
const PREFIX: &str = "podman-bootc:";

/// A snapshot of a disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Its name.
    pub name: String,
    /// When it was made.
    pub created: jiff::Timestamp,
}

/// Keeps what is on the disk now.
///
/// # Errors
/// There is no `qemu-img`, or it fails: somebody has the disk, perhaps, or its filesystem is full.
pub fn create(disk: &Path, name: &str) -> Result<(), QemuImgError> {
    change(disk, "-c", name, "make the snapshot")
}

/// Brings back what was on the disk; what is on it now is lost.
///
/// # Errors
/// As of [`create`].
pub fn restore(disk: &Path, name: &str) -> Result<(), QemuImgError> {
    change(disk, "-a", name, "restore the snapshot")
}

/// Forgets a snapshot.
///
/// # Errors
/// As of [`create`].
pub fn remove(disk: &Path, name: &str) -> Result<(), QemuImgError> {
    change(disk, "-d", name, "remove the snapshot")
}

/// Those that were made by [`create`], the oldest first; of a disk that is in use, too.
///
/// # Errors
/// There is no `qemu-img`, or it fails.
pub fn list(disk: &Path) -> Result<Vec<Snapshot>, QemuImgError> {
    let ours = |snapshot: qemu_img::Snapshot| {
        let name = snapshot.name.strip_prefix(PREFIX)?.to_owned();
        let created = jiff::Timestamp::from_second(snapshot.date_sec).unwrap_or_default();
        Some(Snapshot { name, created })
    };
    Ok(qemu_img::info_in_use(disk)?.snapshots.into_iter().filter_map(ours).collect())
}

fn change(disk: &Path, what: &str, name: &str, doing: &str) -> Result<(), QemuImgError> {
    let mut command = qemu_img::command("snapshot")?;
    command.args(["-q", what, &format!("{PREFIX}{name}"), &qemu_img::reference(disk, Format::Qcow2)]);
    // Broken off, it would leave a damaged disk.
    process::run_uninterruptible(command)
        .map_err(|source| QemuImgError::Failed { doing: doing.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg_attr(not(all(target_os = "linux", target_arch = "x86_64")), ignore = "needs qemu-img")]
    fn a_disk_is_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let disk = dir.path().join("a,b.qcow2");
        super::super::create_empty(&disk, 1 << 20).unwrap();
        let names = || list(&disk).unwrap().into_iter().map(|s| s.name).collect::<Vec<_>>();
        assert_eq!(names(), [""; 0]);
        // The number of the first is 1.
        create(&disk, "one").unwrap();
        create(&disk, "1").unwrap();
        assert_eq!(names(), ["one", "1"]);
        restore(&disk, "1").unwrap();
        remove(&disk, "1").unwrap();
        assert_eq!(names(), ["one"]);
        assert!(restore(&disk, "1").is_err() && remove(&disk, "1").is_err());
    }
}
