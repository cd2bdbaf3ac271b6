//! Writes a disk to a file of the user's, in the format that is wanted.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use super::Format;
use super::qemu_img::{self, QemuImgError};
use crate::host::fs::lock::Lock;
use crate::host::fs::{device, file};
use crate::host::{fault, process};
use crate::text::format_size;

/// What may be written over.
#[derive(Debug, Clone, Copy, Default)]
pub struct Permissions {
    /// A file that is there.
    pub overwrite: bool,
    /// A block device.
    pub block_device: bool,
}

/// A disk can't be written to a file.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// There is something by that name.
    #[error("{0} exists; --force writes over it")]
    Exists(PathBuf),
    /// It is a folder, a socket, or the like.
    #[error("{0} is neither a file nor a block device")]
    Special(PathBuf),
    /// It is a device.
    #[error("{0} is a block device; --force-block-device writes over all that is on it")]
    Device(PathBuf),
    /// It is a device, and these have no formats.
    #[error("a block device takes --format raw, not {0}")]
    DeviceFormat(Format),
    /// It is a device that is used.
    #[error("{path} is in use{}; nothing is written to it", .mounted.as_ref().map(|on| format!(" (mounted on {on})")).unwrap_or_default())]
    DeviceInUse {
        /// The device.
        path: PathBuf,
        /// Where it or a partition of it is mounted, if that is what uses it.
        mounted: Option<String>,
    },
    /// It is a device that is too small.
    #[error("{path} has {}, the disk needs {}", format_size(*.size), format_size(*.needed))]
    DeviceTooSmall {
        /// The device.
        path: PathBuf,
        /// Its size in bytes.
        size: u64,
        /// The disk's size in bytes.
        needed: u64,
    },
    /// Another process writes the same file.
    #[error("another podman-bootc is writing {0}")]
    Busy(PathBuf),
    /// It can't be written to.
    #[error("can't write {path}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The conversion failed.
    #[error(transparent)]
    QemuImg(#[from] QemuImgError),
}

/// Makes sure, before any work, that `target` may be written to.
///
/// # Errors
/// It is there and may not be written over, or is in use.
pub fn check(target: &Path, format: Format, allowed: Permissions) -> Result<(), ExportError> {
    let metadata = match target.metadata() {
        Ok(metadata) => metadata,
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            let folder = folder_of(target);
            return match folder.metadata() {
                Ok(metadata) if metadata.is_dir() => Ok(()),
                Ok(_) => Err(ExportError::Io { path: folder, source: io::ErrorKind::NotADirectory.into() }),
                Err(source) => Err(ExportError::Io { path: folder, source }),
            };
        }
        Err(source) => return Err(ExportError::Io { path: target.to_owned(), source }),
    };
    if device::is_block(&metadata) {
        if !allowed.block_device {
            return Err(ExportError::Device(target.to_owned()));
        }
        if format != Format::Raw {
            return Err(ExportError::DeviceFormat(format));
        }
        return open_device(target).map(drop);
    }
    if !metadata.is_file() {
        return Err(ExportError::Special(target.to_owned()));
    }
    if !allowed.overwrite {
        return Err(ExportError::Exists(target.to_owned()));
    }
    Ok(())
}

/// Writes the raw disk image `source` to `target`: a file appears there in one step, when it is complete.
///
/// `progress` gets parts of a hundred.
///
/// # Errors
/// As [`check`]; or the conversion fails, or is interrupted.
pub fn write(
    source: &Path,
    target: &Path,
    format: Format,
    allowed: Permissions,
    progress: impl FnMut(f64),
) -> Result<(), ExportError> {
    check(target, format, allowed)?;
    if target.metadata().is_ok_and(|metadata| device::is_block(&metadata)) {
        return write_device(source, target, progress);
    }
    let io = |path: &Path| {
        let path = path.to_owned();
        move |source| ExportError::Io { path, source }
    };
    let partial = Partial::claim(target)?;
    convert(source, &partial.path, format, false, progress)?;
    fault::point("export-converted");
    crate::host::fs::file::sync(&partial.path).map_err(io(&partial.path))?;
    if allowed.overwrite {
        std::fs::rename(&partial.path, target).map_err(io(target))?;
    } else {
        // Someone may have made it since we looked.
        file::rename_no_replace(&partial.path, target).map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists => ExportError::Exists(target.to_owned()),
            _ => ExportError::Io { path: target.to_owned(), source },
        })?;
    }
    partial.done();
    let folder = folder_of(target);
    file::sync_dir(&folder).map_err(io(&folder))
}

fn write_device(source: &Path, target: &Path, progress: impl FnMut(f64)) -> Result<(), ExportError> {
    let io = |source| ExportError::Io { path: target.to_owned(), source };
    // Open until the end: nobody mounts it meanwhile.
    let device = open_device(target)?;
    let size = device::size(&device).map_err(io)?;
    let needed = source.metadata().map_err(io)?.len();
    if size < needed {
        return Err(ExportError::DeviceTooSmall { path: target.to_owned(), size, needed });
    }
    convert(source, target, Format::Raw, true, progress)?;
    device.sync_all().map_err(io)
}

fn open_device(path: &Path) -> Result<File, ExportError> {
    device::open_unused(path).map_err(|source| match source.kind() {
        io::ErrorKind::ResourceBusy => {
            ExportError::DeviceInUse { path: path.to_owned(), mounted: device::mount_point(path) }
        }
        _ => ExportError::Io { path: path.to_owned(), source },
    })
}

fn convert(
    source: &Path,
    target: &Path,
    format: Format,
    in_place: bool,
    mut progress: impl FnMut(f64),
) -> Result<(), ExportError> {
    let mut command = qemu_img::command("convert")?;
    // -W: in any order; the target is a file of its own or a device, and needs none.
    command.args(["-p", "-W", "-O", format.name()]);
    if in_place {
        // What is zero in the source is written, too: the device has something else there.
        command.arg("-n");
    }
    command.arg(qemu_img::reference(source, Format::Raw)).arg(absolute(target)?);
    let mut reader = Percent::default();
    process::stream_output(&mut command, |bytes| {
        if let Some(percent) = reader.push(bytes) {
            progress(percent);
        }
    })
    .map_err(|source| QemuImgError::Failed { doing: format!("write {}", target.display()), source })?;
    Ok(())
}

/// A path that can't be taken for a protocol (`nbd:...`) or an option.
fn absolute(path: &Path) -> Result<PathBuf, ExportError> {
    std::path::absolute(path).map_err(|source| ExportError::Io { path: path.to_owned(), source })
}

fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// The file in the making beside the target; it has one name only, so that the next try removes what a dead
/// one left.
struct Partial {
    path: PathBuf,
    _lock: Lock,
    keep: bool,
}

impl Partial {
    fn claim(target: &Path) -> Result<Self, ExportError> {
        let name = target.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let path = folder_of(target).join(format!(".{name}.podman-bootc"));
        let io = |source| ExportError::Io { path: path.clone(), source };
        let lock = Lock::try_acquire(&path).map_err(io)?;
        let lock = lock.ok_or_else(|| ExportError::Busy(target.to_owned()))?;
        OpenOptions::new().write(true).truncate(true).open(&path).map_err(io)?;
        Ok(Self { path, _lock: lock, keep: false })
    }

    fn done(mut self) {
        self.keep = true;
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if !self.keep
            && let Err(error) = std::fs::remove_file(&self.path)
        {
            tracing::warn!(path = %self.path.display(), %error, "can't remove a half-written disk");
        }
    }
}

/// Reads what `qemu-img -p` writes: `    (12.34/100%)` and a carriage return, again and again.
#[derive(Default)]
struct Percent {
    text: String,
}

impl Percent {
    /// The newest number, if these bytes bring one.
    fn push(&mut self, bytes: &[u8]) -> Option<f64> {
        self.text.push_str(&String::from_utf8_lossy(bytes));
        let end = self.text.rfind("/100%")?;
        let start = self.text[..end].rfind('(').map_or(end, |at| at + 1);
        let percent = self.text[start..end].trim().parse().ok();
        self.text.drain(..end + 5);
        percent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: Permissions = Permissions { overwrite: false, block_device: false };

    #[test]
    fn progress_is_read_in_any_pieces() {
        let mut percent = Percent::default();
        assert_eq!(percent.push(b"    (0.00/10"), None);
        assert_eq!(percent.push(b"0%)\r    (1.25/100%)\r    (2."), Some(1.25));
        assert_eq!(percent.push(b"50/100%)\r"), Some(2.5));
        assert_eq!(percent.push(b"    (x/100%)"), None);
    }

    #[test]
    #[cfg_attr(not(all(target_os = "linux", target_arch = "x86_64")), ignore = "needs qemu-img")]
    fn a_file_is_written_whole_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let source = dir.path().join("source.raw");
        std::fs::write(&source, vec![7; 1 << 20]).unwrap();
        File::options().write(true).open(&source).unwrap().set_len(64 << 20).unwrap();
        let target = dir.path().join("nbd:x,y.qcow2");
        // What a dead process left.
        std::fs::write(dir.path().join(".nbd:x,y.qcow2.podman-bootc"), vec![1; 99]).unwrap();
        let mut last = 0.0;
        write(&source, &target, Format::Qcow2, NOTHING, |percent| last = percent).unwrap();
        assert_eq!(last, 100.0);
        assert_eq!(qemu_img::info(&target, Format::Qcow2).unwrap().virtual_size, 64 << 20);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2);
        let again = write(&source, &target, Format::Raw, NOTHING, |_| {});
        assert!(matches!(again, Err(ExportError::Exists(_))));
        let over = Permissions { overwrite: true, ..NOTHING };
        write(&source, &target, Format::Raw, over, |_| {}).unwrap();
        assert_eq!(std::fs::read(&target).unwrap(), std::fs::read(&source).unwrap());
        let size = crate::host::allocated_size(&target);
        assert!(size < 2 << 20, "sparse: {size}");
        assert!(matches!(
            check(&dir.path().join("no/x.raw"), Format::Raw, over),
            Err(ExportError::Io { .. })
        ));
        assert!(matches!(check(dir.path(), Format::Raw, over), Err(ExportError::Special(_))));
    }

    #[test]
    fn one_writer_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("x.raw");
        let first = Partial::claim(&target).unwrap();
        assert!(matches!(Partial::claim(&target), Err(ExportError::Busy(_))));
        drop(first);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
