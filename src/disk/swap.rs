//! Swap disks.

use std::io::{self, Write};
use std::path::Path;

use super::copy::{self, CopyError};
use crate::host::fs::file;
use crate::host::random;
use crate::hypervisor::DiskFormat;

/// Bytes. A guest whose kernel has larger pages can't use the disk.
const PAGE: u64 = 4096;

/// Makes a swap disk of `size` bytes, which takes space only for written pages. It carries the
/// header of mkswap(8), so that the guest needs no tool for that.
pub fn create(path: &Path, size: u64) -> Result<(), CopyError> {
    let raw = path.with_extension("raw");
    let write = || -> io::Result<()> {
        let mut file = file::create_private(&raw)?;
        file.write_all(&header(size, random::secret()?))?;
        file.set_len(size / PAGE * PAGE)
    };
    let io = |source| CopyError::Io {
        path: raw.clone(),
        source,
    };
    let made = write()
        .map_err(io)
        .and_then(|()| copy::create(&raw, DiskFormat::Raw, path, DiskFormat::Qcow2, None));
    // The file may not exist. An unfinished VM's folder is removed anyway.
    let _ = std::fs::remove_file(&raw);
    made
}

/// Returns the first page, `union swap_header` in the kernel's include/linux/swap.h.
fn header(size: u64, uuid: [u8; 16]) -> Vec<u8> {
    const INFO: usize = 1024;
    const MAGIC: &[u8] = b"SWAPSPACE2";
    let version = 1_u32;
    let last_page = u32::try_from(size / PAGE - 1).unwrap_or(u32::MAX);
    let mut page = vec![0; INFO];
    page.extend(version.to_le_bytes());
    page.extend(last_page.to_le_bytes());
    // No bad pages.
    page.extend([0; 4]);
    page.extend(uuid);
    page.resize(PAGE as usize - MAGIC.len(), 0);
    page.extend(MAGIC);
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_is_the_one_of_mkswap() {
        let page = header(64 << 20, [7; 16]);
        assert_eq!(page.len(), 4096);
        assert_eq!(page[1024..1028], 1_u32.to_le_bytes());
        assert_eq!(page[1028..1032], (16384_u32 - 1).to_le_bytes());
        assert_eq!(page[1036..1052], [7; 16]);
        assert!(page.ends_with(b"SWAPSPACE2"));
    }

    #[test]
    #[cfg_attr(
        not(all(target_os = "linux", target_arch = "x86_64")),
        ignore = "needs qemu-img"
    )]
    fn a_swap_disk_takes_hardly_any_space() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("swap.qcow2");
        create(&path, 8 << 30).unwrap();
        assert!(crate::host::allocated_size(&path) < 1 << 20);
        assert!(!path.with_extension("raw").exists());
    }
}
