//! Disks that a VM has beside the one that it boots from.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Format;
use super::import::{Examined, ImportError};
use super::qemu_img::{self, QemuImgError};
use crate::host::process;
use crate::text::parse_size;

/// Below this a disk is a mistake: a number without a unit is bytes. Bytes.
const SMALLEST: u64 = 1 << 20;

/// A further disk of a VM.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ExtraDisk {
    /// The user's own disk image.
    File {
        /// The file, by its full path.
        file: PathBuf,
        /// Its format.
        format: Format,
        /// The guest can't write to it.
        read_only: bool,
    },
    /// An empty one in the VM's folder, that goes with the VM.
    New {
        /// Bytes.
        size: u64,
    },
}

/// A further disk as the user writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExtraDiskArg {
    /// This file; true for read-only.
    File(PathBuf, bool),
    /// A new one of so many bytes.
    New(u64),
}

/// Not a disk.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidExtraDisk {
    /// Not of the form.
    #[error("`{0}` is no disk; write FILE, FILE:ro or new:SIZE, as in data.qcow2:ro or new:20G")]
    Form(String),
    /// The size of a new one.
    #[error("`{0}` is no size of a disk; write new:SIZE, as in new:20G; 1M is the least")]
    Size(String),
}

impl FromStr for ExtraDiskArg {
    type Err = InvalidExtraDisk;

    /// A file whose name begins with `new:` is written `./new:...`.
    fn from_str(text: &str) -> Result<Self, InvalidExtraDisk> {
        if let Some(size) = text.strip_prefix("new:") {
            let invalid = || InvalidExtraDisk::Size(text.to_owned());
            let size = parse_size(size).map_err(|_| invalid())?;
            return if size < SMALLEST { Err(invalid()) } else { Ok(Self::New(size)) };
        }
        let (file, read_only) = match text.strip_suffix(":ro") {
            Some(file) => (file, true),
            None => (text, false),
        };
        match file {
            "" => Err(InvalidExtraDisk::Form(text.to_owned())),
            file => Ok(Self::File(file.into(), read_only)),
        }
    }
}

impl ExtraDiskArg {
    /// Looks at the file.
    ///
    /// # Errors
    /// It is not there, or no disk image that a VM can use.
    pub fn resolve(&self) -> Result<ExtraDisk, ImportError> {
        match self {
            Self::New(size) => Ok(ExtraDisk::New { size: *size }),
            Self::File(path, read_only) => {
                let Examined { file, format, .. } = Examined::open(path)?;
                Ok(ExtraDisk::File { file, format, read_only: *read_only })
            }
        }
    }
}

impl ExtraDisk {
    /// Makes sure that the user's file is still there, and what it was.
    ///
    /// # Errors
    /// It isn't.
    pub fn check(&self) -> Result<(), ImportError> {
        let Self::File { file, format, read_only } = self else { return Ok(()) };
        let now = ExtraDiskArg::File(file.clone(), *read_only).resolve()?;
        let same = matches!(now, ExtraDisk::File { format: f, .. } if f == *format);
        if same { Ok(()) } else { Err(ImportError::OtherFormat { path: file.clone(), was: *format }) }
    }
}

/// Makes an empty disk of this size (in bytes), which takes only the room of what is written to it.
///
/// # Errors
/// There is no `qemu-img`, or it fails.
pub fn create(file: &Path, size: u64) -> Result<(), QemuImgError> {
    let mut command = qemu_img::command("create")?;
    command.args(["-q", "-f", "qcow2"]).arg(file).arg(size.to_string());
    process::output(&mut command)
        .map(drop)
        .map_err(|source| QemuImgError::Failed { doing: "make a disk of the VM".into(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disks_as_users_write_them() {
        let file = |path: &str, read_only| Ok(ExtraDiskArg::File(path.into(), read_only));
        for (text, wanted) in [
            ("a.qcow2", file("a.qcow2", false)),
            ("/a b,\"c\":ro", file("/a b,\"c\"", true)),
            ("./new:5G", file("./new:5G", false)),
            ("a:b", file("a:b", false)),
            ("new:5G", Ok(ExtraDiskArg::New(5 << 30))),
            ("new:5", Err(InvalidExtraDisk::Size("new:5".into()))),
            ("new:", Err(InvalidExtraDisk::Size("new:".into()))),
            ("", Err(InvalidExtraDisk::Form(String::new()))),
            (":ro", Err(InvalidExtraDisk::Form(":ro".into()))),
        ] {
            assert_eq!(text.parse::<ExtraDiskArg>(), wanted, "{text}");
        }
    }

    #[test]
    #[cfg_attr(not(all(target_os = "linux", target_arch = "x86_64")), ignore = "needs qemu-img")]
    fn a_file_keeps_its_format() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a,b c.img");
        create(&path, 5 << 20).unwrap();
        let disk = ExtraDiskArg::File(path.clone(), false).resolve().unwrap();
        assert!(matches!(disk, ExtraDisk::File { format: Format::Qcow2, .. }), "{disk:?}");
        disk.check().unwrap();
        std::fs::write(&path, [0; 4096]).unwrap();
        assert!(disk.check().unwrap_err().to_string().contains("qcow2"));
        let raw = ExtraDiskArg::File(path.clone(), true).resolve().unwrap();
        assert!(
            matches!(raw, ExtraDisk::File { format: Format::Raw, read_only: true, .. }),
            "no partition table is fine"
        );
        std::fs::remove_file(&path).unwrap();
        assert!(raw.check().unwrap_err().to_string().contains("a,b c.img"));
    }
}
