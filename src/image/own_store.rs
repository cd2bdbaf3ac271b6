//! A storage of its own for some images, as podman reads it from an additional image store.

use std::path::Path;
use std::process::Command;

use super::container_image::Image;
use super::error::{Error, cant};
use super::podman::Podman;
use super::reference::pinned;
use crate::host::process;

impl Podman {
    /// Copies an image into the storage in `folder`, which it makes first if necessary. The folder
    /// `run` is podman's for the time of the copy. Rootless, the files belong to other users of
    /// podman's user namespace.
    pub fn copy_to_store(&self, image: &Image, folder: &Path, run: &Path) -> Result<(), Error> {
        let doing = format!("copy image {}", image.reference);
        let (id, root, run) = (&image.id, folder.display(), run.display());
        // Without a name: a pulled image can't be copied to a name with a digest, because the copy
        // has another manifest.
        let store = format!("containers-storage:[overlay@{root}+{run}]@{id}");
        let push = [
            "image",
            "push",
            "--quiet",
            "--remove-signatures",
            id,
            &store,
        ];
        let mut push = self.command(push);
        if !self.is_rootless() {
            push = in_mount_namespace(&push);
        }
        process::output(&mut push).map_err(cant(doing))?;
        let list = folder.join("overlay-images/images.json");
        name(&list, image).map_err(|source| Error::Index { path: list, source })
    }
}

/// Returns the command in a mount namespace of its own. podman mounts the folder of a new storage on
/// itself and leaves it mounted; rootless, it has such a namespace.
fn in_mount_namespace(command: &Command) -> Command {
    let mut unshare = Command::new("unshare");
    unshare.args(["--mount", "--"]);
    unshare.arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => unshare.env(name, value),
            None => unshare.env_remove(name),
        };
    }
    unshare
}

/// Adds the image's name in a storage's list of images.
fn name(list: &Path, image: &Image) -> std::io::Result<()> {
    let mut value: serde_json::Value = serde_json::from_slice(&std::fs::read(list)?)?;
    let images = value.as_array_mut().map(Vec::as_mut_slice);
    let mut found = images.unwrap_or_default().iter_mut();
    let found = found
        .find(|one| one["id"] == image.id.as_str())
        .and_then(serde_json::Value::as_object_mut)
        .ok_or_else(|| std::io::Error::other("it doesn't list the image"))?;
    let names = found.entry("names").or_insert_with(|| vec![""; 0].into());
    if let Some(names) = names.as_array_mut() {
        // podman looks for a name with a digest without its tag.
        names.push(pinned(&image.reference).into());
    }
    std::fs::write(list, serde_json::to_vec(&value)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_gets_all_its_names() {
        let dir = tempfile::tempdir().unwrap();
        let list = dir.path().join("images.json");
        let image = |reference: &str| Image {
            reference: reference.into(),
            ..Image::sample()
        };
        let id = Image::sample().id;
        std::fs::write(&list, format!(r#"[{{"id":"b"}},{{"id":"{id}"}}]"#)).unwrap();
        for reference in ["localhost/x:latest", "quay.io/example/x:v1@sha256:1"] {
            name(&list, &image(reference)).unwrap();
        }
        assert_eq!(
            std::fs::read_to_string(&list).unwrap(),
            format!(
                r#"[{{"id":"b"}},{{"id":"{id}","names":["localhost/x:latest","quay.io/example/x@sha256:1"]}}]"#
            )
        );
        std::fs::write(&list, "[]").unwrap();
        assert!(name(&list, &image("x")).is_err());
    }
}
