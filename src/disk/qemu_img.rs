//! The `qemu-img` command.

use std::path::Path;
use std::process::Command;

use serde::Deserialize;

use super::Format;
use crate::host::process;

const QEMU_IMG: &str = "qemu-img";

/// `qemu-img` can't be used.
#[derive(Debug, thiserror::Error)]
pub enum QemuImgError {
    /// There is none.
    #[error("qemu-img is not installed, or not on PATH; `podman-bootc doctor` lists what is missing")]
    Missing,
    /// It failed.
    #[error("can't {doing}")]
    Failed {
        /// What was being done.
        doing: String,
        /// Its own words.
        source: process::Error,
    },
    /// It answered something else than expected.
    #[error("can't {doing}: qemu-img's answer is not understood")]
    Answer {
        /// What was being done.
        doing: String,
        /// What is wrong in it.
        source: serde_json::Error,
    },
}

/// The part of `qemu-img info --output=json` that matters here.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Info {
    /// Bytes of the disk that a guest sees.
    pub virtual_size: u64,
    /// Another image under this one.
    pub backing_filename: Option<String>,
    /// Snapshots inside it.
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
    /// When it was made, in seconds since 1970.
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
    /// The file that has the image's data, where that is another one.
    pub fn data_file(&self) -> Option<&str> {
        self.format_specific.data.data_file.as_deref()
    }

    /// The image is marked as damaged.
    pub fn is_corrupt(&self) -> bool {
        self.format_specific.data.corrupt
    }
}

/// `qemu-img SUBCOMMAND`.
pub(super) fn command(subcommand: &str) -> Result<Command, QemuImgError> {
    let program = process::find_installed(QEMU_IMG, "qemu").ok_or(QemuImgError::Missing)?;
    let mut command = Command::new(program);
    command.arg(subcommand);
    Ok(command)
}

/// The image as JSON: nothing in its path can be taken for an option, and its format is not guessed.
pub(super) fn reference(file: &Path, format: Format) -> String {
    let file = serde_json::json!({"driver": "file", "filename": file});
    format!("json:{}", serde_json::json!({"driver": format.name(), "file": file}))
}

/// What an image file of this format says of itself, if nobody writes to it.
pub(super) fn info(file: &Path, format: Format) -> Result<Info, QemuImgError> {
    examine(file, format, &[])
}

/// What a qcow2 file says of itself, also while a VM writes to it.
pub(super) fn info_in_use(file: &Path) -> Result<Info, QemuImgError> {
    examine(file, Format::Qcow2, &["--force-share"])
}

fn examine(file: &Path, format: Format, options: &[&str]) -> Result<Info, QemuImgError> {
    let doing = || format!("examine {}", file.display());
    let mut command = command("info")?;
    command.arg("--output=json").args(options).arg(reference(file, format));
    let text =
        process::output(&mut command).map_err(|source| QemuImgError::Failed { doing: doing(), source })?;
    serde_json::from_slice(&text).map_err(|source| QemuImgError::Answer { doing: doing(), source })
}
