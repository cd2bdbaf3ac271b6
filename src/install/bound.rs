//! Logically bound images: containers that belong to a system, and that bootc keeps in a storage of
//! its own on the disk.
//!
//! The tool copies them to the disk itself, after bootc. bootc's composefs backend doesn't, and its
//! ostree backend can't copy a pulled image with a digest in its name.

use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::error::Error;
use crate::direct_boot;
use crate::disk::{BoundImage, InstallOptions};
use crate::host::fs::file;
use crate::image::{Facts, Image, ImageRequest, Podman, Pull};

/// What an install does with the images that are bound to an image, as bootc's `--bound-images`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum BoundImages {
    /// Take them from podman's storage, and pull missing ones.
    #[default]
    Stored,
    /// Pull all of them.
    Pull,
    /// Leave them out.
    Skip,
}

/// The user's choices for the bound images of an install.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BoundChoice {
    pub images: BoundImages,
    /// When to ask a registry for a missing one.
    pub pull: Pull,
}

const FLAG: &str = "--bound-images";

/// Returns true if the user's own arguments for bootc say what to do with bound images.
fn bootc_decides(options: &InstallOptions) -> bool {
    options
        .install_args
        .iter()
        .any(|word| word.starts_with(FLAG))
}

/// Returns the images that an install puts on the disk, out of the names in the image's facts.
///
/// # Errors
/// One is missing, or a file that binds one can't be read.
pub(super) fn find(
    podman: &Podman,
    image: &Image,
    facts: &Facts,
    options: &InstallOptions,
    choice: BoundChoice,
    pulling: &mut dyn FnMut(&str),
) -> Result<Vec<Image>, Error> {
    if choice.images == BoundImages::Skip || bootc_decides(options) {
        return Ok(vec![]);
    }
    let Found { images, missing } = search(podman, image, facts, choice, pulling)?;
    match missing.is_empty() {
        true => Ok(images),
        false => Err(Error::BoundMissing {
            image: image.reference.clone(),
            missing: missing.join(", "),
            why: match choice.pull {
                Pull::Never => ", and `--pull never` is set",
                _ if podman.own_storage().is_some() => {
                    " on this host, where also an image from elsewhere needs them"
                }
                Pull::Missing | Pull::Always => "",
            },
        }),
    }
}

/// Bound images.
#[derive(Debug, Default)]
pub struct Found {
    pub images: Vec<Image>,
    /// The names of those that podman neither has nor can pull.
    pub missing: Vec<String>,
}

/// Looks for the images in the image's facts.
///
/// # Errors
/// A file that binds one can't be read, or podman fails.
pub fn search(
    podman: &Podman,
    image: &Image,
    facts: &Facts,
    choice: BoundChoice,
    pulling: &mut dyn FnMut(&str),
) -> Result<Found, Error> {
    if let Some(problem) = &facts.bound_problem {
        return Err(Error::BoundFile {
            image: image.reference.clone(),
            problem: problem.clone(),
        });
    }
    // Another podman's images are in a storage of the tool, and the bound ones in the user's.
    let podman = podman.clone().with_storage(None);
    let pull = match (choice.images, choice.pull) {
        (_, Pull::Never) => Pull::Never,
        (BoundImages::Pull, _) => Pull::Always,
        _ => Pull::Missing,
    };
    let mut found = Found::default();
    for name in &facts.bound_images {
        let request = ImageRequest {
            name,
            pull,
            arch: Some(&image.architecture),
        };
        match podman.find_any(&request, || pulling(name)) {
            Ok(one) => found.images.push(one),
            Err(error) if error.is_missing() || error.is_unknown() => {
                found.missing.push(name.clone());
            }
            Err(source) => {
                return Err(Error::Bound {
                    image: image.reference.clone(),
                    source,
                });
            }
        }
    }
    Ok(found)
}

/// Returns the name of the block image that [`pack`] makes of these images. An ordinary user's has
/// other marks of removed files.
pub fn store_name(podman: &Podman, images: &[Image]) -> String {
    /// Changes with the form of the storage.
    const FORMAT: u32 = 1;
    let mut words: Vec<String> = images
        .iter()
        .map(|image| format!("{} {}\n", image.reference, image.id))
        .collect();
    words.sort();
    let digest = Sha256::digest(format!("{FORMAT}\n{}", words.concat()));
    let digest: String = digest[..8]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!(
        "bound-{digest}{}",
        if podman.is_rootless() { ".user" } else { "" }
    )
}

/// Returns the images as the options of a base disk have them.
pub(super) fn identities(images: &[Image]) -> Vec<BoundImage> {
    let identity = |image: &Image| BoundImage {
        name: image.reference.clone(),
        id: image.id.clone(),
    };
    images.iter().map(identity).collect()
}

/// Returns the argument for bootc, which knows none where the image binds nothing: old versions of
/// bootc lack it. `copied` says that the tool copies the images.
pub(super) fn argument(options: &InstallOptions, facts: &Facts, copied: bool) -> Option<String> {
    let bound = !facts.bound_images.is_empty() || !options.bound_images.is_empty();
    if !bound || bootc_decides(options) {
        return None;
    }
    let stored = !copied && !options.bound_images.is_empty();
    let value = if stored { "stored" } else { "skip" };
    Some(format!("{FLAG}={value}"))
}

const STORE: &str = "bound.erofs";
/// The folder with the copies, in the one of the unfinished disk.
const COPIES: &str = "bound";

/// Packs the images as a storage in a block image in `folder`.
///
/// # Errors
/// podman can't copy them, or the block image can't be made.
pub fn pack(podman: &Podman, images: &[Image], folder: &Path) -> Result<PathBuf, Error> {
    let podman = podman.clone().with_storage(None);
    let made = Made {
        podman: &podman,
        folder: folder.join(COPIES),
    };
    let (store, run) = (made.folder.join("storage"), made.folder.join("run"));
    for folder in [&made.folder, &store, &run] {
        file::create_private_dir(folder).map_err(|source| Error::Io {
            path: folder.clone(),
            source,
        })?;
    }
    for image in images {
        podman.copy_to_store(image, &store, &run)?;
    }
    let packed = folder.join(STORE);
    direct_boot::pack_for(&podman, &store, &packed).map_err(Error::BoundStore)?;
    Ok(packed)
}

/// A folder that podman fills. It is removed when the value is dropped.
struct Made<'a> {
    podman: &'a Podman,
    folder: PathBuf,
}

impl Drop for Made<'_> {
    fn drop(&mut self) {
        remove(self.podman, &self.folder);
    }
}

/// Removes the copies of bound images that a dead process has left in the folder of an unfinished
/// disk.
pub fn remove_copies(podman: &Podman, partial: &Path) {
    let folder = partial.join(COPIES);
    if folder.exists() {
        remove(podman, &folder);
    }
}

fn remove(podman: &Podman, folder: &Path) {
    if podman.is_rootless() {
        // Its files belong to users of podman's user namespace.
        let mut remove = podman.command(["unshare", "rm", "-rf", "--"]);
        if let Err(error) = remove.arg(folder).output() {
            tracing::warn!(%error, "can't remove the copies of bound images");
        }
    }
    if let Err(error) = file::remove_dir(folder) {
        tracing::warn!(path = %folder.display(), %error, "can't remove the copies of bound images");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_has_its_images_name() {
        let [one, other] = ["a", "b"].map(|name| {
            let mut image = Image::sample();
            image.reference = name.into();
            image
        });
        let [root, user] = [false, true].map(|rootless| Podman::at("podman".into(), rootless));
        let both = [one.clone(), other.clone()];
        let name = store_name(&root, &both);
        assert_eq!(name, store_name(&root, &[other, one.clone()]));
        assert_ne!(name, store_name(&root, &[one]));
        assert_ne!(name, store_name(&user, &both));
    }

    #[test]
    fn bootc_is_told_about_bound_images_only_where_some_exist() {
        let bound = Facts {
            bound_images: vec!["x".into()],
            ..Facts::default()
        };
        let with = |images: &[Image]| InstallOptions {
            bound_images: identities(images),
            ..InstallOptions::default()
        };
        let one = with(&[Image::sample()]);
        fn word(options: &InstallOptions, facts: &Facts, copied: bool) -> Option<String> {
            argument(options, facts, copied)
        }
        let (skip, stored) = ("--bound-images=skip", "--bound-images=stored");
        assert_eq!(word(&with(&[]), &Facts::default(), true), None);
        assert_eq!(word(&one, &bound, true).as_deref(), Some(skip));
        assert_eq!(word(&one, &bound, false).as_deref(), Some(stored));
        assert_eq!(word(&with(&[]), &bound, false).as_deref(), Some(skip));
        let own = InstallOptions {
            install_args: vec!["--bound-images".into(), "pull".into()],
            ..one.clone()
        };
        assert_eq!(word(&own, &bound, true), None);
    }
}
