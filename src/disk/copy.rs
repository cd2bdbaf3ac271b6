//! A VM's own disk where its hypervisor can't have a layer over a base disk.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

use super::Format;
use super::qemu_img;
use super::qemu_img::QemuImgError;
use crate::host::fs::file;
use crate::host::process;

/// A VM's own disk can't be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// `qemu-img` can't be used.
    #[error(transparent)]
    QemuImg(#[from] QemuImgError),
    /// A file can't be read or written.
    #[error("can't make the VM's disk {path}")]
    Io {
        /// The file.
        path: std::path::PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// Makes a disk of its own, in the format `wanted`, with the content of another; with a size (in bytes) it is
/// larger than that.
///
/// A raw copy of a raw disk shares its blocks where the filesystem can do that, as macOS' does.
///
/// # Errors
/// A file can't be read or written, or there is no `qemu-img` where it is needed.
pub fn create(
    from: &Path,
    format: Format,
    to: &Path,
    wanted: Format,
    size: Option<u64>,
) -> Result<(), Error> {
    let io = |source| Error::Io { path: to.to_owned(), source };
    if (format, wanted) == (Format::Raw, Format::Raw) {
        clone(from, to).map_err(io)?;
        let grow = |size| OpenOptions::new().write(true).open(to)?.set_len(size);
        return size.map_or(Ok(()), grow).map_err(io);
    }
    if let Some(size) = size {
        // qemu-img can't make every format larger: what is under it is made larger first.
        let larger = to.with_extension("larger");
        let made = super::create_overlay(from, format, &larger, Some(size))
            .map_err(Error::from)
            .and_then(|()| create(&larger, Format::Qcow2, to, wanted, None));
        // It may not be there, and a VM's folder that can't be finished goes anyway.
        let _ = std::fs::remove_file(&larger);
        return made;
    }
    let mut convert = qemu_img::command("convert")?;
    convert.args(["-q", "-O", wanted.name()]);
    if wanted == Format::Vhdx {
        convert.args(["-o", "subformat=dynamic"]);
    }
    process::output(convert.arg(qemu_img::reference(from, format)).arg(to))
        .map(drop)
        .map_err(|source| QemuImgError::Failed { doing: "make the VM's disk".into(), source }.into())
}

/// Shares the blocks of a file, or copies it.
fn clone(from: &Path, to: &Path) -> io::Result<()> {
    match reflink_copy::reflink(from, to) {
        // The base disk is read-only, and a copy is as its original.
        Ok(()) => file::make_private(to),
        Err(error) => {
            tracing::debug!(%error, "a copy can't share the blocks of its original");
            file::copy_sparse(&mut File::open(from)?, &mut file::create_private(to)?).map(drop)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_can_be_written_and_larger() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("base.raw"), dir.path().join("own.raw"));
        let bytes: Vec<u8> = (0..1 << 20).map(|n: u32| (n / 1000) as u8).collect();
        std::fs::write(&from, &bytes).unwrap();
        file::make_read_only(&from).unwrap();
        create(&from, Format::Raw, &to, Format::Raw, Some(3 << 20)).unwrap();
        let copy = std::fs::read(&to).unwrap();
        assert!(copy[..1 << 20] == bytes && copy.len() == 3 << 20);
        assert!(!to.metadata().unwrap().permissions().readonly());
        assert!(from.metadata().unwrap().permissions().readonly());
    }

    #[test]
    #[cfg_attr(not(all(target_os = "linux", target_arch = "x86_64")), ignore = "needs qemu-img")]
    fn a_vhdx_has_the_same_content() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("a,b.raw"), dir.path().join("own.vhdx"));
        std::fs::write(&from, vec![7; 1 << 20]).unwrap();
        create(&from, Format::Raw, &to, Format::Vhdx, Some(8 << 20)).unwrap();
        assert_eq!(qemu_img::info(&to, Format::Vhdx).unwrap().virtual_size, 8 << 20);
        let back = dir.path().join("back.raw");
        create(&to, Format::Vhdx, &back, Format::Raw, None).unwrap();
        assert!(std::fs::read(&back).unwrap()[..1 << 20] == vec![7; 1 << 20]);
    }
}
