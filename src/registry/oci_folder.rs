//! A temporary OCI folder with an image's content, in which the layers that the guest has take no
//! space.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::error::Error;
use super::names::sha256_hex;
use super::routes::Blob;
use crate::disk::Installed;
use crate::host::fault;
use crate::host::fs::file::{self, IoContext};
use crate::host::fs::locked_folder::{LockedFolder, remove};
use crate::image::{self, Image, Podman};

/// The folder in which podman saves a layer later, beside the OCI folder's own entries.
const LATER: &str = "later";

/// An image's content on the host's disk: `index.json` and `blobs/`. It is removed when dropped, or
/// by [`OciFolder::sweep`] after this process was killed.
pub struct OciFolder {
    folder: LockedFolder,
    save: Save,
    manifest: Blob,
    config: Blob,
    installed: Installed,
    /// The digests of the layers that are only sparse files of the right size.
    placeholders: Mutex<BTreeSet<String>>,
    /// Held while podman saves a layer.
    saving: Mutex<()>,
}

/// Writes the image's content into a folder, without the blobs that are there.
type Save = Box<dyn Fn(&Path) -> Result<(), image::Error> + Send + Sync>;

impl OciFolder {
    /// Saves the image's content in a new folder below `parent`, uncompressed, so that the layers'
    /// digests are those that `bootc install` saw. Layers among `known`, by digest and size in
    /// bytes, take no space until they are asked for.
    ///
    /// The image must stay in podman's storage as long as the folder is used.
    ///
    /// # Errors
    /// podman can't save the image, or the folder can't be written.
    pub fn save<'a>(
        podman: &Podman,
        image: &Image,
        known: impl IntoIterator<Item = (&'a str, u64)>,
        parent: &Path,
    ) -> Result<Self, Error> {
        // A remote podman sends all layers and overwrites the placeholders.
        let known = known.into_iter().filter(|_| !podman.is_remote());
        let known: BTreeMap<&str, u64> = known.collect();
        let kept = image.layers.iter().filter_map(|layer| {
            let size = *known.get(layer.as_str())?;
            Some((layer.as_str(), size))
        });
        let (podman, image) = (podman.clone(), image.clone());
        let save = Box::new(move |folder: &Path| podman.save(&image, folder));
        Self::make(kept, parent, save)
    }

    /// Makes the folder, with placeholders for these layers.
    pub(super) fn make<'a>(
        placeholders: impl IntoIterator<Item = (&'a str, u64)>,
        parent: &Path,
        save: Save,
    ) -> Result<Self, Error> {
        file::create_private_dir(parent).writing(parent)?;
        Self::sweep(parent);
        let folder = LockedFolder::create(parent)?;
        let placeholders = seed(folder.path(), placeholders)?;
        save(folder.path())?;
        fault::point("image-served");
        let installed = Installed::read(folder.path()).map_err(|error| Error::Content {
            path: folder.path().to_owned(),
            why: error.to_string(),
        })?;
        let blob = |digest: &str| -> Result<Blob, Error> {
            let path = blob_path(folder.path(), digest)?;
            let (digest, size) = (digest.to_owned(), path.metadata().reading(&path)?.len());
            Ok(Blob { digest, size })
        };
        Ok(Self {
            manifest: blob(&installed.manifest)?,
            config: blob(&installed.config)?,
            folder,
            save,
            installed,
            placeholders: Mutex::new(placeholders),
            saving: Mutex::default(),
        })
    }

    /// Removes the folders that killed processes left below `parent`.
    pub fn sweep(parent: &Path) {
        LockedFolder::sweep(parent);
    }

    /// The manifest, whose digest is the true one of the image as the guest gets it.
    pub fn manifest(&self) -> &Blob {
        &self.manifest
    }

    /// The configuration. Its digest is the image ID in most cases.
    pub fn config(&self) -> &Blob {
        &self.config
    }

    /// The layers, the lowest first.
    pub fn layers(&self) -> &[Blob] {
        &self.installed.layers
    }

    /// The same as a guest has it after the upgrade.
    pub fn installed(&self) -> &Installed {
        &self.installed
    }

    /// Returns the bytes of the layers that the guest is not known to have.
    pub fn unknown_bytes(&self) -> u64 {
        let placeholders = self.placeholders();
        let unknown = self.layers().iter();
        let unknown = unknown.filter(|layer| !placeholders.contains(&layer.digest));
        unknown.map(|layer| layer.size).sum()
    }

    /// Returns the bytes that the folder occupies on the host's disk.
    pub fn size_on_disk(&self) -> u64 {
        file::folder_size(self.folder.path())
    }

    /// Opens the file of a blob. Blocks while podman saves a layer of which only a placeholder
    /// exists.
    pub(super) fn open(&self, blob: &Blob) -> Result<File, Error> {
        if self.is_placeholder(blob) {
            let _saving = self.saving.lock().unwrap_or_else(PoisonError::into_inner);
            if self.is_placeholder(blob) {
                self.save_later(blob)?;
                self.placeholders().remove(&blob.digest);
            }
        }
        let path = blob_path(self.folder.path(), &blob.digest)?;
        Ok(File::open(&path).reading(&path)?)
    }

    /// Replaces a placeholder with the layer.
    fn save_later(&self, blob: &Blob) -> Result<(), Error> {
        tracing::debug!(digest = blob.digest, "the guest lacks a layer");
        let folder = self.folder.path().join(LATER);
        file::remove_dir(&folder).writing(&folder)?;
        let _removed = Removed(folder.clone());
        let others = self.layers().iter();
        let others = others.filter(|layer| layer.digest != blob.digest);
        seed(&folder, others.map(|layer| (&*layer.digest, layer.size)))?;
        (self.save)(&folder)?;
        let saved = blob_path(&folder, &blob.digest)?;
        let found = saved.metadata().reading(&saved)?.len();
        if found != blob.size {
            return Err(Error::Size {
                digest: blob.digest.clone(),
                expected: blob.size,
                found,
            });
        }
        let place = blob_path(self.folder.path(), &blob.digest)?;
        Ok(std::fs::rename(&saved, &place).writing(&place)?)
    }

    fn is_placeholder(&self, blob: &Blob) -> bool {
        self.placeholders().contains(&blob.digest)
    }

    fn placeholders(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.placeholders
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Creates sparse files in place of these layers, which podman then takes as saved. Returns their
/// digests.
fn seed<'a>(
    folder: &Path,
    layers: impl IntoIterator<Item = (&'a str, u64)>,
) -> Result<BTreeSet<String>, Error> {
    let blobs = folder.join("blobs/sha256");
    file::create_private_dir(folder).writing(folder)?;
    std::fs::create_dir_all(&blobs).writing(&blobs)?;
    let mut seeded = BTreeSet::new();
    for (digest, size) in layers {
        let path = blob_path(folder, digest)?;
        if seeded.insert(digest.to_owned()) {
            file::create_sparse(&path, size).writing(&path)?;
        }
    }
    Ok(seeded)
}

/// Returns the path of a blob's file. A digest that is not SHA-256 names no file.
fn blob_path(folder: &Path, digest: &str) -> Result<PathBuf, Error> {
    let hex = sha256_hex(digest).ok_or_else(|| Error::Content {
        path: folder.to_owned(),
        why: format!("`{digest}` is not a SHA-256 digest"),
    })?;
    Ok(folder.join("blobs/sha256").join(hex))
}

/// Removes a folder when dropped.
struct Removed(PathBuf);

impl Drop for Removed {
    fn drop(&mut self) {
        remove(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::sync::atomic::Ordering;

    use super::*;
    use crate::registry::samples::Sample;

    fn read(folder: &OciFolder, index: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut file = folder.open(&folder.layers()[index]).unwrap();
        file.read_to_end(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn a_known_layer_takes_no_space_until_it_is_asked_for() {
        let dir = tempfile::tempdir().unwrap();
        let (large, small) = (vec![7; 4 << 20], vec![8; 1000]);
        let sample = Sample::new(&[&large, &small]);
        let whole = sample.folder(&[], dir.path()).unwrap();
        let folder = sample.folder(&[0], dir.path()).unwrap();
        assert_eq!(folder.manifest(), whole.manifest());
        assert_eq!(whole.unknown_bytes(), (4 << 20) + 1000);
        assert_eq!(folder.unknown_bytes(), 1000);
        #[cfg(target_os = "linux")]
        assert!(folder.size_on_disk() < 1 << 20);
        sample.saved.store(0, Ordering::Relaxed);
        assert!(read(&folder, 1) == small && sample.saved.load(Ordering::Relaxed) == 0);
        assert!(read(&folder, 0) == large && sample.saved.load(Ordering::Relaxed) == 1);
        assert!(read(&folder, 0) == large && sample.saved.load(Ordering::Relaxed) == 1);
        assert_eq!(folder.unknown_bytes(), (4 << 20) + 1000);
    }

    #[test]
    fn a_layer_whose_recorded_size_is_wrong_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let sample = Sample::new(&[b"layer"]);
        let (digest, _) = sample.layer(0);
        let save = {
            let sample = sample.clone();
            move |folder: &Path| {
                let made = sample.folder(&[], folder.parent().unwrap()).unwrap();
                std::fs::copy(
                    made.folder.path().join("index.json"),
                    folder.join("index.json"),
                )
                .unwrap();
                for entry in file::entries(&made.folder.path().join("blobs/sha256")) {
                    let place = folder.join("blobs/sha256").join(entry.file_name());
                    if !place.exists() {
                        std::fs::copy(entry.path(), place).unwrap();
                    }
                }
                Ok(())
            }
        };
        let folder = OciFolder::make([(digest.as_str(), 99)], dir.path(), Box::new(save)).unwrap();
        let blob = Blob { digest, size: 99 };
        let error = folder.open(&blob).unwrap_err();
        assert!(
            matches!(
                error,
                Error::Size {
                    expected: 99,
                    found: 5,
                    ..
                }
            ),
            "{error}"
        );
    }

    #[test]
    fn nothing_is_left_of_a_folder_that_was_dropped_failed_or_killed() {
        let dir = tempfile::tempdir().unwrap();
        let count = || file::entries(dir.path()).count();
        let sample = Sample::new(&[b"layer"]);
        drop(sample.folder(&[], dir.path()).unwrap());
        assert_eq!(count(), 0);
        std::fs::write(dir.path().join("full"), "").unwrap();
        assert!(sample.folder(&[], dir.path()).is_err());
        std::fs::remove_file(dir.path().join("full")).unwrap();
        assert_eq!(count(), 0);

        // A killed process leaves its folder and an unlocked file.
        std::fs::write(dir.path().join("dead.lock"), "").unwrap();
        std::fs::create_dir_all(dir.path().join("dead/blobs")).unwrap();
        let alive = sample.folder(&[], dir.path()).unwrap();
        assert!(!dir.path().join("dead").exists() && !dir.path().join("dead.lock").exists());
        OciFolder::sweep(dir.path());
        assert_eq!(read(&alive, 0), b"layer");
    }
}
