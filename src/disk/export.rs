//! Writes a base disk to a file or a block device of the user.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use super::qemu_img::{self, QemuImgError};
use crate::host::fs::device;
use crate::host::fs::file::{self, IoContext};
use crate::host::fs::lock::Lock;
use crate::host::{fault, process};
use crate::hypervisor::DiskFormat;
use crate::text::format_size;

/// The user's permission to overwrite a target.
#[derive(Debug, Clone, Copy, Default)]
pub struct Overwrite {
    pub file: bool,
    pub block_device: bool,
}

/// A disk can't be exported. Sizes are in bytes.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error("{0} exists; overwrite it with --force")]
    Exists(PathBuf),
    #[error("{0} is neither a file nor a block device")]
    Special(PathBuf),
    #[error("{0} is a block device; overwrite all data on it with --force-block-device")]
    Device(PathBuf),
    #[error("invalid format {0} for a block device: expected --format raw")]
    DeviceFormat(DiskFormat),
    #[error("{path} is in use{}, so nothing was written", .mounted.as_ref().map(|on| format!(" (mounted on {on})")).unwrap_or_default())]
    DeviceInUse {
        path: PathBuf,
        /// The mount point of the device or of one of its partitions.
        mounted: Option<String>,
    },
    #[error("{path} is too small: it has {}, and the disk needs {}", format_size(*.size), format_size(*.needed))]
    DeviceTooSmall {
        path: PathBuf,
        size: u64,
        needed: u64,
    },
    #[error("another podman-bootc is writing {0}")]
    Busy(PathBuf),
    #[error(transparent)]
    File(#[from] file::Error),
    #[error(transparent)]
    QemuImg(#[from] QemuImgError),
}

/// Checks that `target` can be written, before any work.
///
/// # Errors
/// The target is in use, or exists without the permission to overwrite it.
pub fn check(target: &Path, format: DiskFormat, overwrite: Overwrite) -> Result<(), ExportError> {
    let metadata = match target.metadata() {
        Ok(metadata) => metadata,
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            let folder = folder_of(target);
            let is_folder = folder.metadata().writing(&folder)?.is_dir();
            let not_a_folder = || io::ErrorKind::NotADirectory.into();
            return Ok(is_folder
                .then_some(())
                .ok_or_else(not_a_folder)
                .writing(&folder)?);
        }
        Err(source) => {
            return Err(file::Error::Write {
                path: target.to_owned(),
                source,
            }
            .into());
        }
    };
    if device::is_block(&metadata) {
        if !overwrite.block_device {
            return Err(ExportError::Device(target.to_owned()));
        }
        if format != DiskFormat::Raw {
            return Err(ExportError::DeviceFormat(format));
        }
        return open_device(target).map(drop);
    }
    if !metadata.is_file() {
        return Err(ExportError::Special(target.to_owned()));
    }
    if !overwrite.file {
        return Err(ExportError::Exists(target.to_owned()));
    }
    Ok(())
}

/// Writes the raw disk image `source` to `target`. A file appears there in one step, when it is
/// complete.
///
/// `progress` gets percents.
pub fn write(
    source: &Path,
    target: &Path,
    format: DiskFormat,
    overwrite: Overwrite,
    progress: impl FnMut(f64),
) -> Result<(), ExportError> {
    check(target, format, overwrite)?;
    if target
        .metadata()
        .is_ok_and(|metadata| device::is_block(&metadata))
    {
        return write_device(source, target, progress);
    }
    let partial = PartialFile::claim(target)?;
    convert(source, &partial.path, format, false, progress)?;
    fault::point("export-converted");
    file::sync(&partial.path).writing(&partial.path)?;
    if overwrite.file {
        std::fs::rename(&partial.path, target).writing(target)?;
    } else {
        // Another process may have made the file since the check.
        file::rename_no_replace(&partial.path, target).map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists => ExportError::Exists(target.to_owned()),
            _ => file::Error::Write {
                path: target.to_owned(),
                source,
            }
            .into(),
        })?;
    }
    partial.done();
    let folder = folder_of(target);
    Ok(file::sync_dir(&folder).writing(&folder)?)
}

fn write_device(
    source: &Path,
    target: &Path,
    progress: impl FnMut(f64),
) -> Result<(), ExportError> {
    // The open device can't be mounted before the end.
    let device = open_device(target)?;
    let size = device::size(&device).writing(target)?;
    let needed = source.metadata().reading(source)?.len();
    if size < needed {
        return Err(ExportError::DeviceTooSmall {
            path: target.to_owned(),
            size,
            needed,
        });
    }
    convert(source, target, DiskFormat::Raw, true, progress)?;
    Ok(device.sync_all().writing(target)?)
}

fn open_device(path: &Path) -> Result<File, ExportError> {
    device::open_unused(path).map_err(|source| match source.kind() {
        io::ErrorKind::ResourceBusy => ExportError::DeviceInUse {
            path: path.to_owned(),
            mounted: device::mount_point(path),
        },
        _ => file::Error::Write {
            path: path.to_owned(),
            source,
        }
        .into(),
    })
}

fn convert(
    source: &Path,
    target: &Path,
    format: DiskFormat,
    in_place: bool,
    mut progress: impl FnMut(f64),
) -> Result<(), ExportError> {
    let mut command = qemu_img::command("convert")?;
    // -W writes in any order, which is faster and safe: no other process uses the target.
    command.args(["-p", "-W", "-O", format.name()]);
    if in_place {
        // -n writes zeros, too, because the device may have other data there.
        command.arg("-n");
    }
    // qemu-img would take a relative path such as `nbd:x` for a protocol.
    command
        .arg(qemu_img::reference(source, DiskFormat::Raw))
        .arg(std::path::absolute(target).writing(target)?);
    let mut reader = Percent::default();
    process::stream_output(&mut command, |bytes| {
        if let Some(percent) = reader.push(bytes) {
            progress(percent);
        }
    })
    .map_err(|source| QemuImgError::Failed {
        doing: format!("write {}", target.display()),
        source,
    })?;
    Ok(())
}

fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// The unfinished file beside the target. Its name is fixed, so that the next export replaces a
/// dead process's file.
struct PartialFile {
    path: PathBuf,
    _lock: Lock,
    keep: bool,
}

impl PartialFile {
    fn claim(target: &Path) -> Result<Self, ExportError> {
        let name = target
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        let path = folder_of(target).join(format!(".{name}.podman-bootc"));
        let lock = Lock::try_acquire(&path).writing(&path)?;
        let lock = lock.ok_or_else(|| ExportError::Busy(target.to_owned()))?;
        OpenOptions::new()
            .write(true)
            .truncate(true)
            .open(&path)
            .writing(&path)?;
        Ok(Self {
            path,
            _lock: lock,
            keep: false,
        })
    }

    fn done(mut self) {
        self.keep = true;
    }
}

impl Drop for PartialFile {
    fn drop(&mut self) {
        if !self.keep
            && let Err(error) = std::fs::remove_file(&self.path)
        {
            tracing::warn!(path = %self.path.display(), %error, "can't remove an unfinished disk image");
        }
    }
}

/// Parses the output of `qemu-img -p`, which repeats `    (12.34/100%)` and a carriage return.
#[derive(Default)]
struct Percent {
    text: String,
}

impl Percent {
    /// Returns the newest percentage in these bytes.
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

    const NOTHING: Overwrite = Overwrite {
        file: false,
        block_device: false,
    };

    #[test]
    fn progress_is_parsed_from_pieces_of_any_size() {
        let mut percent = Percent::default();
        assert_eq!(percent.push(b"    (0.00/10"), None);
        assert_eq!(percent.push(b"0%)\r    (1.25/100%)\r    (2."), Some(1.25));
        assert_eq!(percent.push(b"50/100%)\r"), Some(2.5));
        assert_eq!(percent.push(b"    (x/100%)"), None);
    }

    #[test]
    #[cfg_attr(
        not(all(target_os = "linux", target_arch = "x86_64")),
        ignore = "needs qemu-img"
    )]
    fn a_file_appears_only_when_it_is_complete() {
        let dir = tempfile::tempdir().unwrap();
        let source = dir.path().join("source.raw");
        std::fs::write(&source, vec![7; 1 << 20]).unwrap();
        File::options()
            .write(true)
            .open(&source)
            .unwrap()
            .set_len(64 << 20)
            .unwrap();
        let target = dir.path().join("nbd:x,y.qcow2");
        // A dead process left this file.
        std::fs::write(dir.path().join(".nbd:x,y.qcow2.podman-bootc"), vec![1; 99]).unwrap();
        let mut last = 0.0;
        write(&source, &target, DiskFormat::Qcow2, NOTHING, |percent| {
            last = percent
        })
        .unwrap();
        assert_eq!(last, 100.0);
        assert_eq!(
            qemu_img::info(&target, DiskFormat::Qcow2)
                .unwrap()
                .virtual_size,
            64 << 20
        );
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2);
        let again = write(&source, &target, DiskFormat::Raw, NOTHING, |_| {});
        assert!(matches!(again, Err(ExportError::Exists(_))));
        let over = Overwrite {
            file: true,
            ..NOTHING
        };
        write(&source, &target, DiskFormat::Raw, over, |_| {}).unwrap();
        assert_eq!(
            std::fs::read(&target).unwrap(),
            std::fs::read(&source).unwrap()
        );
        let size = crate::host::allocated_size(&target);
        assert!(size < 2 << 20, "the file is sparse, but takes {size} bytes");
        assert!(matches!(
            check(&dir.path().join("no/x.raw"), DiskFormat::Raw, over),
            Err(ExportError::File(_))
        ));
        assert!(matches!(
            check(dir.path(), DiskFormat::Raw, over),
            Err(ExportError::Special(_))
        ));
    }

    #[test]
    fn only_one_process_writes_a_target() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("x.raw");
        let first = PartialFile::claim(&target).unwrap();
        assert!(matches!(
            PartialFile::claim(&target),
            Err(ExportError::Busy(_))
        ));
        drop(first);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
