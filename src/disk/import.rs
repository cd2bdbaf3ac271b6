//! Disk images that others made, as the base of a VM.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Format;
use super::qemu_img::{self, QemuImgError};
use crate::text::format_size;

/// A disk image file that is not ours; nothing is ever written to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Import {
    /// The file, by its full path.
    pub file: PathBuf,
    /// Its format.
    pub format: Format,
    /// Bytes of the disk that a guest sees.
    pub size: u64,
    /// Bytes of the file.
    pub file_size: u64,
    /// When the file was changed last.
    pub modified: jiff::Timestamp,
}

/// A disk image file can't be used, or not any more.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// It can't be read.
    #[error("can't read the disk image {path}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// It is something else than a file.
    #[error("{0} is not a regular file")]
    NoFile(PathBuf),
    /// It is no disk image, or of a format that can't be the base of a VM.
    #[error("{path} {reason}")]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, and what to do.
        reason: String,
    },
    /// It is larger than the disk that was asked for.
    #[error("{path} is a disk of {}, larger than --disk-size {}; a disk can only grow", format_size(*.size), format_size(*.wanted))]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size as a guest sees it, in bytes.
        size: u64,
        /// Bytes that were asked for.
        wanted: u64,
    },
    /// It was changed after a VM was made on it.
    #[error(
        "the disk image {path} was changed after the VM was made on it, and the VM's own disk doesn't fit to it any more; \
         put the old one back, or remove the VM"
    )]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// It is gone.
    #[error("the disk image {path}, which the VM stands on, is gone; put it back, or remove the VM")]
    Gone {
        /// The file.
        path: PathBuf,
    },
    /// A further disk of a VM has become something else.
    #[error("{path} was a {was} disk image when the VM was made, and is none any more")]
    OtherFormat {
        /// The file.
        path: PathBuf,
        /// What it was.
        was: Format,
    },
    /// `qemu-img` can't be used.
    #[error(transparent)]
    QemuImg(#[from] QemuImgError),
}

/// A disk image file that was looked at.
pub(super) struct Examined {
    /// The file, by its full path.
    pub file: PathBuf,
    /// Its format.
    pub format: Format,
    size: u64,
    metadata: std::fs::Metadata,
    bootable: bool,
}

impl Examined {
    /// Examines a disk image file.
    ///
    /// # Errors
    /// It is none, of another format than raw or qcow2, or only a layer over another file.
    pub fn open(path: &Path) -> Result<Self, ImportError> {
        let io = |source| ImportError::Io { path: path.to_owned(), source };
        let file = crate::host::fs::path::canonical(path).map_err(io)?;
        let metadata = file.metadata().map_err(io)?;
        if !metadata.is_file() {
            return Err(ImportError::NoFile(file));
        }
        let mut head = Vec::new();
        File::open(&file).map_err(io)?.take(HEAD).read_to_end(&mut head).map_err(io)?;
        let unusable = |reason: String| ImportError::Unusable { path: file.clone(), reason };
        let format = format_of(&head).map_err(|reason| unusable(reason.to_owned()))?;
        let info = qemu_img::info(&file, format)?;
        // A file from elsewhere must not make a guest read this host's other files.
        if let Some(other) = info.backing_filename.as_deref().or(info.data_file()) {
            return Err(unusable(format!(
                "is not whole: its data is in {other}, too; `qemu-img convert` makes one file of them"
            )));
        }
        if info.is_corrupt() {
            return Err(unusable("is marked as damaged; `qemu-img check -r all` may repair it".into()));
        }
        // The mark that the BIOS looks for; a GPT has it, too, for its protective MBR.
        let bootable = format != Format::Raw || head.get(510..512) == Some(&[0x55, 0xaa]);
        Ok(Self { format, size: info.virtual_size, metadata, bootable, file })
    }
}

impl Import {
    /// Examines a disk image file that a VM is to boot.
    ///
    /// # Errors
    /// It is none, of another format than raw or qcow2, or only a layer over another file.
    pub fn open(path: &Path) -> Result<Self, ImportError> {
        let Examined { file, format, size, metadata, bootable } = Examined::open(path)?;
        if !bootable {
            let reason = "is no disk image that can boot: there is no partition table on it".into();
            return Err(ImportError::Unusable { path: file, reason });
        }
        let modified =
            modified(&metadata).map_err(|source| ImportError::Io { path: file.clone(), source })?;
        Ok(Self { format, size, file_size: metadata.len(), modified, file })
    }

    /// Makes sure that the file is still what it was.
    ///
    /// # Errors
    /// It is gone, can't be examined, or was changed.
    pub fn check(&self) -> Result<(), ImportError> {
        let path = || self.file.clone();
        let metadata = match self.file.metadata() {
            Ok(metadata) => metadata,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Err(ImportError::Gone { path: path() }),
            Err(source) => return Err(ImportError::Io { path: path(), source }),
        };
        let modified = modified(&metadata).map_err(|source| ImportError::Io { path: path(), source })?;
        if metadata.len() != self.file_size || modified != self.modified {
            return Err(ImportError::Changed { path: path() });
        }
        Ok(())
    }
}

fn modified(metadata: &std::fs::Metadata) -> io::Result<jiff::Timestamp> {
    jiff::Timestamp::try_from(metadata.modified()?).map_err(io::Error::other)
}

/// Bytes that tell the format.
const HEAD: u64 = 512;

/// The format of a file with these first bytes. QEMU is always told the format: a guest that owns a raw disk
/// could write another format's first bytes on it, and QEMU would guess wrong.
fn format_of(head: &[u8]) -> Result<Format, &'static str> {
    const OTHER: [&[u8]; 4] = [b"vhdxfile", b"conectix", b"KDMV", b"# Disk DescriptorFile"];
    const COMPRESSED: [&[u8]; 3] = [b"\x1f\x8b", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd"];
    let is_one_of = |magics: &[&[u8]]| magics.iter().any(|magic| head.starts_with(magic));
    if head.starts_with(b"QFI\xfb") {
        return Ok(Format::Qcow2);
    }
    if is_one_of(&OTHER) {
        return Err("is neither a raw nor a qcow2 disk image; `qemu-img convert -O qcow2` makes one of it");
    }
    if is_one_of(&COMPRESSED) {
        return Err("is compressed; unpack it first");
    }
    Ok(Format::Raw)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_told_by_their_first_bytes() {
        assert_eq!(format_of(&[0; 512]), Ok(Format::Raw));
        assert_eq!(format_of(b""), Ok(Format::Raw));
        assert_eq!(format_of(b"QFI\xfb\0\0\0\x03"), Ok(Format::Qcow2));
        assert!(format_of(b"KDMV\x01").unwrap_err().contains("qemu-img convert"));
        assert!(format_of(b"\xfd7zXZ\0").unwrap_err().contains("unpack"));
    }

    #[test]
    #[cfg_attr(not(all(target_os = "linux", target_arch = "x86_64")), ignore = "needs qemu-img")]
    fn a_file_is_taken_whole_and_watched() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("disk.img");
        let mut disk = vec![0; 1 << 20];
        disk[510..512].copy_from_slice(&[0x55, 0xaa]);
        std::fs::write(&path, &disk).unwrap();
        let import = Import::open(&path).unwrap();
        assert_eq!((import.format, import.size), (Format::Raw, 1 << 20));
        import.check().unwrap();
        std::fs::write(&path, [&disk[..], b"x"].concat()).unwrap();
        assert!(matches!(import.check(), Err(ImportError::Changed { .. })));
        std::fs::remove_file(&path).unwrap();
        assert!(matches!(import.check(), Err(ImportError::Gone { .. })));
        assert!(matches!(Import::open(&path), Err(ImportError::Io { .. })));
        assert!(matches!(Import::open(dir.path()), Err(ImportError::NoFile(_))));

        std::fs::write(&path, [0; 4096]).unwrap();
        assert!(Import::open(&path).unwrap_err().to_string().contains("no partition table"));
        std::fs::write(&path, &disk).unwrap();
        let layer = dir.path().join("layer.qcow2");
        crate::disk::create_overlay(&path, Format::Raw, &layer, None).unwrap();
        assert!(Import::open(&layer).unwrap_err().to_string().contains("not whole"));
    }
}
