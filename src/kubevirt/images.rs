//! The images that a VM in a cluster needs: the disk of its image, or the kernel and the block
//! images of a direct boot, each one a small image, so that a changed layer is one push.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use sha2::{Digest as _, Sha256};

use super::manifest::{INITRAMFS, KERNEL};
use crate::containerdisk::{self, Content, Description, Entry, Target};
use crate::direct_boot::BootImage;
use crate::disk::{BaseDisk, ExtraDisk};
use crate::hypervisor::{Arch, DiskFormat};
use crate::image::Podman;
use crate::text::Progress;
use crate::vm::Settings;

/// Digits of a hash in a tag.
const DIGITS: usize = 12;

/// A repository in a registry. The tags in it say what an image has and which content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository(String);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "invalid repository `{0}`: expected REGISTRY/NAME without a tag, for example \
     quay.io/example/my-os"
)]
pub struct InvalidRepository(String);

impl FromStr for Repository {
    type Err = InvalidRepository;

    fn from_str(text: &str) -> Result<Self, InvalidRepository> {
        let has_tag = text
            .rsplit('/')
            .next()
            .is_some_and(|last| last.contains(':'));
        match text.parse() {
            Ok(Target::Name(name)) if !has_tag => Ok(Self(name)),
            _ => Err(InvalidRepository(text.to_owned())),
        }
    }
}

impl Repository {
    /// Returns the repository of an image.
    ///
    /// # Errors
    /// The name has no registry.
    pub fn of_image(reference: &str) -> Result<Self, InvalidRepository> {
        let name = reference.split('@').next().unwrap_or(reference);
        match name.rsplit_once(':') {
            Some((repository, tag)) if !tag.contains('/') => repository.parse(),
            _ => name.parse(),
        }
    }

    /// Returns the name of the image with this kind of content, of which `hash` is a hash in hex.
    fn image(&self, kind: &str, hash: &str) -> String {
        format!("{}:{kind}-{}", self.0, hash.get(..DIGITS).unwrap_or(hash))
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Makes images in podman's storage. An image that is there is not made again.
pub struct Images<'a> {
    pub podman: Podman,
    pub repository: Repository,
    /// The folder of images on their way.
    pub folder: PathBuf,
    pub arch: Arch,
    pub progress: &'a dyn Progress,
    /// The names so far.
    pub names: Vec<String>,
}

impl Images<'_> {
    /// Returns the name of the image with a base disk.
    ///
    /// # Errors
    /// It can't be made.
    pub fn base_disk(&mut self, disk: &BaseDisk) -> Result<String, containerdisk::Error> {
        let (entries, description) = containerdisk::of_base_disk(disk)?;
        let mut name = self.repository.image("disk", disk.key.content());
        // A rebuilt disk is another one.
        if disk.key.generation() > 0 {
            name = format!("{name}-{}", disk.key.generation());
        }
        self.add(name, &entries, &description)
    }

    /// Returns the name of the image with the kernel and the initramfs.
    ///
    /// # Errors
    /// It can't be made.
    pub fn kernel(&mut self, boot: &BootImage) -> Result<String, containerdisk::Error> {
        let entry = |path: &str, file: PathBuf| Entry {
            path: path.to_owned(),
            content: Content::File(file),
        };
        self.by_content(
            "boot",
            &[
                entry(KERNEL, boot.kernel()),
                entry(INITRAMFS, boot.initramfs()),
            ],
        )
    }

    /// Returns the serials of the root's disks and the names of their images. The files' names are
    /// hashes of the layers in them.
    ///
    /// # Errors
    /// One can't be made.
    pub fn roots(
        &mut self,
        boot: &BootImage,
    ) -> Result<Vec<(String, String)>, containerdisk::Error> {
        let mut roots = Vec::new();
        for (serial, file) in boot.disks() {
            let stem = file.file_stem().unwrap_or_default();
            let hash = Sha256::digest(stem.as_encoded_bytes());
            let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
            let name = self.repository.image("root", &hash);
            let entry = Entry {
                path: "disk/disk.img".to_owned(),
                content: Content::File(file.to_owned()),
            };
            roots.push((serial, self.add(name, &[entry], &self.plain())?));
        }
        Ok(roots)
    }

    /// Returns the name of the image with the scratch disk. The cluster covers it with an overlay for
    /// each run, as `run --ephemeral` does.
    ///
    /// # Errors
    /// It can't be made.
    pub fn scratch(&mut self, raw: &Path) -> Result<String, containerdisk::Error> {
        self.by_content("scratch", &containerdisk::qcow2(raw))
    }

    /// Returns the names of the images with the user's read-only disks, by the disks' numbers.
    ///
    /// # Errors
    /// One can't be made.
    pub fn extra(
        &mut self,
        settings: &Settings,
    ) -> Result<Vec<(usize, String)>, containerdisk::Error> {
        let mut extra = Vec::new();
        for (number, disk) in settings.disks.numbered() {
            let ExtraDisk::File { file, format, .. } = disk else {
                continue;
            };
            let entries = match format {
                DiskFormat::Raw => containerdisk::qcow2(file),
                _ => [Entry {
                    path: format!("disk/disk.{format}"),
                    content: Content::File(file.clone()),
                }],
            };
            extra.push((number, self.by_content("extra", &entries)?));
        }
        Ok(extra)
    }

    /// Pushes all images so far.
    ///
    /// # Errors
    /// podman can't push one.
    pub fn push(&self) -> Result<(), containerdisk::Error> {
        for name in &self.names {
            let stage = self.progress.stage("push");
            stage.update(name);
            self.podman.push(name)?;
            stage.done(name);
        }
        Ok(())
    }

    fn by_content(
        &mut self,
        kind: &str,
        entries: &[Entry],
    ) -> Result<String, containerdisk::Error> {
        let name = self
            .repository
            .image(kind, &containerdisk::digest(entries)?);
        self.add(name, entries, &self.plain())
    }

    /// The same content is the same image, so it tells no time.
    fn plain(&self) -> Description {
        Description {
            arch: self.arch,
            created: jiff::Timestamp::UNIX_EPOCH,
            labels: BTreeMap::new(),
        }
    }

    fn add(
        &mut self,
        name: String,
        entries: &[Entry],
        description: &Description,
    ) -> Result<String, containerdisk::Error> {
        if !self.podman.has(&name)? {
            let stage = self.progress.stage("write");
            let report = |percent: f64| stage.update(&format!("{name} {percent:.0}%"));
            let folder = &self.folder;
            containerdisk::store(&self.podman, &name, entries, description, folder, report)?;
            stage.done(&name);
        }
        if !self.names.contains(&name) {
            self.names.push(name.clone());
        }
        Ok(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_of_all_kinds_are_tags_of_one_repository() {
        for (image, repository) in [
            ("quay.io/example/my-os:v1", "quay.io/example/my-os"),
            ("localhost/my-os@sha256:1f", "localhost/my-os"),
            ("localhost:5000/my-os", "localhost:5000/my-os"),
        ] {
            let repository: Repository = repository.parse().unwrap();
            assert_eq!(Repository::of_image(image), Ok(repository), "{image}");
        }
        let repository: Repository = "quay.io/example/my-os".parse().unwrap();
        let name = repository.image("disk", "0123456789abcdef");
        assert_eq!(name, "quay.io/example/my-os:disk-0123456789ab");
        for bad in ["my-os", "quay.io/example/my-os:v1", "./x", "oci:x"] {
            assert!(bad.parse::<Repository>().is_err(), "{bad}");
        }
    }
}
