//! An image's root, served to a VM as it is: a process of our own mounts it, and virtiofsd serves it from there.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::{Deserialize, Serialize};

use super::Error;
use super::mount_namespace;
use super::mount_namespace::Root;
use crate::host::fs::file;
use crate::host::fs::lock::Lock;
use crate::host::process;
use crate::image::Podman;

/// What the process that serves a root has to know, as JSON on its command line.
#[derive(Debug, Serialize, Deserialize)]
pub struct Share {
    /// The image's ID.
    pub image: String,
    /// The folder to serve, empty: in the process's own mount namespace the image is mounted on it.
    pub folder: PathBuf,
    /// A file that tells that the image is in use; locked as long as it is.
    pub mark: PathBuf,
}

impl Share {
    /// The command line of the process; `server` is the program that serves the folder, and its arguments.
    ///
    /// # Errors
    /// Our own path is not known, or one of ours is not UTF-8.
    pub fn command(&self, podman: &Podman, server: &Command) -> Result<Command, Error> {
        let work = serde_json::to_string(self).map_err(|e| Error::Apart(e.to_string()))?;
        let mut command = mount_namespace::command(podman)?;
        command.args(["internal-share-root", &work, "--"]).arg(server.get_program()).args(server.get_args());
        Ok(command)
    }

    /// Mounts the image, serves it until the server ends, and unmounts it.
    ///
    /// # Errors
    /// The image can't be mounted, or the server fails.
    pub fn run(&self, server: &[OsString]) -> Result<(), Error> {
        let write = |path: &Path| {
            let path = path.to_owned();
            move |source| Error::Write { path, source }
        };
        // In order, and not at once: podman has to be told that the image is not mounted any more.
        process::terminate_with_parent().map_err(write(Path::new("/proc/self")))?;
        let mark = Lock::acquire(&self.mark).map_err(write(&self.mark))?;
        let podman = Podman::find()?;
        // An accelerator that failed has taken the first of us along.
        give_back(&self.mark, &podman);
        std::fs::write(&self.mark, &self.image).map_err(write(&self.mark))?;
        let _held = podman.pin(&self.image, &holder(&self.mark))?;
        let layers = podman.layer_folders(&self.image)?;
        let scratch = self.mark.with_extension("layers");
        let root = Root::mount(&podman, &self.image, layers.as_deref(), &scratch)?;
        let bind =
            process::output(Command::new("mount").args(["--bind", "--"]).arg(root.path()).arg(&self.folder));
        let served = bind.and_then(|_| {
            let Some((program, args)) = server.split_first() else { return Ok(()) };
            process::run(Command::new(program).args(args))
        });
        // The bind mount is seen by nobody else, and goes with this process.
        drop(root);
        std::fs::remove_file(&self.mark).map_err(write(&self.mark))?;
        drop(mark);
        served.map_err(|error| match error {
            process::Error::Interrupted(signal) => signal.into(),
            other => Error::Apart(other.to_string()),
        })
    }
}

/// The container that keeps the image, by the mark's name, which is the VM's ID.
fn holder(mark: &Path) -> String {
    format!("podman-bootc-{}", mark.file_name().unwrap_or_default().to_string_lossy())
}

/// Gives back what a process that died had of podman, by its mark.
fn give_back(mark: &Path, podman: &Podman) {
    if let Ok(image) = std::fs::read_to_string(mark)
        && !image.is_empty()
    {
        podman.unmount(image.trim());
        podman.unpin(&holder(mark));
    }
}

/// Tells podman of images that processes which died had in use.
pub(super) fn sweep(marks: &Path, podman: &Podman) {
    for mark in std::fs::read_dir(marks).into_iter().flatten().flatten().map(|entry| entry.path()) {
        let Ok(Some(_lock)) = Lock::try_acquire(&mark) else { continue };
        give_back(&mark, podman);
        if let Err(error) = std::fs::remove_file(&mark) {
            tracing::warn!(path = %mark.display(), %error, "can't remove the mark of a root that was served");
        }
        let _ = file::remove_dir(&mark.with_extension("layers"));
    }
}
