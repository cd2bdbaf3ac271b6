//! Snapshots inside a VM's qcow2 overlay. They share its clusters, so making and restoring one
//! copies no data.

use std::path::Path;

use super::qemu_img::{self, QemuImgError};
use crate::host::process;
use crate::hypervisor::DiskFormat;

/// The beginning of our snapshots' names in the file. `qemu-img` takes a name of digits only for a
/// snapshot's number.
const PREFIX: &str = "podman-bootc:";

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    pub name: String,
    pub created: jiff::Timestamp,
}

/// Returns the name in the file of a snapshot.
pub fn name_in_file(name: &str) -> String {
    format!("{PREFIX}{name}")
}

/// Saves the disk's current content.
pub fn create(disk: &Path, name: &str) -> Result<(), QemuImgError> {
    change(disk, "-c", name, "make the snapshot")
}

/// Replaces the disk's content by the snapshot's.
pub fn restore(disk: &Path, name: &str) -> Result<(), QemuImgError> {
    change(disk, "-a", name, "restore the snapshot")
}

/// Removes a snapshot.
pub fn remove(disk: &Path, name: &str) -> Result<(), QemuImgError> {
    change(disk, "-d", name, "remove the snapshot")
}

/// Lists the snapshots that [`create`] made, the oldest first, even while a VM uses the disk.
pub fn list(disk: &Path) -> Result<Vec<Snapshot>, QemuImgError> {
    let ours = |snapshot: qemu_img::Snapshot| {
        let name = snapshot.name.strip_prefix(PREFIX)?.to_owned();
        let created = jiff::Timestamp::from_second(snapshot.date_sec).unwrap_or_default();
        Some(Snapshot { name, created })
    };
    Ok(qemu_img::info_in_use(disk)?
        .snapshots
        .into_iter()
        .filter_map(ours)
        .collect())
}

fn change(disk: &Path, option: &str, name: &str, doing: &str) -> Result<(), QemuImgError> {
    let mut command = qemu_img::command("snapshot")?;
    command.args([
        "-q",
        option,
        &name_in_file(name),
        &qemu_img::reference(disk, DiskFormat::Qcow2),
    ]);
    // An interrupted change would leave a damaged disk.
    process::run_uninterruptible(command).map_err(|source| QemuImgError::Failed {
        doing: doing.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg_attr(
        not(all(target_os = "linux", target_arch = "x86_64")),
        ignore = "needs qemu-img"
    )]
    fn restore_and_remove_find_snapshots_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let disk = dir.path().join("a,b.qcow2");
        super::super::create_empty(&disk, 1 << 20).unwrap();
        let names = || {
            list(&disk)
                .unwrap()
                .into_iter()
                .map(|s| s.name)
                .collect::<Vec<_>>()
        };
        assert_eq!(names(), [""; 0]);
        // 1 is the number of the first snapshot.
        create(&disk, "one").unwrap();
        create(&disk, "1").unwrap();
        assert_eq!(names(), ["one", "1"]);
        restore(&disk, "1").unwrap();
        remove(&disk, "1").unwrap();
        assert_eq!(names(), ["one"]);
        assert!(restore(&disk, "1").is_err() && remove(&disk, "1").is_err());
    }
}
