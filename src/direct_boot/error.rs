//! Why an image can't be prepared for a direct boot.

use std::io;
use std::path::{Path, PathBuf};

use crate::host::fs::file;
use crate::host::process;
use crate::host::process::interrupt::Interrupted;
use crate::image;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(
        "the image has no kernel: neither /usr/lib/modules/VERSION/vmlinuz nor a UKI in /boot/EFI/Linux exists"
    )]
    NoKernel,
    /// The missing files of all kernels.
    #[error("the image has no complete kernel: {0}")]
    IncompleteKernels(String),
    #[error("{path} in the image is not a valid unified kernel image: {reason}")]
    Uki { path: PathBuf, reason: String },
    #[error("the image's kernel {kernel} has no driver `{module}`, which a direct boot needs")]
    NoDriver {
        kernel: String,
        module: &'static str,
    },
    #[error("can't read {path} in the image")]
    Read { path: PathBuf, source: io::Error },
    #[error(
        "`mkfs.erofs` is not installed (package erofs-utils); `podman-bootc doctor` lists all missing programs"
    )]
    MkfsMissing,
    #[error("can't make a block image")]
    Mkfs(#[source] process::Error),
    #[error("`debugfs` did not label the files of the scratch disk")]
    Labels,
    #[error(transparent)]
    Image(#[from] image::Error),
    /// The error text of our own process that mounts an image.
    #[error("{0}")]
    Process(String),
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    #[error(transparent)]
    File(#[from] file::Error),
}

/// Adds the path in the image to an I/O error.
pub(super) trait ImageContext<T> {
    fn in_image(self, path: impl AsRef<Path>) -> Result<T, Error>;
}

impl<T> ImageContext<T> for io::Result<T> {
    fn in_image(self, path: impl AsRef<Path>) -> Result<T, Error> {
        self.map_err(|source| Error::Read {
            path: Path::new("/").join(path),
            source,
        })
    }
}
