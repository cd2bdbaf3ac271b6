//! An image's root that a VM uses without a conversion: a process of ours mounts the image, and
//! virtiofsd serves it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::{Deserialize, Serialize};

use super::error::Error;
use super::mount_namespace::{self, MountedImage};
use crate::host::fs::file::{self, IoContext};
use crate::host::fs::lock::Lock;
use crate::host::process;
use crate::image::Podman;

/// The task of the process that serves a root, as JSON on its command line.
#[derive(Debug, Serialize, Deserialize)]
pub struct ServedRoot {
    /// The image's ID.
    pub image: String,
    /// An empty folder. The process mounts the image on it in its own mount namespace and serves
    /// it.
    pub folder: PathBuf,
    /// A file that names the image. The process locks it while it uses the image.
    pub marker: PathBuf,
}

impl ServedRoot {
    /// Returns the command line of the process. `server` is the program that serves the folder,
    /// with its arguments.
    pub fn command(&self, podman: &Podman, server: &Command) -> Result<Command, Error> {
        let task = serde_json::to_string(self).map_err(|e| Error::Process(e.to_string()))?;
        let mut command = mount_namespace::command(podman)?;
        command
            .args(["internal-share-root", &task, "--"])
            .arg(server.get_program())
            .args(server.get_args());
        Ok(command)
    }

    /// Mounts the image, serves it until the server exits, and unmounts it.
    pub fn run(&self, server: &[OsString]) -> Result<(), Error> {
        // When the supervisor dies, this process must live long enough to tell podman about the
        // unmount.
        process::terminate_with_parent().writing("/proc/self")?;
        let lock = Lock::acquire(&self.marker).writing(&self.marker)?;
        let podman = Podman::find()?;
        // After an accelerator failed, the supervisor starts this process again; the first one may
        // have been killed.
        release(&self.marker, &podman);
        std::fs::write(&self.marker, &self.image).writing(&self.marker)?;
        let _pin = podman.pin(&self.image, &container_name(&self.marker))?;
        let layers = podman.layer_folders(&self.image)?;
        let scratch = self.marker.with_extension("layers");
        let image = MountedImage::mount(&podman, &self.image, layers.as_deref(), &scratch)?;
        let bind = process::output(
            Command::new("mount")
                .args(["--bind", "--"])
                .arg(image.path())
                .arg(&self.folder),
        );
        let served = bind.and_then(|_| {
            let Some((program, args)) = server.split_first() else {
                return Ok(());
            };
            process::run(Command::new(program).args(args))
        });
        // The bind mount vanishes with this process's mount namespace.
        drop(image);
        std::fs::remove_file(&self.marker).writing(&self.marker)?;
        drop(lock);
        served.map_err(|error| match error {
            process::Error::Interrupted(signal) => signal.into(),
            other => Error::Process(other.to_string()),
        })
    }
}

/// The container that keeps podman from removing the image. The marker's name is the VM's ID.
fn container_name(marker: &Path) -> String {
    format!(
        "podman-bootc-{}",
        marker.file_name().unwrap_or_default().to_string_lossy()
    )
}

/// Releases the image that a dead process used.
fn release(marker: &Path, podman: &Podman) {
    if let Ok(image) = std::fs::read_to_string(marker)
        && !image.is_empty()
    {
        podman.unmount(image.trim());
        podman.unpin(&container_name(marker));
    }
}

/// Releases the images that dead processes used, and removes their markers.
pub(super) fn sweep(markers: &Path, podman: &Podman) {
    for marker in file::entries(markers).map(|entry| entry.path()) {
        let Ok(Some(_lock)) = Lock::try_acquire(&marker) else {
            continue;
        };
        release(&marker, podman);
        if let Err(error) = std::fs::remove_file(&marker) {
            tracing::warn!(path = %marker.display(), %error, "can't remove the marker of a served root");
        }
        let _ = file::remove_dir(&marker.with_extension("layers"));
    }
}
