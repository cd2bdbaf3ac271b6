//! Images in use: mounted, or protected from removal.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::error::{Error, parse};
use super::podman::Podman;
use super::storage::clean_up;
use crate::host::process;

impl Podman {
    /// Returns the folders of an image's layers in overlayfs, the lowest layer first. Returns
    /// `None` if podman's storage doesn't use the kernel's overlayfs, or has its layers in another
    /// form.
    pub fn layer_folders(&self, id: &str) -> Result<Option<Vec<PathBuf>>, Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Driver {
            name: String,
            data: Option<BTreeMap<String, String>>,
        }
        let doing = "find the folders of the image's layers";
        let text = self.run(
            ["image", "inspect", "--format", "{{json .GraphDriver}}", id],
            doing,
        )?;
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
        let are_kernels = folders.iter().all(|folder| is_of_kernel(folder));
        Ok(are_kernels.then_some(folders))
    }

    /// Mounts the image's root filesystem read-only until the value is dropped. Rootless, this
    /// works only inside `podman unshare`.
    pub fn mount(&self, id: &str) -> Result<Mounted, Error> {
        let text = self.run(["image", "mount", id], "mount the image's filesystem")?;
        let path = PathBuf::from(String::from_utf8_lossy(&text).trim_end_matches('\n'));
        Ok(Mounted {
            podman: self.clone(),
            id: id.to_owned(),
            path,
        })
    }

    /// Creates a container of the image that never runs. podman doesn't remove the image while the
    /// container exists.
    pub fn pin(&self, image: &str, container: &str) -> Result<Pinned, Error> {
        let create = [
            "create",
            "--quiet",
            "--network=none",
            // Each volume of the image would be a new one of podman's.
            "--image-volume=ignore",
            "--name",
            container,
            image,
            "true",
        ];
        self.run(create, "protect the image from removal")?;
        Ok(Pinned {
            podman: self.clone(),
            container: container.to_owned(),
        })
    }

    /// Removes the container that protects an image, if it exists.
    pub fn unpin(&self, container: &str) {
        clean_up(&mut self.command(["rm", "--ignore", "--force", "--volumes", container]));
    }

    /// Unmounts an image that a process left mounted when it died, if there is such a mount.
    pub fn unmount(&self, id: &str) {
        let mut command = self.command(["image", "unmount", id]);
        if let Err(error) = process::output(&mut command) {
            tracing::debug!(%error, "nothing to unmount");
        }
    }
}

/// Returns whether the kernel's overlayfs can read a layer's folder as podman does.
///
/// A `mount_program` (fuse-overlayfs) marks removed files by other names. podman notes in its storage
/// that it uses one. With composefs, the folder has files that are named after their content.
/// <https://github.com/containers/storage/blob/main/drivers/overlay/overlay.go>
fn is_of_kernel(folder: &Path) -> bool {
    let Some(layer) = folder.parent() else {
        return false;
    };
    let note = layer.with_file_name(".has-mount-program");
    let has_program = std::fs::read_to_string(note).is_ok_and(|note| note.trim() == "true");
    !has_program && !layer.join("composefs-data").exists()
}

/// Protects an image from removal until the value is dropped.
#[derive(Debug)]
pub struct Pinned {
    podman: Podman,
    container: String,
}

impl Drop for Pinned {
    fn drop(&mut self) {
        self.podman.unpin(&self.container);
    }
}

/// An image's root filesystem, mounted until the value is dropped.
#[derive(Debug)]
pub struct Mounted {
    podman: Podman,
    id: String,
    path: PathBuf,
}

impl Mounted {
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        clean_up(&mut self.podman.command(["image", "unmount", &self.id]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_of_a_mount_program_or_composefs_are_not_the_kernels() {
        let dir = tempfile::tempdir().unwrap();
        let diff = dir.path().join("overlay/aa/diff");
        std::fs::create_dir_all(&diff).unwrap();
        assert!(is_of_kernel(&diff));
        let note = dir.path().join("overlay/.has-mount-program");
        for (text, of_kernel) in [("false", true), ("true", false)] {
            std::fs::write(&note, text).unwrap();
            assert_eq!(is_of_kernel(&diff), of_kernel, "{text}");
        }
        std::fs::write(&note, "false").unwrap();
        std::fs::create_dir(dir.path().join("overlay/aa/composefs-data")).unwrap();
        assert!(!is_of_kernel(&diff));
    }
}
