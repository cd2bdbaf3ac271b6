//! Images in use: mounted, or kept from being removed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::error::{Error, parse};
use super::podman::Podman;
use crate::host::process;

impl Podman {
    /// The folders of an image's layers as overlayfs has them, the lowest first; none where podman keeps them
    /// otherwise.
    ///
    /// # Errors
    /// podman fails.
    pub fn layer_folders(&self, id: &str) -> Result<Option<Vec<PathBuf>>, Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Driver {
            name: String,
            data: Option<BTreeMap<String, String>>,
        }
        let doing = "ask podman where the image's layers are";
        let text = self.run(["image", "inspect", "--format", "{{json .GraphDriver}}", id], doing)?;
        let driver: Driver = parse(&text, doing)?;
        let data = driver.data.unwrap_or_default();
        let Some(upper) = data.get("UpperDir").filter(|_| driver.name == "overlay") else {
            return Ok(None);
        };
        let lower = data.get("LowerDir").map(String::as_str).unwrap_or_default();
        let mut folders: Vec<PathBuf> = std::iter::once(upper.as_str())
            .chain(lower.split(':').filter(|f| !f.is_empty()))
            .map(PathBuf::from)
            .collect();
        folders.reverse();
        Ok(Some(folders))
    }

    /// Mounts the image's root filesystem read-only until the value is dropped.
    ///
    /// Rootless, this works only inside `podman unshare`.
    ///
    /// # Errors
    /// podman fails.
    pub fn mount(&self, id: &str) -> Result<Mounted, Error> {
        let text = self.run(["image", "mount", id], "mount the image's filesystem")?;
        let path = PathBuf::from(String::from_utf8_lossy(&text).trim_end_matches('\n'));
        Ok(Mounted { podman: self.clone(), id: id.to_owned(), path })
    }

    /// Makes a container of the image, which never runs: as long as it is there podman doesn't remove the image.
    ///
    /// # Errors
    /// podman fails.
    pub fn hold(&self, image: &str, container: &str) -> Result<Held, Error> {
        let create = ["create", "--quiet", "--network=none", "--name", container, image, "true"];
        self.run(create, "hold the image")?;
        Ok(Held { podman: self.clone(), container: container.to_owned() })
    }

    /// Removes the container that held an image; none is fine.
    pub fn let_go(&self, container: &str) {
        // Not through `process::output`: it has to go when the tool is interrupted, too.
        match self.command(["rm", "--ignore", "--force", container]).output() {
            Ok(output) if output.status.success() => {}
            other => tracing::warn!(container, ?other, "the container stays"),
        }
    }

    /// Takes back a mount that a process left which died; none is fine.
    pub fn unmount(&self, id: &str) {
        let mut command = self.command(["image", "unmount", id]);
        if let Err(error) = process::output(&mut command) {
            tracing::debug!(%error, "nothing to unmount");
        }
    }
}

/// An image that podman doesn't remove as long as this lives.
#[derive(Debug)]
pub struct Held {
    podman: Podman,
    container: String,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.podman.let_go(&self.container);
    }
}

/// An image's root filesystem, as long as this lives.
#[derive(Debug)]
pub struct Mounted {
    podman: Podman,
    id: String,
    path: PathBuf,
}

impl Mounted {
    /// The folder that it is mounted on.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let mut command = self.podman.command(["image", "unmount", &self.id]);
        // Not through `process::output`: the mount has to go when the tool is interrupted, too.
        match command.output() {
            Ok(output) if output.status.success() => {}
            other => tracing::warn!(image = self.id, ?other, "the image stays mounted"),
        }
    }
}
