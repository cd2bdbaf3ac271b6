//! Errors of the pull endpoint.

use std::path::PathBuf;

use crate::host::fs::file;
use crate::image;

/// The content of an image can't be offered to a guest.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Image(#[from] image::Error),
    #[error(transparent)]
    File(#[from] file::Error),
    #[error("the thread that reads the image failed")]
    Thread(#[from] tokio::task::JoinError),
    #[error("can't understand the image that podman saved: {path}: {why}")]
    Content { path: PathBuf, why: String },
    /// The recorded size of a layer is not its real size.
    #[error(
        "layer {digest} has {found} bytes, but the VM's record says {expected}; the record is \
         damaged"
    )]
    Size {
        digest: String,
        expected: u64,
        found: u64,
    },
}
