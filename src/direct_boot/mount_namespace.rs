//! Processes of our own program in a mount namespace of their own, where images may be mounted.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::Error;
use super::overlay;
use super::overlay::Merged;
use crate::host::process;
use crate::image::{Mounted, Podman};

/// Our own program, in a mount namespace that goes with it; rootless, in podman's user namespace, too.
///
/// # Errors
/// Our own path is not known.
pub fn command(podman: &Podman) -> Result<Command, Error> {
    let program =
        process::current_program().map_err(|source| Error::Read { path: "/proc/self/exe".into(), source })?;
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

/// An image's root filesystem, mounted.
pub enum Root {
    Podman(Mounted),
    Ours(Merged),
}

impl Root {
    /// Mounts it, at `path` where podman can't do it. `layers` are its layers' folders, where podman has some.
    ///
    /// # Errors
    /// podman fails, and the layers can't be mounted either.
    pub fn mount(
        podman: &Podman,
        image: &str,
        layers: Option<&[PathBuf]>,
        path: &Path,
    ) -> Result<Self, Error> {
        match (podman.mount(image), layers) {
            (Ok(mounted), _) => Ok(Self::Podman(mounted)),
            // podman gives up at 128 layers, the kernel at 500.
            (Err(_), Some(layers)) if layers.len() > 1 => {
                let merged = overlay::mount(layers, path);
                Ok(Self::Ours(merged.map_err(|source| Error::Read { path: "/".into(), source })?))
            }
            (Err(error), _) => Err(error.into()),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        match self {
            Self::Podman(mounted) => mounted.path(),
            Self::Ours(merged) => merged.path(),
        }
    }
}
