//! Additional disks of a VM.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::import::{Examined, ImportError};
use super::qemu_img::{self, QemuImgError};
use crate::hypervisor::DiskFormat;
use crate::text::parse_size;

/// A smaller size is a mistake, such as a number without a unit. Bytes.
const SMALLEST: u64 = 1 << 20;

/// An additional disk in a VM's spec.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ExtraDisk {
    /// A disk image of the user. `file` is an absolute path.
    File {
        file: PathBuf,
        format: DiskFormat,
        read_only: bool,
    },
    /// An initially empty disk in the VM's folder. The size is in bytes.
    New { size: u64 },
}

/// An additional disk on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExtraDiskArg {
    /// A path, and true for read-only.
    File(PathBuf, bool),
    /// A size in bytes.
    New(u64),
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidExtraDisk {
    #[error(
        "invalid disk `{0}`: expected FILE[:ro] or new:SIZE, for example data.qcow2:ro or new:20G"
    )]
    Form(String),
    #[error("invalid disk size `{0}`: expected new:SIZE with at least 1M, for example new:20G")]
    Size(String),
}

impl FromStr for ExtraDiskArg {
    type Err = InvalidExtraDisk;

    /// `./new:...` is a file whose name begins with `new:`.
    fn from_str(text: &str) -> Result<Self, InvalidExtraDisk> {
        if let Some(size) = text.strip_prefix("new:") {
            let invalid = || InvalidExtraDisk::Size(text.to_owned());
            let size = parse_size(size).map_err(|_| invalid())?;
            return if size < SMALLEST {
                Err(invalid())
            } else {
                Ok(Self::New(size))
            };
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
    /// Examines the file.
    pub fn resolve(&self) -> Result<ExtraDisk, ImportError> {
        match self {
            Self::New(size) => Ok(ExtraDisk::New { size: *size }),
            Self::File(path, read_only) => {
                let Examined { file, format, .. } = Examined::open(path)?;
                Ok(ExtraDisk::File {
                    file,
                    format,
                    read_only: *read_only,
                })
            }
        }
    }
}

impl ExtraDisk {
    /// Checks that the user's file still exists and has the same format.
    pub fn check(&self) -> Result<(), ImportError> {
        let Self::File {
            file,
            format,
            read_only,
        } = self
        else {
            return Ok(());
        };
        let now = ExtraDiskArg::File(file.clone(), *read_only).resolve()?;
        let same = matches!(now, ExtraDisk::File { format: f, .. } if f == *format);
        if same {
            Ok(())
        } else {
            Err(ImportError::OtherFormat {
                path: file.clone(),
                was: *format,
            })
        }
    }
}

/// Makes an empty disk of `size` bytes that takes space only for written data.
pub fn create(file: &Path, size: u64) -> Result<(), QemuImgError> {
    let mut command = qemu_img::command("create")?;
    command
        .args(["-q", "-f", "qcow2"])
        .arg(file)
        .arg(size.to_string());
    qemu_img::run(&mut command, "make the additional disk").map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disks_are_parsed_from_the_command_line() {
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
    #[cfg_attr(
        not(all(target_os = "linux", target_arch = "x86_64")),
        ignore = "needs qemu-img"
    )]
    fn a_file_that_changed_its_format_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a,b c.img");
        create(&path, 5 << 20).unwrap();
        let disk = ExtraDiskArg::File(path.clone(), false).resolve().unwrap();
        assert!(
            matches!(
                disk,
                ExtraDisk::File {
                    format: DiskFormat::Qcow2,
                    ..
                }
            ),
            "{disk:?}"
        );
        disk.check().unwrap();
        std::fs::write(&path, [0; 4096]).unwrap();
        assert!(disk.check().unwrap_err().to_string().contains("qcow2"));
        let raw = ExtraDiskArg::File(path.clone(), true).resolve().unwrap();
        assert!(
            matches!(
                raw,
                ExtraDisk::File {
                    format: DiskFormat::Raw,
                    read_only: true,
                    ..
                }
            ),
            "an additional disk needs no partition table"
        );
        std::fs::remove_file(&path).unwrap();
        assert!(raw.check().unwrap_err().to_string().contains("a,b c.img"));
    }
}
