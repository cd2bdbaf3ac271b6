//! Disk images of the user, as the disks of VMs.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::qemu_img::{self, QemuImgError};
use crate::hypervisor::DiskFormat;
use crate::text::format_size;

/// A disk image file that VMs have overlays over. The tool never writes to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Import {
    /// An absolute path.
    pub file: PathBuf,
    pub format: DiskFormat,
    /// Bytes of the disk that a guest sees.
    pub size: u64,
    /// Bytes of the file.
    pub file_size: u64,
    /// The file's last change.
    pub modified: jiff::Timestamp,
}

#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    #[error("can't read the disk image {path}")]
    Io { path: PathBuf, source: io::Error },
    #[error("{0} is not a regular file")]
    NotAFile(PathBuf),
    /// `reason` is a predicate with the remedy.
    #[error("{path} {reason}")]
    Unusable { path: PathBuf, reason: String },
    /// Sizes are in bytes.
    #[error("{path} is a disk of {}, and --disk-size {} is smaller; a disk can only grow", format_size(*.size), format_size(*.wanted))]
    TooLarge {
        path: PathBuf,
        size: u64,
        wanted: u64,
    },
    #[error(
        "the disk image {path} has changed since the VM was made, so the VM's overlay no longer matches it; \
         restore the old file or remove the VM"
    )]
    Changed { path: PathBuf },
    #[error("the VM's disk image {path} no longer exists; restore the file or remove the VM")]
    Missing { path: PathBuf },
    #[error("{path} is no longer the {was} disk image that it was when the VM was made")]
    OtherFormat { path: PathBuf, was: DiskFormat },
    #[error(transparent)]
    QemuImg(#[from] QemuImgError),
}

/// The result of reading a disk image's header.
pub(super) struct Examined {
    /// An absolute path.
    pub file: PathBuf,
    pub format: DiskFormat,
    size: u64,
    metadata: std::fs::Metadata,
    bootable: bool,
}

impl Examined {
    /// Examines a disk image file.
    ///
    /// # Errors
    /// The file can't be read, is neither raw nor qcow2, or has a part of its data in another file.
    pub fn open(path: &Path) -> Result<Self, ImportError> {
        let io = |source| ImportError::Io {
            path: path.to_owned(),
            source,
        };
        let file = crate::host::fs::path::canonical(path).map_err(io)?;
        let metadata = file.metadata().map_err(io)?;
        if !metadata.is_file() {
            return Err(ImportError::NotAFile(file));
        }
        let mut head = Vec::new();
        File::open(&file)
            .map_err(io)?
            .take(HEAD)
            .read_to_end(&mut head)
            .map_err(io)?;
        let unusable = |reason: String| ImportError::Unusable {
            path: file.clone(),
            reason,
        };
        let format = format_of(&head).map_err(|reason| unusable(reason.to_owned()))?;
        let info = qemu_img::info(&file, format)?;
        // A downloaded file must not give a guest access to this host's other files.
        if let Some(other) = info.backing_filename.as_deref().or(info.data_file()) {
            return Err(unusable(format!(
                "is not complete: {other} has a part of its data; merge them with `qemu-img convert`"
            )));
        }
        if info.is_corrupt() {
            return Err(unusable(
                "is marked as damaged; try to repair it with `qemu-img check -r all`".into(),
            ));
        }
        // The mark of a boot sector. A GPT begins with a protective MBR, which has it, too.
        let bootable = format != DiskFormat::Raw || head.get(510..512) == Some(&[0x55, 0xaa]);
        Ok(Self {
            format,
            size: info.virtual_size,
            metadata,
            bootable,
            file,
        })
    }
}

impl Import {
    /// Examines a disk image file for a VM to boot.
    ///
    /// # Errors
    /// As `Examined::open`, or the disk has no partition table.
    pub fn open(path: &Path) -> Result<Self, ImportError> {
        let Examined {
            file,
            format,
            size,
            metadata,
            bootable,
        } = Examined::open(path)?;
        if !bootable {
            let reason = "is not a bootable disk image: it has no partition table".into();
            return Err(ImportError::Unusable { path: file, reason });
        }
        let modified = modified(&metadata).map_err(|source| ImportError::Io {
            path: file.clone(),
            source,
        })?;
        Ok(Self {
            format,
            size,
            file_size: metadata.len(),
            modified,
            file,
        })
    }

    /// Checks that the file has not changed.
    ///
    /// # Errors
    /// The file has changed, no longer exists, or can't be examined.
    pub fn check(&self) -> Result<(), ImportError> {
        let path = || self.file.clone();
        let metadata = match self.file.metadata() {
            Ok(metadata) => metadata,
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                return Err(ImportError::Missing { path: path() });
            }
            Err(source) => {
                return Err(ImportError::Io {
                    path: path(),
                    source,
                });
            }
        };
        let modified = modified(&metadata).map_err(|source| ImportError::Io {
            path: path(),
            source,
        })?;
        if metadata.len() != self.file_size || modified != self.modified {
            return Err(ImportError::Changed { path: path() });
        }
        Ok(())
    }
}

fn modified(metadata: &std::fs::Metadata) -> io::Result<jiff::Timestamp> {
    jiff::Timestamp::try_from(metadata.modified()?).map_err(io::Error::other)
}

/// Bytes that are enough to recognize a format.
const HEAD: u64 = 512;

/// Recognizes the format by the file's first bytes. QEMU must not guess it: a guest could write
/// another format's header to its raw disk.
fn format_of(head: &[u8]) -> Result<DiskFormat, &'static str> {
    const OTHER: [&[u8]; 4] = [b"vhdxfile", b"conectix", b"KDMV", b"# Disk DescriptorFile"];
    const COMPRESSED: [&[u8]; 3] = [b"\x1f\x8b", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd"];
    let is_one_of = |magics: &[&[u8]]| magics.iter().any(|magic| head.starts_with(magic));
    if head.starts_with(b"QFI\xfb") {
        return Ok(DiskFormat::Qcow2);
    }
    if is_one_of(&OTHER) {
        return Err(
            "is neither a raw nor a qcow2 disk image; convert it with `qemu-img convert -O qcow2`",
        );
    }
    if is_one_of(&COMPRESSED) {
        return Err("is compressed; unpack it first");
    }
    Ok(DiskFormat::Raw)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_recognized_by_their_first_bytes() {
        assert_eq!(format_of(&[0; 512]), Ok(DiskFormat::Raw));
        assert_eq!(format_of(b""), Ok(DiskFormat::Raw));
        assert_eq!(format_of(b"QFI\xfb\0\0\0\x03"), Ok(DiskFormat::Qcow2));
        assert!(
            format_of(b"KDMV\x01")
                .unwrap_err()
                .contains("qemu-img convert")
        );
        assert!(format_of(b"\xfd7zXZ\0").unwrap_err().contains("unpack"));
    }

    #[test]
    #[cfg_attr(
        not(all(target_os = "linux", target_arch = "x86_64")),
        ignore = "needs qemu-img"
    )]
    fn a_changed_missing_or_incomplete_file_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("disk.img");
        let mut disk = vec![0; 1 << 20];
        disk[510..512].copy_from_slice(&[0x55, 0xaa]);
        std::fs::write(&path, &disk).unwrap();
        let import = Import::open(&path).unwrap();
        assert_eq!((import.format, import.size), (DiskFormat::Raw, 1 << 20));
        import.check().unwrap();
        std::fs::write(&path, [&disk[..], b"x"].concat()).unwrap();
        assert!(matches!(import.check(), Err(ImportError::Changed { .. })));
        std::fs::remove_file(&path).unwrap();
        assert!(matches!(import.check(), Err(ImportError::Missing { .. })));
        assert!(matches!(Import::open(&path), Err(ImportError::Io { .. })));
        assert!(matches!(
            Import::open(dir.path()),
            Err(ImportError::NotAFile(_))
        ));

        std::fs::write(&path, [0; 4096]).unwrap();
        assert!(
            Import::open(&path)
                .unwrap_err()
                .to_string()
                .contains("no partition table")
        );
        std::fs::write(&path, &disk).unwrap();
        let layer = dir.path().join("layer.qcow2");
        crate::disk::create_overlay(&path, DiskFormat::Raw, &layer, None).unwrap();
        assert!(
            Import::open(&layer)
                .unwrap_err()
                .to_string()
                .contains("not complete")
        );
    }
}
