//! Reads an installed disk back: a disk that lacks a part never boots, and must not be kept.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use gpt::partition::Partition;
use gpt::partition_types;

/// The size of a sector of a base disk, in bytes.
const SECTOR: u64 = 512;
/// Entries that are read of one folder: a damaged one may have no end.
const ENTRIES: usize = 1000;
/// The part of the first sector that has boot code.
const BOOT_CODE: usize = 440;

/// The part that a disk lacks.
#[derive(Debug, thiserror::Error)]
pub enum Incomplete {
    #[error("the disk has no valid partition table ({0})")]
    Table(String),
    #[error("the disk has neither an EFI system partition with a boot loader nor boot code")]
    Loader,
    #[error("the disk has no root filesystem")]
    Root,
    #[error("the disk can't be read back")]
    Io(#[from] io::Error),
}

/// Checks that a disk has a partition table, a boot loader and a root filesystem.
///
/// # Errors
/// A part is missing or damaged.
pub fn check(path: &Path) -> Result<(), Incomplete> {
    let mut file = File::open(path)?;
    // Both copies of the table must be valid: a tool that was killed has written the first alone.
    let table = gpt::GptConfig::new()
        .open_from_device(&file)
        .map_err(|error| Incomplete::Table(error.to_string()))?;
    for header in [table.primary_header(), table.backup_header()] {
        header.map_err(|error| Incomplete::Table(error.to_string()))?;
    }
    let partitions: Vec<Partition> = table
        .partitions()
        .values()
        .filter(|partition| partition.is_used())
        .cloned()
        .collect();
    let of_type = |kind| {
        partitions
            .iter()
            .filter(move |partition| partition.part_type_guid == kind)
    };
    let by_uefi = of_type(partition_types::EFI).any(|esp| has_loader(&file, esp).unwrap_or(false));
    let by_bios = of_type(partition_types::BIOS).next().is_some() && has_boot_code(&mut file)?;
    if !by_uefi && !by_bios {
        return Err(Incomplete::Loader);
    }
    for partition in &partitions {
        if has_filesystem(&mut file, partition)? {
            return Ok(());
        }
    }
    Err(Incomplete::Root)
}

/// Returns true if the filesystem of an EFI system partition has a program in a folder of `EFI`.
fn has_loader(disk: &File, esp: &Partition) -> io::Result<bool> {
    let (start, size) = place(esp);
    let part = Part {
        disk,
        start,
        size,
        at: 0,
    };
    let filesystem = fatfs::FileSystem::new(part, fatfs::FsOptions::new())?;
    for vendor in filesystem.root_dir().open_dir("EFI")?.iter().take(ENTRIES) {
        let vendor = vendor?;
        if !vendor.is_dir() || vendor.file_name().starts_with('.') {
            continue;
        }
        for program in vendor.to_dir().iter().take(ENTRIES) {
            let program = program?;
            let name = program.file_name().to_ascii_lowercase();
            if name.ends_with(".efi") && program.len() > 0 {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

fn has_boot_code(disk: &mut File) -> io::Result<bool> {
    let mut code = [0; BOOT_CODE];
    disk.seek(SeekFrom::Start(0))?;
    disk.read_exact(&mut code)?;
    Ok(code.iter().any(|&byte| byte != 0))
}

/// Returns true if a partition begins with the superblock of a filesystem that fits in it, or with
/// an encrypted volume.
fn has_filesystem(disk: &mut File, partition: &Partition) -> io::Result<bool> {
    /// Enough for btrfs, whose superblock is at 64 KiB.
    const HEAD: u64 = 68 << 10;
    let (start, size) = place(partition);
    if size < HEAD {
        return Ok(false);
    }
    let mut head = vec![0; HEAD as usize];
    disk.seek(SeekFrom::Start(start))?;
    disk.read_exact(&mut head)?;
    Ok(head.starts_with(b"LUKS\xba\xbe")
        || filesystem_size(&head).is_some_and(|bytes| bytes > 0 && bytes <= size))
}

/// Returns the size in bytes that the superblock of ext4, xfs or btrfs tells.
fn filesystem_size(head: &[u8]) -> Option<u64> {
    let bytes = |at: usize, count: usize| head.get(at..at + count);
    let little = |at, count| {
        let bytes = bytes(at, count)?;
        Some(
            bytes
                .iter()
                .rev()
                .fold(0u64, |sum, &byte| sum << 8 | u64::from(byte)),
        )
    };
    let big = |at, count| {
        let bytes = bytes(at, count)?;
        Some(
            bytes
                .iter()
                .fold(0u64, |sum, &byte| sum << 8 | u64::from(byte)),
        )
    };
    // https://docs.kernel.org/filesystems/ext4/globals.html
    const EXT4: usize = 1024;
    if little(EXT4 + 0x38, 2) == Some(0xef53) {
        let blocks = little(EXT4 + 0x150, 4)? << 32 | little(EXT4 + 4, 4)?;
        return blocks.checked_mul(1024u64.checked_shl(little(EXT4 + 0x18, 4)?.min(16) as u32)?);
    }
    // xfs_sb: magic, block size, data blocks.
    if bytes(0, 4) == Some(b"XFSB") {
        return big(8, 8)?.checked_mul(big(4, 4)?);
    }
    // https://archive.kernel.org/oldwiki/btrfs.wiki.kernel.org/index.php/On-disk_Format.html
    const BTRFS: usize = 64 << 10;
    if bytes(BTRFS + 0x40, 8) == Some(b"_BHRfS_M") {
        return little(BTRFS + 0x70, 8);
    }
    None
}

/// Returns the first byte of a partition and its size in bytes.
fn place(partition: &Partition) -> (u64, u64) {
    let sectors = (partition.last_lba + 1).saturating_sub(partition.first_lba);
    (
        partition.first_lba.saturating_mul(SECTOR),
        sectors.saturating_mul(SECTOR),
    )
}

/// A partition of a disk, to read only.
struct Part<'a> {
    disk: &'a File,
    start: u64,
    size: u64,
    at: u64,
}

impl Read for Part<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.size.saturating_sub(self.at);
        let count = buffer
            .len()
            .min(usize::try_from(left).unwrap_or(usize::MAX));
        self.disk.seek(SeekFrom::Start(self.start + self.at))?;
        let count = self.disk.read(&mut buffer[..count])?;
        self.at += count as u64;
        Ok(count)
    }
}

impl Seek for Part<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => self.size.checked_add_signed(by),
        };
        self.at = at.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}

/// The library demands it, and writes nothing when it only reads.
impl Write for Part<'_> {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::PermissionDenied.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
#[path = "../../tests/common/installed_disk.rs"]
mod installed_disk;

#[cfg(test)]
mod tests {
    use super::installed_disk::{ext4, write};
    use super::*;

    const SIZE: u64 = 64 << 20;

    /// Makes a disk with these parts.
    fn disk(loader: Option<&str>, root: &[u8]) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(SIZE).unwrap();
        write(file.as_file_mut(), loader, root);
        file
    }

    fn message(file: &tempfile::NamedTempFile) -> String {
        check(file.path()).map_or_else(|error| error.to_string(), |()| String::new())
    }

    #[test]
    fn a_disk_needs_a_table_a_loader_and_a_root() {
        let root = ext4(8192);
        let whole = disk(Some("BOOTX64.EFI"), &root);
        assert_eq!(message(&whole), "");
        let empty = tempfile::NamedTempFile::new().unwrap();
        empty.as_file().set_len(SIZE).unwrap();
        for (disk, want) in [
            (empty, "no valid partition table"),
            (disk(None, &root), "neither an EFI"),
            (disk(Some("README.TXT"), &root), "neither an EFI"),
            (disk(Some("BOOTX64.EFI"), b""), "no root filesystem"),
            // A filesystem that is larger than its partition was cut off.
            (disk(Some("BOOTX64.EFI"), &ext4(8193)), "no root filesystem"),
        ] {
            let message = message(&disk);
            assert!(message.contains(want), "{want}: {message}");
        }
    }

    #[test]
    fn both_copies_of_the_table_count() {
        let root = ext4(8192);
        let mut whole = disk(Some("BOOTX64.EFI"), &root);
        whole.seek(SeekFrom::Start(SIZE - SECTOR)).unwrap();
        whole.write_all(&[0; SECTOR as usize]).unwrap();
        assert!(message(&whole).contains("no valid partition table"));
    }

    #[test]
    fn each_root_filesystem_is_known() {
        let at = |place: usize, bytes: &[u8]| {
            let mut head = vec![0; 68 << 10];
            head[place..place + bytes.len()].copy_from_slice(bytes);
            head
        };
        assert_eq!(filesystem_size(&ext4(5)), Some(20 << 10));
        let xfs = [&b"XFSB"[..], &4096u32.to_be_bytes(), &7u64.to_be_bytes()].concat();
        assert_eq!(filesystem_size(&at(0, &xfs)), Some(28 << 10));
        let mut btrfs = vec![0; 0x78];
        btrfs[0x40..0x48].copy_from_slice(b"_BHRfS_M");
        btrfs[0x70..0x78].copy_from_slice(&(9u64 << 20).to_le_bytes());
        assert_eq!(filesystem_size(&at(64 << 10, &btrfs)), Some(9 << 20));
        assert_eq!(filesystem_size(&at(0, b"\xeb\x3c\x90mkfs.fat")), None);
    }
}
