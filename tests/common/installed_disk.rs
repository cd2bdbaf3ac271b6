//! Makes disks that look as after an install.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Cursor, Seek, SeekFrom, Write};

use gpt::partition_types::{EFI, LINUX_FS};

const SECTOR: u64 = 512;
const ESP_SIZE: u64 = 8 << 20;
/// Partitions begin at multiples of this many sectors.
const ALIGN: u64 = 2048;

/// The first bytes of an ext4 filesystem of as many blocks of 4 KiB.
pub fn ext4(blocks: u32) -> Vec<u8> {
    const SUPERBLOCK: usize = 1024;
    let mut bytes = vec![0; 4096];
    bytes[SUPERBLOCK + 4..][..4].copy_from_slice(&blocks.to_le_bytes());
    bytes[SUPERBLOCK + 0x18] = 2;
    bytes[SUPERBLOCK + 0x38..][..2].copy_from_slice(&[0x53, 0xef]);
    bytes
}

/// Writes a partition table to a disk of 64 MiB or more, a system partition with the file
/// `EFI/BOOT/LOADER`, if any, and the first bytes of a root filesystem of 32 MiB.
pub fn write(disk: &mut File, loader: Option<&str>, root: &[u8]) {
    let mut table = gpt::GptConfig::new()
        .writable(true)
        .create_from_device(&mut *disk, None)
        .unwrap();
    table.update_partitions(BTreeMap::new()).unwrap();
    let mut add = |name, size, kind| {
        let number = table
            .add_partition(name, size, kind, 0, Some(ALIGN))
            .unwrap();
        table.partitions()[&number].first_lba * SECTOR
    };
    let (esp, root_start) = (add("esp", ESP_SIZE, EFI), add("root", 32 << 20, LINUX_FS));
    table.write().unwrap();
    if let Some(name) = loader {
        disk.seek(SeekFrom::Start(esp)).unwrap();
        disk.write_all(&system_partition(name)).unwrap();
    }
    disk.seek(SeekFrom::Start(root_start)).unwrap();
    disk.write_all(root).unwrap();
}

fn system_partition(loader: &str) -> Vec<u8> {
    let mut fat = Cursor::new(vec![0; ESP_SIZE as usize]);
    fatfs::format_volume(&mut fat, fatfs::FormatVolumeOptions::new()).unwrap();
    {
        let filesystem = fatfs::FileSystem::new(&mut fat, fatfs::FsOptions::new()).unwrap();
        let root = filesystem.root_dir();
        let folder = root.create_dir("EFI").unwrap().create_dir("BOOT").unwrap();
        folder
            .create_file(loader)
            .unwrap()
            .write_all(b"MZ")
            .unwrap();
    }
    fat.into_inner()
}
