//! A full copy of a disk, for hypervisors that don't support overlays.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use super::qemu_img::{self, QemuImgError};
use crate::host::fs::file;
use crate::hypervisor::DiskFormat;

#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    #[error(transparent)]
    QemuImg(#[from] QemuImgError),
    #[error("can't make the VM's disk {path}")]
    Io { path: PathBuf, source: io::Error },
}

impl CopyError {
    pub(super) fn io(path: &Path, source: io::Error) -> Self {
        Self::Io {
            path: path.to_owned(),
            source,
        }
    }
}

/// Copies the disk `from` to `to`, which gets the format `to_format`, and grows the copy to `size`
/// bytes.
///
/// A raw copy of a raw disk shares its blocks on filesystems that can do so, such as APFS.
pub fn create(
    from: &Path,
    format: DiskFormat,
    to: &Path,
    to_format: DiskFormat,
    size: Option<u64>,
) -> Result<(), CopyError> {
    let io = |source| CopyError::Io {
        path: to.to_owned(),
        source,
    };
    if (format, to_format) == (DiskFormat::Raw, DiskFormat::Raw) {
        clone(from, to).map_err(io)?;
        let grow = |size| OpenOptions::new().write(true).open(to)?.set_len(size);
        return size.map_or(Ok(()), grow).map_err(io);
    }
    if let Some(size) = size {
        // qemu-img can't grow every format, so an overlay grows the disk before the conversion.
        let larger = to.with_extension("larger");
        let made = super::create_overlay(from, format, &larger, Some(size))
            .map_err(CopyError::from)
            .and_then(|()| create(&larger, DiskFormat::Qcow2, to, to_format, None));
        // The file may not exist. An unfinished VM's folder is removed anyway.
        let _ = std::fs::remove_file(&larger);
        return made;
    }
    let mut convert = qemu_img::command("convert")?;
    convert.args(["-q", "-O", to_format.name()]);
    if to_format == DiskFormat::Vhdx {
        convert.args(["-o", "subformat=dynamic"]);
    }
    convert.arg(qemu_img::reference(from, format)).arg(to);
    qemu_img::run(&mut convert, "make the VM's disk")?;
    Ok(())
}

/// Makes a file that shares the blocks of another, on filesystems that can do so.
pub(super) fn share_blocks(from: &Path, to: &Path) -> io::Result<()> {
    reflink_copy::reflink(from, to)?;
    // The clone is as read-only as the base disk.
    file::make_private(to)
}

/// Shares the blocks of a file, or copies it.
pub(super) fn clone(from: &Path, to: &Path) -> io::Result<()> {
    match share_blocks(from, to) {
        Ok(()) => Ok(()),
        Err(error) => {
            tracing::debug!(%error, "can't share blocks; copying the disk");
            file::copy_sparse(&mut File::open(from)?, &mut file::create_private(to)?).map(drop)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_writable_and_can_be_larger() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("base.raw"), dir.path().join("own.raw"));
        let bytes: Vec<u8> = (0..1 << 20).map(|n: u32| (n / 1000) as u8).collect();
        std::fs::write(&from, &bytes).unwrap();
        file::make_read_only(&from).unwrap();
        create(&from, DiskFormat::Raw, &to, DiskFormat::Raw, Some(3 << 20)).unwrap();
        let copy = std::fs::read(&to).unwrap();
        assert!(copy[..1 << 20] == bytes && copy.len() == 3 << 20);
        assert!(!to.metadata().unwrap().permissions().readonly());
        assert!(from.metadata().unwrap().permissions().readonly());
    }

    #[test]
    #[cfg_attr(
        not(all(target_os = "linux", target_arch = "x86_64")),
        ignore = "needs qemu-img"
    )]
    fn a_vhdx_has_the_same_content() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("a,b.raw"), dir.path().join("own.vhdx"));
        std::fs::write(&from, vec![7; 1 << 20]).unwrap();
        create(&from, DiskFormat::Raw, &to, DiskFormat::Vhdx, Some(8 << 20)).unwrap();
        assert_eq!(
            qemu_img::info(&to, DiskFormat::Vhdx).unwrap().virtual_size,
            8 << 20
        );
        let back = dir.path().join("back.raw");
        create(&to, DiskFormat::Vhdx, &back, DiskFormat::Raw, None).unwrap();
        assert!(std::fs::read(&back).unwrap()[..1 << 20] == vec![7; 1 << 20]);
    }
}
