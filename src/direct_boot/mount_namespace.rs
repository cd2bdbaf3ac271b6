//! Processes of our own program in a mount namespace, in which they may mount images.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::error::{Error, ImageContext};
use super::overlay::{self, Merged};
use crate::host::fs::file::IoContext;
use crate::host::process;
use crate::image::{Mounted, Podman};

/// Returns a command for our own program in a new mount namespace. Rootless, the process is in
/// podman's user namespace, too.
pub fn command(podman: &Podman) -> Result<Command, Error> {
    let program = process::current_program().reading("/proc/self/exe")?;
    let mut command = if podman.is_rootless() {
        podman.command(["unshare", "unshare", "--mount", "--"])
    } else {
        let mut unshare = Command::new("unshare");
        unshare.args(["--mount", "--"]);
        unshare
    };
    command.arg(program);
    Ok(command)
}

/// The mounted root filesystem of an image.
pub enum MountedImage {
    Podman(Mounted),
    Ours(Merged),
}

impl MountedImage {
    /// Lets podman mount the image. When podman can't, this mounts the folders in `layers` at
    /// `path`.
    pub fn mount(
        podman: &Podman,
        image: &str,
        layers: Option<&[PathBuf]>,
        path: &Path,
    ) -> Result<Self, Error> {
        match (podman.mount(image), layers) {
            (Ok(mounted), _) => Ok(Self::Podman(mounted)),
            // podman's limit is 128 layers, the kernel's is 500.
            (Err(_), Some(layers)) if layers.len() > 1 => {
                Ok(Self::Ours(overlay::mount(layers, path).in_image("/")?))
            }
            (Err(error), _) => Err(error.into()),
        }
    }

    pub fn path(&self) -> &Path {
        match self {
            Self::Podman(mounted) => mounted.path(),
            Self::Ours(merged) => merged.path(),
        }
    }
}
