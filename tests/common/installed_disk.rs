//! Makes disks that look as after an install.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Cursor, Seek, SeekFrom, Write};

use gpt::partition_types::{EFI, LINUX_FS};

const SECTOR: u64 = 512;
const ESP_SIZE: u64 = 8 << 20;
/// Partitions begin at multiples of this many sectors.
const ALIGN: u64 = 2048;

/// The first bytes of an ext4 filesystem of as many blocks of 4 KiB, which has files.
pub fn ext4(blocks: u32) -> Vec<u8> {
    ext4_with(blocks, 5000)
}

/// The same with this number of inodes in use. `mkfs.ext4` itself uses 11.
pub fn ext4_with(blocks: u32, files: u32) -> Vec<u8> {
    const SUPERBLOCK: usize = 1024;
    const INODES: u32 = 8192;
    let mut bytes = vec![0; 4096];
    let mut set = |at: usize, value: u32| {
        bytes[SUPERBLOCK + at..][..4].copy_from_slice(&value.to_le_bytes());
    };
    set(0, INODES);
    set(4, blocks);
    set(0x10, INODES - files);
    set(0x18, 2);
    set(0x38, 0xef53);
    bytes
}

/// A disk of 64 MiB or more.
pub struct Disk {
    /// The name of the only file in `EFI/BOOT` of the system partition.
    pub loader: Option<&'static str>,
    /// The first bytes of a filesystem of 8 MiB in a partition for `/boot`.
    pub boot: Option<Vec<u8>>,
    /// The first bytes of the root filesystem, of 32 MiB.
    pub root: Vec<u8>,
}

impl Disk {
    /// Writes the partition table and the filesystems to an empty disk.
    pub fn write(&self, disk: &mut File) {
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
        let esp = add("esp", ESP_SIZE, EFI);
        let mut filesystems = Vec::new();
        if let Some(boot) = &self.boot {
            filesystems.push((add("boot", 8 << 20, LINUX_FS), boot));
        }
        filesystems.push((add("root", 32 << 20, LINUX_FS), &self.root));
        table.write().unwrap();
        let mut put = |at, bytes: &[u8]| {
            disk.seek(SeekFrom::Start(at)).unwrap();
            disk.write_all(bytes).unwrap();
        };
        if let Some(name) = self.loader {
            put(esp, &system_partition(name));
        }
        for (at, bytes) in filesystems {
            put(at, bytes);
        }
    }
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
