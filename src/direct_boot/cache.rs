//! The cache of images that are ready for a direct boot: boot files by image, roots by layers.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::error::{Error, ImageContext};
use super::layers::{self, ChainId, LabelsId, Plan};
use super::stack::{self, files};
use super::worker::ExportJob;
use super::{BootImage, Transport, boot_files, erofs, overlay, served_root};
use crate::host::fs::file::{self, IoContext};
use crate::host::fs::lock::{Lock, WaitError};
use crate::host::{self, fault, random};
use crate::hypervisor::Arch;
use crate::image::{Facts, Image, Podman};
use crate::text::Stage;

/// The names of folders of files in the making begin with this. Only one process makes some at a time,
/// but rootless, one that reads an image may outlive it for a while, and must not write into another's.
const PARTIAL: &str = "partial";
/// The folder in it for the boot files.
const BOOT: &str = "boot";
/// The file in it that names the mounted image.
const MOUNTED: &str = "mounted";
const LOCK: &str = "lock";
/// Processes that are about to boot an image hold a shared lock on this file.
const IN_USE: &str = "in-use";

#[derive(Debug, Clone)]
pub struct BootCache {
    folder: PathBuf,
}

impl BootCache {
    /// Opens the cache in this folder, and creates the folder if necessary.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        for folder in ["boot", "blocks", "shared"].map(|name| folder.join(name)) {
            file::create_private_dir(&folder).writing(&folder)?;
        }
        Ok(Self {
            folder: folder.to_owned(),
        })
    }

    /// Returns the image ready for a direct boot, and makes the files that the cache lacks. Notes
    /// which kernel boots where that isn't the newest one.
    pub fn prepare(
        &self,
        podman: &Podman,
        image: &Image,
        arch: Arch,
        transport: Transport,
        stage: &mut dyn Stage,
    ) -> Result<BootImage, Error> {
        let boot = self.make(podman, image, arch, transport, stage)?;
        let Facts {
            kernel,
            skipped_kernels: skipped,
            ..
        } = &boot.facts;
        if !skipped.is_empty() {
            stage.note(&format!(
                "the VM boots kernel {kernel} of image {}, because a newer one is incomplete: {}",
                image.reference,
                skipped.join(", ")
            ));
        }
        Ok(boot)
    }

    fn make(
        &self,
        podman: &Podman,
        image: &Image,
        arch: Arch,
        transport: Transport,
        stage: &mut dyn Stage,
    ) -> Result<BootImage, Error> {
        served_root::sweep(&self.markers(), podman);
        let chains = layers::chain_ids(&image.layers);
        if let Some(ready) = self.find(image, &chains, transport)? {
            return Ok(ready);
        }
        let _lock = self.lock(stage)?;
        if let Some(ready) = self.find(image, &chains, transport)? {
            return Ok(ready);
        }
        stage.step("reading the image");
        let (partial, _partial) = self.begin_partial(podman)?;
        std::fs::write(partial.join(MOUNTED), &image.id).writing(&partial)?;
        let boot = self.boot_folder(image);
        let make_boot = !boot.exists();
        let job = ExportJob {
            image: image.id.clone(),
            storage: podman.own_storage().cloned(),
            arch,
            chains: chains.clone(),
            boot: if make_boot {
                partial.join(BOOT)
            } else {
                boot.clone()
            },
            make_boot,
            boots: self.boots(),
            existing: (transport == Transport::Erofs).then(|| self.blocks()),
            blocks: partial.clone(),
        };
        fault::point("roots-begun");
        job.run_in_process(podman)
            .map_err(|error| podman.explain(error))?;
        fault::point("roots-made");
        std::fs::remove_file(partial.join(MOUNTED)).writing(&partial)?;
        self.adopt(&partial, &boot).writing(&self.folder)?;
        let vanished = || std::io::Error::other("the files made from it have vanished");
        self.find(image, &chains, transport)?
            .ok_or_else(vanished)
            .in_image("/")
    }

    /// Returns the block image with this name, without an extension. `make` makes it in a folder,
    /// if the cache lacks it.
    ///
    /// # Errors
    /// Those of `make`, or the cache can't be written.
    pub fn other_block<E: From<Error>>(
        &self,
        podman: &Podman,
        name: &str,
        stage: &mut dyn Stage,
        make: impl FnOnce(&Path) -> Result<PathBuf, E>,
    ) -> Result<PathBuf, E> {
        let block = self.blocks().join(format!("{name}.{}", erofs::DATA));
        if block.exists() {
            return Ok(block);
        }
        let _lock = self.lock(stage)?;
        if !block.exists() {
            let (partial, _partial) = self.begin_partial(podman)?;
            let made = make(&partial)?;
            let adopt = || {
                std::fs::File::open(&made)?.sync_all()?;
                std::fs::rename(&made, &block)?;
                file::sync_dir(&self.blocks())
            };
            adopt().writing(&block).map_err(Error::from)?;
        }
        Ok(block)
    }

    /// Waits until no other process makes files.
    fn lock(&self, stage: &mut dyn Stage) -> Result<Lock, Error> {
        let path = self.folder.join(LOCK);
        if let Some(lock) = Lock::try_acquire(&path).writing(&path)? {
            return Ok(lock);
        }
        stage.step("waiting for another podman-bootc that is reading an image");
        Lock::wait(&path).map_err(|error| match error {
            WaitError::Io(source) => Error::File(file::Error::Write { path, source }),
            WaitError::Interrupted(signal) => signal.into(),
        })
    }

    /// Makes a folder for files in the making. The caller holds the lock.
    fn begin_partial(&self, podman: &Podman) -> Result<(PathBuf, PartialFolder), Error> {
        self.remove_partial(podman)?;
        let name = format!("{PARTIAL}-{:08x}", random::random_u32());
        let partial = self.folder.join(name);
        file::create_private_dir(&partial).writing(&partial)?;
        Ok((partial.clone(), PartialFolder(partial)))
    }

    /// Removes what processes that died have left: files, and a mount that podman counts.
    fn remove_partial(&self, podman: &Podman) -> Result<(), Error> {
        let is_partial = |path: &PathBuf| {
            let name = path.file_name().unwrap_or_default();
            name.to_string_lossy().starts_with(PARTIAL)
        };
        let folders = file::entries(&self.folder).map(|entry| entry.path());
        for folder in folders.filter(is_partial) {
            if let Ok(id) = std::fs::read_to_string(folder.join(MOUNTED)) {
                podman.unmount(&id);
            }
            // Whoever still writes there must find nothing.
            let doomed = folder.with_extension("old");
            let renamed = std::fs::rename(&folder, &doomed);
            if podman.is_rootless() {
                // Copies of bound images belong to users of podman's user namespace. If that fails,
                // the next step tells why.
                let mut remove = podman.command(["unshare", "rm", "-rf", "--"]);
                let _ = remove.arg(&doomed).output();
            }
            let removed = renamed.and_then(|()| file::remove_dir(&doomed));
            removed.writing(folder)?;
        }
        Ok(())
    }

    /// Returns the image as [`Self::prepare`] would return it from the cache in this folder, and
    /// whether all its files exist. Makes nothing. Without the image's boot files its facts are
    /// unknown.
    pub fn look(
        folder: &Path,
        image: &Image,
        transport: Transport,
    ) -> Result<(BootImage, bool), Error> {
        let cache = Self {
            folder: folder.to_owned(),
        };
        let chains = layers::chain_ids(&image.layers);
        if let Some(ready) = cache.find(image, &chains, transport)? {
            return Ok((ready, true));
        }
        let boot = cache.boot_folder(image);
        let facts = match boot.exists() {
            true => Some(boot_files::read_facts(&boot)?),
            false => None,
        };
        let labels = facts.as_ref().and_then(boot_files::FactsFile::labels);
        let mut stack = vec![];
        if transport == Transport::Erofs {
            let Plan { reuse, convert } = cache.plan(&chains, labels);
            let new = convert.iter().map(|layers| {
                layers::block(&chains, layers, overlay::has_user_marks(), labels.cloned())
            });
            stack.extend(reuse.into_iter().chain(new));
        }
        let image = match facts {
            Some(facts) => BootImage::new(&boot, facts, &cache.blocks(), &stack, transport)?,
            None => BootImage::expected(&boot, &cache.blocks(), &stack, transport),
        };
        Ok((image, false))
    }

    /// Moves finished files to their places. A block image's description comes last, after its data
    /// is safe on disk.
    fn adopt(&self, partial: &Path, boot: &Path) -> std::io::Result<()> {
        let made = partial.join(BOOT);
        if made.exists() {
            std::fs::rename(made, boot)?;
        }
        let blocks = self.blocks();
        for extension in [erofs::DATA, erofs::DESCRIPTION] {
            for path in files(partial, extension) {
                if let Some(name) = path.file_name() {
                    std::fs::rename(&path, blocks.join(name))?;
                }
            }
            file::sync_dir(&blocks)?;
        }
        Ok(())
    }

    /// Keeps the files that [`Self::prepare`] returns from [`Self::prune`] as long as the lock
    /// lives.
    pub fn lease(&self) -> Result<Lock, Error> {
        let path = self.folder.join(IN_USE);
        if !path.exists() {
            std::fs::write(&path, "").writing(&path)?;
        }
        Ok(Lock::acquire_shared(&path).writing(&path)?)
    }

    /// Removes files that are older than `older_than` and that no VM uses, and returns them with
    /// their sizes in bytes. `used` tells whether a VM uses a file. A `dry_run` removes nothing.
    /// Neither does a call while a process reads an image or is about to boot one.
    pub fn prune(
        &self,
        older_than: Duration,
        dry_run: bool,
        used: impl Fn(&Path) -> bool,
    ) -> Result<Vec<(PathBuf, u64)>, Error> {
        let mut removed = Vec::new();
        let lock = |name: &str| {
            let path = self.folder.join(name);
            Lock::try_acquire(&path).writing(path)
        };
        let (Some(_reading), Some(_using)) = (lock(LOCK)?, lock(IN_USE)?) else {
            return Ok(removed);
        };
        for (name, parts) in self.prunable() {
            let age = |part: &PathBuf| {
                let modified = part.metadata().and_then(|metadata| metadata.modified());
                modified
                    .ok()
                    .and_then(|time| time.elapsed().ok())
                    .unwrap_or_default()
            };
            if used(&name) || parts.iter().map(age).min().unwrap_or_default() < older_than {
                continue;
            }
            let mut size = 0;
            for part in parts {
                let is_folder = part.is_dir();
                size += if is_folder {
                    file::folder_size(&part)
                } else {
                    host::allocated_size(&part)
                };
                match (dry_run, is_folder) {
                    (true, _) => Ok(()),
                    (false, true) => file::remove_dir(&part),
                    (false, false) => std::fs::remove_file(&part),
                }
                .writing(part)?;
            }
            removed.push((name, size));
        }
        Ok(removed)
    }

    /// The removable items by the path that a VM would use, each with its parts in the order of
    /// removal: a block image's description comes before its data.
    fn prunable(&self) -> BTreeMap<PathBuf, Vec<PathBuf>> {
        let boots = file::entries(&self.boots()).map(|entry| entry.path());
        let mut all: BTreeMap<_, _> = boots.map(|path| (path.clone(), vec![path])).collect();
        for path in files(&self.blocks(), erofs::DESCRIPTION) {
            all.insert(path.with_extension(erofs::DATA), vec![path]);
        }
        for path in files(&self.blocks(), erofs::DATA) {
            all.entry(path.clone()).or_default().push(path);
        }
        all
    }

    fn find(
        &self,
        image: &Image,
        chains: &[ChainId],
        transport: Transport,
    ) -> Result<Option<BootImage>, Error> {
        let folder = self.boot_folder(image);
        if !folder.exists() {
            return Ok(None);
        }
        let file = boot_files::read_facts(&folder)?;
        if transport == Transport::Virtiofs {
            return BootImage::new(&folder, file, &self.blocks(), &[], transport).map(Some);
        }
        let labels = file.labels().cloned();
        let plan = self.plan(chains, labels.as_ref());
        if !plan.convert.is_empty() {
            return Ok(None);
        }
        BootImage::new(&folder, file, &self.blocks(), &plan.reuse, transport).map(Some)
    }

    fn plan(&self, chains: &[ChainId], labels: Option<&LabelsId>) -> Plan {
        let userxattr = overlay::has_user_marks();
        stack::plan(&self.blocks(), &self.boots(), chains, labels, userxattr)
    }

    /// The name changes with the files that this program appends to the initramfs.
    fn boot_folder(&self, image: &Image) -> PathBuf {
        self.boots()
            .join(format!("{}-{}", image.id, boot_files::assets_digest()))
    }

    fn boots(&self) -> PathBuf {
        self.folder.join("boot")
    }

    /// The folder of the markers of [`super::ServedRoot`]s.
    pub fn markers(&self) -> PathBuf {
        self.folder.join("shared")
    }

    fn blocks(&self) -> PathBuf {
        self.folder.join("blocks")
    }
}

/// Removes the folder when dropped.
struct PartialFolder(PathBuf);

impl Drop for PartialFolder {
    fn drop(&mut self) {
        if let Err(error) = file::remove_dir(&self.0) {
            tracing::warn!(path = %self.0.display(), %error, "can't remove half-made boot files");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_a_vm_uses_or_is_about_to_use_are_not_pruned() {
        let dir = tempfile::tempdir().unwrap();
        let cache = BootCache::open(dir.path()).unwrap();
        let used = dir.path().join("boot/used-1");
        for folder in ["boot/used-1", "boot/idle-1"] {
            std::fs::create_dir(dir.path().join(folder)).unwrap();
            std::fs::write(dir.path().join(folder).join("kernel"), "x").unwrap();
        }
        for name in ["used.erofs", "used.json", "idle.erofs", "idle.json"] {
            std::fs::write(dir.path().join("blocks").join(name), "x").unwrap();
        }
        let files = [used.join("kernel"), dir.path().join("blocks/used.erofs")];
        let is_used = |path: &Path| files.iter().any(|file| file.starts_with(path));
        let prune = |older_than, dry_run| cache.prune(older_than, dry_run, is_used).unwrap().len();
        let lease = cache.lease().unwrap();
        assert_eq!(prune(Duration::ZERO, false), 0);
        drop(lease);
        assert_eq!(prune(Duration::from_secs(3600), false), 0);
        // A block image and its description count as one.
        assert_eq!(prune(Duration::ZERO, true), 2);
        assert_eq!(prune(Duration::ZERO, false), 2);
        assert!(used.exists() && dir.path().join("blocks/used.json").exists());
        assert_eq!(
            std::fs::read_dir(dir.path().join("blocks"))
                .unwrap()
                .count(),
            2
        );
        // Half of a pair is removed, too.
        for name in ["lost.json", "lonely.erofs"] {
            std::fs::write(dir.path().join("blocks").join(name), "x").unwrap();
        }
        assert_eq!(prune(Duration::ZERO, false), 2);
        assert_eq!(
            std::fs::read_dir(dir.path().join("blocks"))
                .unwrap()
                .count(),
            2
        );
    }

    #[test]
    fn a_description_without_its_block_image_does_not_count() {
        let dir = tempfile::tempdir().unwrap();
        let cache = BootCache::open(dir.path()).unwrap();
        let partial = dir.path().join("partial");
        std::fs::create_dir_all(partial.join("boot")).unwrap();
        std::fs::create_dir(partial.join("mount")).unwrap();
        let chains = layers::chain_ids(&["sha256:1".into()]);
        let block = layers::Block {
            from: None,
            to: chains[0].clone(),
            userxattr: overlay::has_user_marks(),
            labels: None,
        };
        let stem = block.file_stem();
        erofs::describe(&partial, block).unwrap();
        std::fs::write(partial.join(format!("{stem}.erofs")), "x").unwrap();
        assert!(!cache.plan(&chains, None).convert.is_empty());
        cache
            .adopt(&partial, &cache.boots().join("image-1"))
            .unwrap();
        assert!(cache.plan(&chains, None).convert.is_empty());
        assert!(cache.boots().join("image-1").exists() && partial.join("mount").exists());
        std::fs::remove_file(cache.blocks().join(format!("{stem}.erofs"))).unwrap();
        assert!(!cache.plan(&chains, None).convert.is_empty());
    }
}
