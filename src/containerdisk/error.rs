//! Errors about container disks.

use std::path::PathBuf;

use crate::host::fs::file;
use crate::host::process::interrupt::Interrupted;
use crate::image;

/// An image can't be written or stored.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    File(#[from] file::Error),
    #[error(transparent)]
    Podman(#[from] image::Error),
    #[error("no VM has the architecture {0}")]
    Architecture(String),
    #[error("{0} exists; overwrite it with --force")]
    Exists(PathBuf),
    #[error("{0} exists and is not the folder of an image, so --force doesn't replace it")]
    Foreign(PathBuf),
    #[error("another podman-bootc is writing {0}")]
    Busy(PathBuf),
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}
