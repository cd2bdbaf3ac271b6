//! Block devices.

use std::fs::File;
use std::io::{self, Seek, SeekFrom};
use std::path::Path;

pub use crate::host::os::{is_block_device as is_block, open_unused_device as open_unused};

/// Returns the size of an open block device in bytes.
pub fn size(mut device: &File) -> io::Result<u64> {
    device.seek(SeekFrom::End(0))
}

/// Returns a folder that the block device, or a partition of it, is mounted on.
pub fn mount_point(path: &Path) -> Option<String> {
    let name = path.canonicalize().ok()?;
    let mounts = std::fs::read_to_string("/proc/self/mounts").ok()?;
    find_mount(name.to_str()?, &mounts).map(str::to_owned)
}

/// A partition's name is its device's, and a number after an optional `p`: `sda1`, `nvme0n1p1`.
fn find_mount<'a>(device: &str, mounts: &'a str) -> Option<&'a str> {
    let is_part = |rest: &str| {
        let number = rest.strip_prefix('p').unwrap_or(rest);
        rest.is_empty() || (!number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
    };
    mounts.lines().find_map(|line| {
        let (source, rest) = line.split_once(' ')?;
        source
            .strip_prefix(device)
            .is_some_and(is_part)
            .then(|| rest.split(' ').next())
            .flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_in_use_where_a_partition_of_it_is_mounted() {
        let mounts = "proc /proc proc rw 0 0\n/dev/sda2 /boot ext4 rw 0 0\n/dev/nvme0n1p3 / xfs rw 0 0\n/dev/sdaa /x xfs rw 0 0\n";
        assert_eq!(find_mount("/dev/sda", mounts), Some("/boot"));
        assert_eq!(find_mount("/dev/nvme0n1", mounts), Some("/"));
        assert_eq!(find_mount("/dev/sdaa", mounts), Some("/x"));
        assert_eq!(find_mount("/dev/sdb", mounts), None);
    }

    #[test]
    fn a_plain_file_has_a_size_and_is_not_a_device() {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(12345).unwrap();
        assert_eq!(size(file.as_file()).unwrap(), 12345);
        assert!(!is_block(&file.as_file().metadata().unwrap()));
    }
}
