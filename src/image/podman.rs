//! The `podman` command, 4.3 or newer.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

use super::container_image::{BOOTC_LABEL, Image};
use super::error::{Error, OutOfReach, cant, parse};
use super::podman_machine;
use super::reference::full_name;
use super::service::Service;
use super::storage::Storage;
use crate::host::fs::file::link_folder;
use crate::host::fs::path::split_colon;
use crate::host::{Os, process};

/// A bootable image as `images` lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedImage {
    /// Empty for a dangling image.
    pub names: Vec<String>,
    /// The image ID in hex.
    pub id: String,
    /// The manifest digest.
    pub digest: String,
    /// Seconds since 1970.
    pub created: i64,
    /// Bytes.
    pub size: u64,
}

/// The local podman, or a service that it reaches.
#[derive(Debug, Clone)]
pub struct Podman {
    program: PathBuf,
    pub(super) rootless: bool,
    /// The tool's own storage. `None` means the user's storage.
    storage: Option<Storage>,
    pub(super) service: Option<Service>,
}

impl Podman {
    /// Finds podman on PATH.
    pub fn find() -> Result<Self, Error> {
        let program = which::which("podman").map_err(|_| match which::which("podman-remote") {
            Ok(_) => OutOfReach::RemoteOnly.into(),
            Err(_) => Error::NoPodman,
        })?;
        Ok(Self::at(program, crate::host::user_id() != 0))
    }

    pub(crate) fn at(program: PathBuf, rootless: bool) -> Self {
        Self {
            program,
            rootless,
            storage: None,
            service: None,
        }
    }

    /// Returns the podman that has the user's images: the local one on Linux, on other systems
    /// root's in the podman machine or the `chosen` service.
    pub fn for_images(os: Os, chosen: Option<Service>) -> Result<Self, Error> {
        let podman = Self::find()?;
        if os == Os::Linux {
            return Ok(podman);
        }
        let service = match chosen {
            Some(service) => service,
            None => podman_machine::service(|| podman.command([]))?,
        };
        Ok(Self {
            rootless: false,
            service: Some(service),
            ..podman
        })
    }

    /// Returns true if it asks a service, whose storage may be on another host.
    pub fn is_remote(&self) -> bool {
        self.service.is_some()
    }

    #[must_use]
    pub fn with_service(self, service: Service) -> Self {
        Self {
            service: Some(service),
            ..self
        }
    }

    /// Sets the storage; `None` means the user's storage.
    #[must_use]
    pub fn with_storage(self, storage: Option<Storage>) -> Self {
        Self { storage, ..self }
    }

    /// Returns the program on PATH as it is, with neither a storage folder nor a service.
    pub(super) fn without_options(&self) -> Self {
        Self {
            storage: None,
            service: None,
            ..self.clone()
        }
    }

    /// Returns the tool's own storage if it uses that.
    pub fn own_storage(&self) -> Option<&Storage> {
        self.storage.as_ref()
    }

    /// Returns a command of this podman.
    pub fn command<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Command {
        let mut command = Command::new(&self.program);
        // The options below choose the service.
        for variable in Service::VARIABLES {
            command.env_remove(variable);
        }
        if let Some(service) = &self.service {
            command.args(service.args());
        }
        if let Some(storage) = &self.storage {
            command
                .arg("--root")
                .arg(&storage.root)
                .arg("--runroot")
                .arg(&storage.run);
        }
        command.args(args);
        command
    }

    /// Returns a command that runs `words` in a container of the image. What the image says about
    /// containers (entry point, user, folder, volumes, health check, environment) doesn't matter: a
    /// machine that boots from it ignores that, too.
    pub fn container<'a>(
        &self,
        flags: impl IntoIterator<Item = &'a str>,
        image_id: &'a str,
        words: impl IntoIterator<Item = &'a str>,
    ) -> Command {
        const PLAIN: [&str; 9] = [
            "run",
            "--rm",
            "--network=none",
            "--entrypoint=/usr/bin/env",
            "--unsetenv-all",
            "--user=0:0",
            "--workdir=/",
            "--image-volume=ignore",
            "--no-healthcheck",
        ];
        const ENVIRONMENT: [&str; 3] = [
            "-i",
            "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME=/root",
        ];
        let words = PLAIN
            .into_iter()
            .chain(flags)
            .chain([image_id])
            .chain(ENVIRONMENT)
            .chain(words);
        self.command(words)
    }

    /// Returns true if its storage belongs to an ordinary user.
    pub fn is_rootless(&self) -> bool {
        self.rootless
    }

    pub fn version(&self) -> Result<String, Error> {
        let text = self.run(
            ["version", "--format", "{{.Client.Version}}"],
            "get podman's version",
        )?;
        Ok(String::from_utf8_lossy(&text).trim().to_owned())
    }

    /// Lists all images with the label of bootable images.
    pub fn list(&self) -> Result<Vec<ListedImage>, Error> {
        let doing = "list images";
        let filter = format!("label={BOOTC_LABEL}");
        let list = ["images", "--filter", &filter];
        let format = ["--format", "json", "--no-trunc"];
        let text = self.run(list.into_iter().chain(format), doing)?;
        Ok(listed(parse(&text, doing)?))
    }

    /// Lists the names of its connections to services.
    pub fn connections(&self) -> Result<Vec<String>, Error> {
        let words = ["system", "connection", "list", "--format", "{{.Name}}"];
        let text = self.run(words, "list podman's connections")?;
        let text = String::from_utf8_lossy(&text);
        Ok(text
            .lines()
            .map(|name| name.trim_end_matches('*').to_owned())
            .collect())
    }

    /// Writes the image's content as an OCI folder with the tag [`Self::SAVED_TAG`].
    ///
    /// The tag is a plain word: readers would split `oci:/path:localhost/x:latest` at the wrong
    /// colon.
    pub fn save(&self, image: &Image, folder: &Path) -> Result<(), Error> {
        let doing = format!("save the content of image {}", image.reference);
        let mut command = self.command([
            "save",
            "--quiet",
            "--format",
            "oci-dir",
            "--uncompressed",
            "-o",
        ]);
        command.arg(folder).arg(&image.id);
        process::output(&mut command).map_err(cant(doing))?;
        let index = folder.join("index.json");
        tag_saved(&index).map_err(|source| Error::Index {
            path: index,
            source,
        })
    }

    pub const SAVED_TAG: &str = "image";

    /// Returns true if its storage has any image.
    pub fn has_images(&self) -> Result<bool, Error> {
        Ok(!self
            .run(["images", "--all", "--quiet"], "list images")?
            .is_empty())
    }

    /// Removes all images of its storage.
    pub fn remove_all(&self) -> Result<(), Error> {
        self.run(
            ["rmi", "--all", "--force"],
            "remove the images in the tool's own storage",
        )
        .map(drop)
    }

    pub(super) fn run<'a>(
        &self,
        args: impl IntoIterator<Item = &'a str>,
        doing: &str,
    ) -> Result<Vec<u8>, Error> {
        process::output(&mut self.command(args)).map_err(cant(doing))
    }

    pub(super) fn inspect(&self, asked: &str) -> Result<Image, Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Inspected {
            id: String,
            #[serde(default)]
            digest: String,
            repo_tags: Option<Vec<String>>,
            architecture: String,
            size: u64,
            labels: Option<BTreeMap<String, String>>,
            #[serde(rename = "RootFS")]
            root_fs: RootFs,
        }
        #[derive(Default, Deserialize)]
        #[serde(default, rename_all = "PascalCase")]
        struct RootFs {
            layers: Vec<String>,
        }
        let doing = format!("inspect image {asked}");
        let text = self.run(
            ["image", "inspect", "--format", "json", "--", asked],
            &doing,
        )?;
        let [found]: [Inspected; 1] = parse(&text, &doing)?;
        let id = found.id.trim_start_matches("sha256:").to_owned();
        Ok(Image {
            reference: full_name(asked, &found.repo_tags.unwrap_or_default(), &id),
            digest: if found.digest.is_empty() {
                format!("sha256:{id}")
            } else {
                found.digest
            },
            id,
            architecture: found.architecture,
            size: found.size,
            layers: found.root_fs.layers,
            labels: found.labels.unwrap_or_default(),
        })
    }

    /// `podman image exists` exits with 0 for yes and 1 for no. Any other status is a failure of
    /// podman.
    pub(super) fn exists(&self, asked: &str) -> Result<bool, Error> {
        match process::output(&mut self.command(["image", "exists", "--", asked])) {
            Ok(_) => Ok(true),
            Err(process::Error::Failed { status, .. }) if status.code() == Some(1) => Ok(false),
            Err(error) => Err(cant(format!("look for image {asked}"))(error)),
        }
    }

    pub(super) fn pull(&self, asked: &str, arch: Option<&str>) -> Result<(), Error> {
        process::output(self.pull_command(arch).arg(asked))
            .map_err(cant(format!("pull image {asked}")))
            .map(drop)
    }

    fn pull_command(&self, arch: Option<&str>) -> Command {
        let arch = arch.into_iter().flat_map(|arch| ["--arch", arch]);
        self.command(["pull", "--quiet"].into_iter().chain(arch).chain(["--"]))
    }

    /// Reads an image from a file or folder into the storage and returns its ID.
    pub(super) fn read_file(&self, asked: &str, arch: Option<&str>) -> Result<String, Error> {
        let mut command = self.pull_command(arch);
        let (transport, path) = asked.split_once(':').unwrap_or(("", asked));
        match (transport, &self.storage) {
            // podman names the image after its folder, and fails if that has a capital letter. So
            // it gets a link.
            ("oci" | "dir", Some(storage)) => {
                // podman splits at the first colon, and `dir:` has no tag.
                let parts = split_colon(path).filter(|_| transport == "oci");
                let (folder, tag) = parts.unwrap_or((path, ""));
                let link = storage.run.join("image");
                let absolute = std::path::absolute(folder);
                let linked = absolute.and_then(|to| link_folder(&to, &link));
                linked.map_err(|source| Error::Link {
                    image: asked.to_owned(),
                    link,
                    source,
                })?;
                let tag = if tag.is_empty() {
                    String::new()
                } else {
                    format!(":{tag}")
                };
                command
                    .arg(format!("{transport}:image{tag}"))
                    .current_dir(&storage.run);
            }
            _ => {
                command.arg(asked);
            }
        }
        let id = process::output(&mut command).map_err(cant(format!("read {asked}")))?;
        Ok(String::from_utf8_lossy(&id).trim().to_owned())
    }

    /// Copies an image from another podman into this one's storage unless it is there already.
    /// `archive` is the path of a temporary file.
    pub fn copy_from(&self, other: &Self, image: Image, archive: &Path) -> Result<Image, Error> {
        let name = format!("localhost/podman-bootc-copy:{}", image.id);
        if !self.exists(&name)? {
            // An interrupted copy may have left it.
            let _ = std::fs::remove_file(archive);
            let doing = format!(
                "copy image {} from {}",
                image.reference,
                other.storage_name()
            );
            let mut save = other.command([
                "save",
                "--quiet",
                "--format",
                "oci-archive",
                "--uncompressed",
            ]);
            save.arg("--output").arg(archive).arg(&image.id);
            let saved =
                process::output(&mut save).map_err(|source| Error::Podman { doing, source });
            let read = saved
                .and_then(|_| self.read_file(&format!("oci-archive:{}", archive.display()), None));
            let _ = std::fs::remove_file(archive);
            self.run(["tag", &read?, &name], "tag the copy of the image")?;
        }
        let copy = self.inspect(&name)?;
        Ok(Image {
            reference: image.reference,
            digest: image.digest,
            ..copy
        })
    }
}

/// Sets the tag of the first manifest in an OCI folder's index to [`Podman::SAVED_TAG`].
fn tag_saved(index: &Path) -> std::io::Result<()> {
    let mut value: serde_json::Value = serde_json::from_slice(&std::fs::read(index)?)?;
    let manifest = value
        .pointer_mut("/manifests/0")
        .and_then(serde_json::Value::as_object_mut);
    let manifest = manifest.ok_or_else(|| std::io::Error::other("it lists no manifest"))?;
    let annotations = manifest
        .remove("annotations")
        .filter(serde_json::Value::is_object);
    let mut annotations = annotations.unwrap_or_default();
    annotations["org.opencontainers.image.ref.name"] = Podman::SAVED_TAG.into();
    manifest.insert("annotations".into(), annotations);
    std::fs::write(index, serde_json::to_vec(&value)?)
}

/// A row of `podman images`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Row {
    id: String,
    #[serde(default)]
    digest: String,
    names: Option<Vec<String>>,
    created: i64,
    size: u64,
}

/// Returns each image once: podman has a row for each name of an image, and all names in each.
fn listed(rows: Vec<Row>) -> Vec<ListedImage> {
    let mut seen = HashSet::new();
    let new = rows.into_iter().filter(|row| seen.insert(row.id.clone()));
    new.map(|row| ListedImage {
        names: row.names.unwrap_or_default(),
        id: row.id.trim_start_matches("sha256:").to_owned(),
        digest: row.digest,
        created: row.created,
        size: row.size,
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_with_two_names_is_listed_once() {
        let row = r#"{"Id":"sha256:1a","Names":["a","b"],"Created":1,"Size":2}"#;
        let rows = format!(r#"[{row},{row},{{"Id":"2b","Created":1,"Size":2}}]"#);
        let images = listed(serde_json::from_str(&rows).unwrap());
        let names: Vec<_> = images.iter().map(|i| (&*i.id, i.names.join(" "))).collect();
        assert_eq!(names, [("1a", "a b".to_owned()), ("2b", String::new())]);
    }

    #[test]
    fn a_saved_image_gets_its_tag_or_an_error_that_names_the_index() {
        let dir = tempfile::tempdir().unwrap();
        let index = dir.path().join("index.json");
        let tag = |text: &str| {
            std::fs::write(&index, text).unwrap();
            tag_saved(&index).map(|()| std::fs::read_to_string(&index).unwrap())
        };
        let tagged =
            r#"{"manifests":[{"annotations":{"org.opencontainers.image.ref.name":"image"}}]}"#;
        for annotations in [
            "",
            r#""annotations":{}"#,
            r#""annotations":null"#,
            r#""annotations":7"#,
        ] {
            assert_eq!(
                tag(&format!(r#"{{"manifests":[{{{annotations}}}]}}"#)).unwrap(),
                tagged
            );
        }
        for broken in [
            "{}",
            "[]",
            r#"{"manifests":[]}"#,
            r#"{"manifests":[7]}"#,
            r#"{"manifests":{}}"#,
        ] {
            let error = Error::Index {
                path: index.clone(),
                source: tag(broken).unwrap_err(),
            };
            let text = crate::text::error_chain(&error);
            assert!(
                text.contains("index.json: it lists no manifest"),
                "{broken}: {text}"
            );
        }
        assert!(tag("no JSON").is_err());
    }

    // wine reports success for a link in a folder that does not exist.
    #[cfg(unix)]
    #[test]
    fn podman_is_not_blamed_for_a_link_that_cant_be_created() {
        let dir = tempfile::tempdir().unwrap();
        let storage = Storage {
            root: dir.path().join("root"),
            run: dir.path().join("none"),
        };
        let podman = Podman::at("podman".into(), false).with_storage(Some(storage));
        let text = crate::text::error_chain(&podman.read_file("oci:/x", None).unwrap_err());
        assert!(
            text.starts_with("can't read oci:/x: can't create the link ") && text.contains("none"),
            "{text}"
        );
    }
}
