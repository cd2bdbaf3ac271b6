//! The `qemu-img` command.

use std::path::Path;
use std::process::Command;

use serde::Deserialize;

use crate::host::process;
use crate::hypervisor::DiskFormat;

const QEMU_IMG: &str = "qemu-img";

/// `doing` completes the sentence "can't ...".
#[derive(Debug, thiserror::Error)]
pub enum QemuImgError {
    #[error(
        "`qemu-img` is not installed or not in PATH; `podman-bootc doctor` lists all missing programs"
    )]
    Missing,
    #[error("can't {doing}")]
    Failed {
        doing: String,
        source: process::Error,
    },
    #[error("can't {doing}: `qemu-img` printed invalid JSON")]
    Answer {
        doing: String,
        source: serde_json::Error,
    },
}

/// A part of the output of `qemu-img info --output=json`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Info {
    /// Bytes of the disk that a guest sees.
    pub virtual_size: u64,
    /// The image under this overlay.
    pub backing_filename: Option<String>,
    #[serde(default)]
    pub snapshots: Vec<Snapshot>,
    #[serde(default)]
    format_specific: FormatSpecific,
}

/// A snapshot inside an image.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Snapshot {
    pub name: String,
    /// Seconds since 1970.
    pub date_sec: i64,
}

#[derive(Debug, Default, Deserialize)]
struct FormatSpecific {
    #[serde(default)]
    data: Data,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Data {
    data_file: Option<String>,
    #[serde(default)]
    corrupt: bool,
}

impl Info {
    /// The separate file that has the image's data.
    pub fn data_file(&self) -> Option<&str> {
        self.format_specific.data.data_file.as_deref()
    }

    pub fn is_corrupt(&self) -> bool {
        self.format_specific.data.corrupt
    }
}

/// Returns the command `qemu-img SUBCOMMAND`.
pub(super) fn command(subcommand: &str) -> Result<Command, QemuImgError> {
    let program = process::find_installed(QEMU_IMG, "qemu").ok_or(QemuImgError::Missing)?;
    let mut command = Command::new(program);
    command.arg(subcommand);
    Ok(command)
}

/// Runs the command. `doing` completes the sentence "can't ...".
pub(super) fn run(command: &mut Command, doing: &str) -> Result<Vec<u8>, QemuImgError> {
    process::output(command).map_err(|source| QemuImgError::Failed {
        doing: doing.to_owned(),
        source,
    })
}

/// Describes the image in JSON, so that qemu-img takes no part of its path for an option and does
/// not guess the format.
pub(super) fn reference(file: &Path, format: DiskFormat) -> String {
    let file = serde_json::json!({"driver": "file", "filename": file});
    format!(
        "json:{}",
        serde_json::json!({"driver": format.name(), "file": file})
    )
}

/// Examines an image file that no process writes to.
pub(super) fn info(file: &Path, format: DiskFormat) -> Result<Info, QemuImgError> {
    examine(file, format, &[])
}

/// Examines a qcow2 file, even while a VM writes to it.
pub(super) fn info_in_use(file: &Path) -> Result<Info, QemuImgError> {
    examine(file, DiskFormat::Qcow2, &["--force-share"])
}

fn examine(file: &Path, format: DiskFormat, options: &[&str]) -> Result<Info, QemuImgError> {
    let doing = format!("examine {}", file.display());
    let mut command = command("info")?;
    command
        .arg("--output=json")
        .args(options)
        .arg(reference(file, format));
    let text = run(&mut command, &doing)?;
    serde_json::from_slice(&text).map_err(|source| QemuImgError::Answer { doing, source })
}
