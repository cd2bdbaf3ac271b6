//! Block devices.

use std::fs::{File, Metadata};
use std::io;
use std::path::Path;

use crate::host::os;

/// True for a block device.
pub fn is_block(metadata: &Metadata) -> bool {
    os::is_block_device(metadata)
}

/// Opens a block device for writing, if nothing else uses it or a part of it: no mount, no swap, no other device.
///
/// # Errors
/// [`io::ErrorKind::ResourceBusy`] when it is in use; else as of the operating system.
pub fn open_unused(path: &Path) -> io::Result<File> {
    os::open_exclusive(path)
}

/// Bytes of an open block device.
///
/// # Errors
/// As of the operating system.
pub fn size(mut device: &File) -> io::Result<u64> {
    use std::io::{Seek, SeekFrom};
    device.seek(SeekFrom::End(0))
}

/// Where a block device, or a partition of it, is mounted.
pub fn mount_point(path: &Path) -> Option<String> {
    let name = path.canonicalize().ok()?;
    let mounts = std::fs::read_to_string("/proc/self/mounts").ok()?;
    find_mount(name.to_str()?, &mounts).map(str::to_owned)
}

/// Partitions are called `sda1` and `nvme0n1p1`.
fn find_mount<'a>(device: &str, mounts: &'a str) -> Option<&'a str> {
    let is_part = |rest: &str| {
        let number = rest.strip_prefix('p').unwrap_or(rest);
        rest.is_empty() || (!number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
    };
    mounts.lines().find_map(|line| {
        let (source, rest) = line.split_once(' ')?;
        source.strip_prefix(device).is_some_and(is_part).then(|| rest.split(' ').next()).flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mounts_of_a_device_and_its_partitions() {
        let mounts = "proc /proc proc rw 0 0\n/dev/sda2 /boot ext4 rw 0 0\n/dev/nvme0n1p3 / xfs rw 0 0\n/dev/sdaa /x xfs rw 0 0\n";
        assert_eq!(find_mount("/dev/sda", mounts), Some("/boot"));
        assert_eq!(find_mount("/dev/nvme0n1", mounts), Some("/"));
        assert_eq!(find_mount("/dev/sdaa", mounts), Some("/x"));
        assert_eq!(find_mount("/dev/sdb", mounts), None);
    }

    #[test]
    fn a_file_has_a_size_too() {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(12345).unwrap();
        assert_eq!(size(file.as_file()).unwrap(), 12345);
        assert!(!is_block(&file.as_file().metadata().unwrap()));
    }
}
