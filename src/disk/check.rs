//! Reads an installed disk back: a disk that lacks a part never boots, and must not be kept.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use gpt::partition::Partition;
use gpt::partition_types::{self, LINUX_ROOT_ARM_64, LINUX_ROOT_X64};

use super::superblock::{HEAD, Superblock};

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
    #[error("the disk's root filesystem is empty")]
    Empty,
    #[error("the disk can't be read back")]
    Io(#[from] io::Error),
}

/// Checks that a disk has a partition table, a root filesystem with files, and a boot loader unless
/// the install was to leave it out.
///
/// # Errors
/// A part is missing or damaged.
pub fn check(path: &Path, needs_loader: bool) -> Result<(), Incomplete> {
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
    if needs_loader && !is_bootable(&mut file, &partitions)? {
        return Err(Incomplete::Loader);
    }
    let root = root(&partitions).ok_or(Incomplete::Root)?;
    check_root(&mut file, root)
}

fn is_bootable(disk: &mut File, partitions: &[Partition]) -> io::Result<bool> {
    let of_type = |kind| {
        partitions
            .iter()
            .filter(move |partition| partition.part_type_guid == kind)
    };
    if of_type(partition_types::EFI).any(|esp| has_loader(disk, esp).unwrap_or(false)) {
        return Ok(true);
    }
    Ok(of_type(partition_types::BIOS).next().is_some() && has_boot_code(disk)?)
}

/// Returns the partition of the root filesystem: the one with a root's type, or the last one, as
/// bootc makes it. Older versions of bootc give it the type of any data.
/// <https://uapi-group.org/specifications/specs/discoverable_partitions_specification/>,
/// <https://github.com/bootc-dev/bootc/blob/main/crates/lib/src/install/baseline.rs>
fn root(partitions: &[Partition]) -> Option<&Partition> {
    let types = [LINUX_ROOT_X64.guid, LINUX_ROOT_ARM_64.guid];
    let typed = partitions
        .iter()
        .find(|partition| types.contains(&partition.part_type_guid.guid));
    typed.or_else(|| partitions.iter().max_by_key(|one| one.first_lba))
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

/// Checks that a partition begins with the superblock of a filesystem that fits in it and has
/// files, or with an encrypted volume.
fn check_root(disk: &mut File, partition: &Partition) -> Result<(), Incomplete> {
    let (start, size) = place(partition);
    if size < HEAD {
        return Err(Incomplete::Root);
    }
    let mut head = vec![0; HEAD as usize];
    disk.seek(SeekFrom::Start(start))?;
    disk.read_exact(&mut head)?;
    if head.starts_with(b"LUKS\xba\xbe") {
        return Ok(());
    }
    match Superblock::read(&head) {
        Some(found) if found.size == 0 || found.size > size => Err(Incomplete::Root),
        Some(found) if found.is_new => Err(Incomplete::Empty),
        Some(_) => Ok(()),
        None => Err(Incomplete::Root),
    }
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
    use super::installed_disk::{Disk, ext4, ext4_with};
    use super::*;

    const SIZE: u64 = 64 << 20;

    fn made(disk: &Disk) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(SIZE).unwrap();
        disk.write(file.as_file_mut());
        file
    }

    fn whole() -> Disk {
        Disk {
            loader: Some("BOOTX64.EFI"),
            boot: None,
            root: ext4(8192),
        }
    }

    fn message(file: &tempfile::NamedTempFile) -> String {
        check(file.path(), true).map_or_else(|error| error.to_string(), |()| String::new())
    }

    #[test]
    fn a_disk_needs_a_table_a_loader_and_a_root() {
        assert_eq!(message(&made(&whole())), "");
        let empty = tempfile::NamedTempFile::new().unwrap();
        empty.as_file().set_len(SIZE).unwrap();
        assert!(message(&empty).contains("no valid partition table"));
        let with_loader = |loader| Disk { loader, ..whole() };
        let with_root = |root| Disk { root, ..whole() };
        for (disk, want) in [
            (with_loader(None), "neither an EFI"),
            (with_loader(Some("README.TXT")), "neither an EFI"),
            (with_root(vec![]), "no root filesystem"),
            // A filesystem that is larger than its partition was cut off.
            (with_root(ext4(8193)), "no root filesystem"),
            (with_root(ext4_with(8192, 11)), "is empty"),
        ] {
            let message = message(&made(&disk));
            assert!(message.contains(want), "{want}: {message}");
        }
    }

    #[test]
    fn a_filesystem_for_boot_is_no_root() {
        let disk = |root| {
            made(&Disk {
                boot: Some(ext4(2048)),
                root,
                ..whole()
            })
        };
        assert_eq!(message(&disk(ext4(8192))), "");
        assert!(message(&disk(vec![])).contains("no root filesystem"));
    }

    #[test]
    fn an_install_without_a_boot_loader_needs_none() {
        let disk = |root| {
            made(&Disk {
                loader: None,
                root,
                ..whole()
            })
        };
        assert!(check(disk(ext4(8192)).path(), false).is_ok());
        assert!(check(disk(vec![]).path(), false).is_err());
    }

    #[test]
    fn a_roots_type_counts_more_than_its_place() {
        let partition = |kind, first_lba| Partition {
            part_type_guid: kind,
            first_lba,
            ..Partition::zero()
        };
        let data = partition_types::LINUX_FS;
        for (kinds, want) in [
            ([data.clone(), LINUX_ROOT_X64, data.clone()], 2),
            ([LINUX_ROOT_ARM_64, data.clone(), data.clone()], 1),
            ([data.clone(), data.clone(), data], 3),
        ] {
            let partitions: Vec<_> = (1..)
                .zip(kinds)
                .map(|(at, kind)| partition(kind, at))
                .collect();
            assert_eq!(root(&partitions).unwrap().first_lba, want);
        }
    }

    #[test]
    fn both_copies_of_the_table_count() {
        let mut disk = made(&whole());
        disk.seek(SeekFrom::Start(SIZE - SECTOR)).unwrap();
        disk.write_all(&[0; SECTOR as usize]).unwrap();
        assert!(message(&disk).contains("no valid partition table"));
    }
}
