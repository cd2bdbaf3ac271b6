//! What the superblock of a root filesystem tells: ext4, xfs or btrfs.

/// The first bytes of a partition, which contain the superblock of each known filesystem. The
/// superblock of btrfs begins at 64 KiB.
pub const HEAD: u64 = 68 << 10;
/// Where the superblock is, in bytes.
const EXT4: usize = 1024;
const BTRFS: usize = 64 << 10;
/// A new filesystem has fewer files than this (ext4: 12, most of them reserved; xfs: 3), and a
/// system has thousands.
const FEW_FILES: u64 = 32;
/// A new btrfs has less content than this (metadata, mostly twice). Bytes.
const LITTLE: u64 = 4 << 20;

/// The part of a superblock that matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Superblock {
    /// Bytes.
    pub size: u64,
    /// The filesystem has no files. It counts as used if its counters may be out of date.
    pub is_new: bool,
}

impl Superblock {
    /// Reads it from the first [`HEAD`] bytes of a partition.
    pub fn read(head: &[u8]) -> Option<Self> {
        ext4(head).or_else(|| xfs(head)).or_else(|| btrfs(head))
    }
}

/// <https://docs.kernel.org/filesystems/ext4/globals.html>
fn ext4(head: &[u8]) -> Option<Superblock> {
    /// The journal has changes that the counters lack.
    const RECOVER: u64 = 0x4;
    let field = |at, count| little(head, EXT4 + at, count);
    if field(0x38, 2)? != 0xef53 {
        return None;
    }
    let blocks = field(0x150, 4)? << 32 | field(4, 4)?;
    let block_size = 1024u64.checked_shl(field(0x18, 4)?.min(16) as u32)?;
    let files = field(0, 4)?.checked_sub(field(0x10, 4)?);
    let is_current = field(0x60, 4)? & RECOVER == 0;
    Some(Superblock {
        size: blocks.checked_mul(block_size)?,
        is_new: is_current && files.is_some_and(|files| files < FEW_FILES),
    })
}

/// `struct xfs_dsb`: the counters of inodes are those of the last unmount, or of the last change to
/// read-only, and bootc does both. Not all versions count while the filesystem is in use.
/// <https://github.com/torvalds/linux/blob/master/fs/xfs/libxfs/xfs_format.h>
fn xfs(head: &[u8]) -> Option<Superblock> {
    let field = |at, count| big(head, at, count);
    if head.get(..4)? != b"XFSB" {
        return None;
    }
    let files = field(128, 8)?.checked_sub(field(136, 8)?);
    Some(Superblock {
        size: field(8, 8)?.checked_mul(field(4, 4)?)?,
        is_new: files.is_some_and(|files| files < FEW_FILES),
    })
}

/// Each commit writes the superblock anew.
/// <https://archive.kernel.org/oldwiki/btrfs.wiki.kernel.org/index.php/On-disk_Format.html>
fn btrfs(head: &[u8]) -> Option<Superblock> {
    if head.get(BTRFS + 0x40..BTRFS + 0x48)? != b"_BHRfS_M" {
        return None;
    }
    Some(Superblock {
        size: little(head, BTRFS + 0x70, 8)?,
        is_new: little(head, BTRFS + 0x78, 8)? < LITTLE,
    })
}

fn little(head: &[u8], at: usize, count: usize) -> Option<u64> {
    let bytes = head.get(at..at + count)?.iter().rev();
    Some(bytes.fold(0, |sum, &byte| sum << 8 | u64::from(byte)))
}

fn big(head: &[u8], at: usize, count: usize) -> Option<u64> {
    let bytes = head.get(at..at + count)?.iter();
    Some(bytes.fold(0, |sum, &byte| sum << 8 | u64::from(byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first bytes of a partition with these fields.
    fn head(fields: &[(usize, &[u8])]) -> Vec<u8> {
        let mut head = vec![0; HEAD as usize];
        for (at, bytes) in fields {
            head[*at..][..bytes.len()].copy_from_slice(bytes);
        }
        head
    }

    fn read(fields: &[(usize, &[u8])]) -> Option<(u64, bool)> {
        let superblock = Superblock::read(&head(fields))?;
        Some((superblock.size >> 20, superblock.is_new))
    }

    #[test]
    fn ext4_tells_its_size_and_its_files() {
        let with = |free: u32, incompatible: u8| {
            read(&[
                (EXT4, &16384u32.to_le_bytes()),
                (EXT4 + 4, &(64u32 << 8).to_le_bytes()),
                (EXT4 + 0x10, &free.to_le_bytes()),
                (EXT4 + 0x18, &[2]),
                (EXT4 + 0x38, &[0x53, 0xef]),
                (EXT4 + 0x60, &[incompatible]),
            ])
        };
        // As `mkfs.ext4 -O verity` makes it.
        assert_eq!(with(16373, 0x42), Some((64, true)));
        assert_eq!(with(9000, 0x42), Some((64, false)));
        // Its journal has changes that the counters lack.
        assert_eq!(with(16373, 0x46), Some((64, false)));
        assert_eq!(with(20000, 0x42), Some((64, false)));
    }

    #[test]
    fn xfs_tells_its_size_and_its_files() {
        let with = |files: u64, free: u64| {
            read(&[
                (0, b"XFSB"),
                (4, &4096u32.to_be_bytes()),
                (8, &(64u64 << 8).to_be_bytes()),
                (128, &files.to_be_bytes()),
                (136, &free.to_be_bytes()),
            ])
        };
        assert_eq!(with(64, 61), Some((64, true)));
        assert_eq!(with(64_000, 61), Some((64, false)));
    }

    #[test]
    fn btrfs_tells_its_size_and_its_content() {
        let with = |used: u64| {
            read(&[
                (BTRFS + 0x40, b"_BHRfS_M"),
                (BTRFS + 0x70, &(64u64 << 20).to_le_bytes()),
                (BTRFS + 0x78, &used.to_le_bytes()),
            ])
        };
        assert_eq!(with(144 << 10), Some((64, true)));
        assert_eq!(with(90 << 20), Some((64, false)));
    }

    #[test]
    fn other_content_is_no_root_filesystem() {
        assert_eq!(read(&[(0, b"\xeb\x3c\x90mkfs.fat")]), None);
        assert_eq!(Superblock::read(&[]), None);
    }
}
