//! The cache of images made ready for a direct boot: kernels by image, roots by layer chain.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::layers;
use super::layers::{Block, Chain, Plan};
use super::mount_namespace;
use super::mount_namespace::Root;
use super::{BootImage, Error, Transport, served_root};
use crate::host::fs::file;
use crate::host::fs::lock::{Lock, WaitError};
use crate::host::{self, fault, process};
use crate::hypervisor::Arch;
use crate::image::{Image, Podman, Storage};
use crate::text::Stage;

const BLOCK_VERSION: u32 = 1;
/// The extension of a block image.
const DATA: &str = "erofs";
/// The extension of the file beside it that says what is in it.
const DESCRIPTION: &str = "json";
const PARTIAL: &str = "partial";
/// What is for an image's kernel, in there.
const BOOT: &str = "boot";
const LOCK: &str = "lock";
/// Locked (shared) by those who are about to boot an image.
const IN_USE: &str = "in-use";
/// Names the image that is mounted while it is read.
const MOUNTED: &str = "mounted";

/// The cache's folder.
#[derive(Debug, Clone)]
pub struct Roots {
    folder: PathBuf,
}

#[derive(Serialize, Deserialize)]
struct BlockFile {
    version: u32,
    #[serde(flatten)]
    block: Block,
}

/// What the process that may mount images is to make of one.
#[derive(Debug, Serialize, Deserialize)]
pub struct Work {
    /// The image's ID.
    pub image: String,
    /// podman's storage, if it is not the usual one.
    pub storage: Option<Storage>,
    /// Its architecture.
    pub arch: Arch,
    /// Its layers.
    pub chains: Vec<Chain>,
    /// The folder for kernel, initramfs and facts, if they are missing.
    pub boot: Option<PathBuf>,
    /// The folder of those of other images.
    pub boots: PathBuf,
    /// The ranges of layers to make block images of.
    pub convert: Vec<std::ops::Range<usize>>,
    /// The folder for them.
    pub blocks: PathBuf,
}

impl Roots {
    /// The cache in this folder, which is made when it is missing.
    ///
    /// # Errors
    /// It can't be made.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        for folder in ["boot", "blocks", "shared"].map(|name| folder.join(name)) {
            file::create_private_dir(&folder)
                .map_err(|source| Error::Write { path: folder.clone(), source })?;
        }
        Ok(Self { folder: folder.to_owned() })
    }

    /// Returns the image ready for a direct boot, and makes what is missing of it.
    ///
    /// # Errors
    /// The image can't be read, or lacks something.
    pub fn prepare(
        &self,
        podman: &Podman,
        image: &Image,
        arch: Arch,
        transport: Transport,
        stage: &mut dyn Stage,
    ) -> Result<BootImage, Error> {
        served_root::sweep(&self.shares(), podman);
        let chains = layers::chains(&image.layers);
        if let Some(ready) = self.find(image, &chains, transport)? {
            return Ok(ready);
        }
        let lock = self.folder.join(LOCK);
        let io = |path: &Path| {
            let path = path.to_owned();
            move |source| Error::Write { path, source }
        };
        let _lock = match Lock::try_acquire(&lock).map_err(io(&lock))? {
            Some(lock) => lock,
            None => {
                stage.step("another podman-bootc reads an image; waiting for it");
                Lock::wait(&lock).map_err(|error| match error {
                    WaitError::Io(error) => io(&lock)(error),
                    WaitError::Interrupted(signal) => signal.into(),
                })?
            }
        };
        if let Some(ready) = self.find(image, &chains, transport)? {
            return Ok(ready);
        }
        stage.step("reading the image");
        let partial = self.folder.join(PARTIAL);
        // What a dead process left of it, in podman's books, too.
        if let Ok(id) = std::fs::read_to_string(partial.join(MOUNTED)) {
            podman.unmount(&id);
        }
        file::remove_dir(&partial).map_err(io(&partial))?;
        let _partial = Partial(partial.clone());
        file::create_private_dir(&partial).map_err(io(&partial))?;
        std::fs::write(partial.join(MOUNTED), &image.id).map_err(io(&partial))?;
        let boot = self.boot_folder(image);
        let convert = match transport {
            Transport::Erofs => self.plan(&chains).convert,
            Transport::Virtiofs => vec![],
        };
        let work = Work {
            image: image.id.clone(),
            storage: podman.own_storage().cloned(),
            arch,
            chains: chains.clone(),
            boot: (!boot.exists()).then(|| partial.join(BOOT)),
            boots: self.boots(),
            convert,
            blocks: partial.clone(),
        };
        fault::point("roots-begun");
        work.run_apart(podman)?;
        fault::point("roots-made");
        std::fs::remove_file(partial.join(MOUNTED)).map_err(io(&partial))?;
        self.adopt(&partial, &boot).map_err(io(&self.folder))?;
        self.find(image, &chains, transport)?.ok_or_else(|| Error::Read {
            path: "/".into(),
            source: std::io::Error::other("what was made of it has vanished"),
        })
    }

    /// Moves what was made to its place: a block image's description last, and not before its data can't be lost.
    fn adopt(&self, partial: &Path, boot: &Path) -> std::io::Result<()> {
        let made = |name: &str| partial.join(name);
        if made(BOOT).exists() {
            std::fs::rename(made(BOOT), boot)?;
        }
        let blocks = self.blocks();
        for extension in [DATA, DESCRIPTION] {
            for path in files(partial, extension) {
                if let Some(name) = path.file_name() {
                    std::fs::rename(&path, blocks.join(name))?;
                }
            }
            file::sync_dir(&blocks)?;
        }
        Ok(())
    }

    /// Keeps what [`Self::prepare`] gives from being pruned, as long as the value lives.
    ///
    /// # Errors
    /// The lock can't be opened.
    pub fn hold(&self) -> Result<Lock, Error> {
        let path = self.folder.join(IN_USE);
        let write = |source| Error::Write { path: path.clone(), source };
        if !path.exists() {
            std::fs::write(&path, "").map_err(write)?;
        }
        Lock::acquire_shared(&path).map_err(write)
    }

    /// Removes what no VM uses (as `used` tells of a file) and returns it with the bytes that it took; a
    /// `dry_run` only tells. Nothing goes while an image is being read, or is about to be booted.
    ///
    /// # Errors
    /// A file can't be removed.
    pub fn prune(
        &self,
        older_than: Duration,
        dry_run: bool,
        used: impl Fn(&Path) -> bool,
    ) -> Result<Vec<(PathBuf, u64)>, Error> {
        let mut removed = Vec::new();
        let lock = |name: &str| {
            let path = self.folder.join(name);
            Lock::try_acquire(&path).map_err(|source| Error::Write { path, source })
        };
        let (Some(_reading), Some(_using)) = (lock(LOCK)?, lock(IN_USE)?) else { return Ok(removed) };
        for (name, parts) in self.prunable() {
            let age = |part: &PathBuf| {
                let modified = part.metadata().and_then(|metadata| metadata.modified());
                modified.ok().and_then(|time| time.elapsed().ok()).unwrap_or_default()
            };
            if used(&name) || parts.iter().map(age).min().unwrap_or_default() < older_than {
                continue;
            }
            let mut size = 0;
            for part in parts {
                let is_folder = part.is_dir();
                size += if is_folder { file::folder_size(&part) } else { host::allocated_size(&part) };
                let gone = match (dry_run, is_folder) {
                    (true, _) => Ok(()),
                    (false, true) => file::remove_dir(&part),
                    (false, false) => std::fs::remove_file(&part),
                };
                gone.map_err(|source| Error::Write { path: part, source })?;
            }
            removed.push((name, size));
        }
        Ok(removed)
    }

    /// What can go, by what VMs use of it, with the parts that go together, in that order: no description is left
    /// without its block image.
    fn prunable(&self) -> BTreeMap<PathBuf, Vec<PathBuf>> {
        let mut all = BTreeMap::new();
        for path in entries(&self.boots()) {
            all.insert(path.clone(), vec![path]);
        }
        for path in files(&self.blocks(), DESCRIPTION) {
            all.insert(path.with_extension(DATA), vec![path]);
        }
        for path in files(&self.blocks(), DATA) {
            all.entry(path.clone()).or_default().push(path);
        }
        all
    }

    fn find(
        &self,
        image: &Image,
        chains: &[Chain],
        transport: Transport,
    ) -> Result<Option<BootImage>, Error> {
        let folder = self.boot_folder(image);
        if !folder.exists() {
            return Ok(None);
        }
        if transport == Transport::Virtiofs {
            return BootImage::open(&folder, vec![], false, transport).map(Some);
        }
        let plan = self.plan(chains);
        if !plan.convert.is_empty() {
            return Ok(None);
        }
        let user_marks = plan.have.iter().any(|block| block.user_marks);
        let roots = plan
            .have
            .iter()
            .map(|block| self.blocks().join(format!("{}.{DATA}", block.file_stem())))
            .collect();
        BootImage::open(&folder, roots, user_marks, transport).map(Some)
    }

    fn plan(&self, chains: &[Chain]) -> Plan {
        let mut there = Vec::new();
        for path in files(&self.blocks(), DESCRIPTION) {
            // One whose block image is gone describes nothing.
            if !path.with_extension(DATA).exists() {
                continue;
            }
            // One that can't be read is made anew.
            match file::read_json::<BlockFile>(&path, BLOCK_VERSION) {
                Ok(file) => there.push(file.block),
                Err(error) => tracing::warn!(%error, "a block image is not used"),
            }
        }
        let boots = std::fs::read_dir(self.boots()).into_iter().flatten().flatten();
        let seen: Vec<Vec<Chain>> = boots.filter_map(|entry| super::read_chains(&entry.path())).collect();
        layers::plan(chains, &there, &seen)
    }

    fn boot_folder(&self, image: &Image) -> PathBuf {
        // What we append to the initramfs changes with this program.
        self.boots().join(format!("{}-{}", image.id, super::assets_digest()))
    }

    fn boots(&self) -> PathBuf {
        self.folder.join("boot")
    }

    /// The folder of the marks of roots that are served to VMs.
    pub fn shares(&self) -> PathBuf {
        self.folder.join("shared")
    }

    fn blocks(&self) -> PathBuf {
        self.folder.join("blocks")
    }
}

fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> {
    std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path())
}

fn files(folder: &Path, extension: &str) -> impl Iterator<Item = PathBuf> {
    entries(folder).filter(move |path| path.extension().is_some_and(|found| found == extension))
}

/// The folder of what is being made; what is not moved elsewhere goes with the value.
struct Partial(PathBuf);

impl Drop for Partial {
    fn drop(&mut self) {
        if let Err(error) = file::remove_dir(&self.0) {
            tracing::warn!(path = %self.0.display(), %error, "can't remove what was being made of an image");
        }
    }
}

impl Work {
    /// Does the work in a process of its own, whose mounts no one else sees and which go with it; rootless, in
    /// podman's user namespace.
    fn run_apart(&self, podman: &Podman) -> Result<(), Error> {
        let work = serde_json::to_string(self).map_err(|e| Error::Apart(e.to_string()))?;
        let mut command = mount_namespace::command(podman)?;
        command.args(["internal-export", &work]);
        match process::output(&mut command) {
            Ok(_) => Ok(()),
            Err(process::Error::Interrupted(signal)) => Err(signal.into()),
            // Its own error, without what wraps it.
            Err(process::Error::Failed { status, message, .. }) if message.is_empty() => {
                Err(Error::Apart(format!("the process that reads it ended with {status}")))
            }
            Err(process::Error::Failed { message, .. }) => {
                Err(Error::Apart(message.trim_start_matches("Error: ").to_owned()))
            }
            Err(other) => Err(Error::Mkfs(other)),
        }
    }

    /// Does the work here: the process may mount, and is the only one that sees its mounts.
    ///
    /// # Errors
    /// The image can't be read, or lacks something.
    pub fn run(&self) -> Result<(), Error> {
        let podman = &Podman::find()?.with_storage(self.storage.clone());
        let folders = podman.layer_folders(&self.image)?.filter(|folders| folders.len() == self.chains.len());
        let root = Root::mount(podman, &self.image, folders.as_deref(), &self.blocks.join("mount"))?;
        fault::point("roots-mounted");
        if let Some(folder) = &self.boot {
            file::create_private_dir(folder)
                .map_err(|source| Error::Write { path: folder.clone(), source })?;
            super::export(root.path(), &self.boots, folder, self.arch.name(), &self.chains)?;
        }
        let Some(folders) = folders else { return self.pack_whole(root.path()) };
        for (index, range) in self.convert.iter().enumerate() {
            let block = self.block(range.clone());
            if range.len() == 1 {
                self.pack(&folders[range.start], &block)?;
                continue;
            }
            let lower = self.blocks.join(format!("mount{index}"));
            match super::overlay::mount(&folders[range.clone()], &lower) {
                Ok(merged) => self.pack(merged.path(), &block)?,
                Err(error) => {
                    tracing::debug!(%error, "the lower layers can't be mounted apart");
                    return self.pack_whole(root.path());
                }
            }
        }
        Ok(())
    }

    fn pack_whole(&self, root: &Path) -> Result<(), Error> {
        if self.convert.is_empty() {
            return Ok(());
        }
        self.pack(root, &self.block(0..self.chains.len()))
    }

    fn block(&self, range: std::ops::Range<usize>) -> Block {
        Block {
            from: range.start.checked_sub(1).map(|below| self.chains[below].clone()),
            to: self.chains[range.end - 1].clone(),
            user_marks: false,
        }
    }

    /// Packs a folder as this block; its description last, so that it counts only when it is whole.
    fn pack(&self, folder: &Path, block: &Block) -> Result<(), Error> {
        let stem = block.file_stem();
        let data = self.blocks.join(format!("{stem}.{DATA}"));
        super::pack(folder, &data)?;
        // The description below is synced, too: after a power cut it would be all that there is.
        file::sync(&data).map_err(|source| Error::Write { path: data, source })?;
        // Without root, overlayfs keeps its marks in `user.` attributes.
        let block = Block { user_marks: process_is_rootless(), ..block.clone() };
        let description = BlockFile { version: BLOCK_VERSION, block };
        Ok(file::write_json(&self.blocks.join(format!("{stem}.{DESCRIPTION}")), &description)?)
    }
}

/// In podman's user namespace the user is root, but not of the whole host.
fn process_is_rootless() -> bool {
    let map = std::fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    !map.split_whitespace().eq(["0", "0", "4294967295"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_vm_uses_or_is_about_to_use_is_not_pruned() {
        let dir = tempfile::tempdir().unwrap();
        let roots = Roots::open(dir.path()).unwrap();
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
        let prune = |older_than, dry_run| roots.prune(older_than, dry_run, is_used).unwrap().len();
        let held = roots.hold().unwrap();
        assert_eq!(prune(Duration::ZERO, false), 0);
        drop(held);
        assert_eq!(prune(Duration::from_secs(3600), false), 0);
        // A block image and its description are one.
        assert_eq!(prune(Duration::ZERO, true), 2);
        assert_eq!(prune(Duration::ZERO, false), 2);
        assert!(used.exists() && dir.path().join("blocks/used.json").exists());
        assert_eq!(std::fs::read_dir(dir.path().join("blocks")).unwrap().count(), 2);
        // What only half is there goes, too.
        for name in ["lost.json", "lonely.erofs"] {
            std::fs::write(dir.path().join("blocks").join(name), "x").unwrap();
        }
        assert_eq!(prune(Duration::ZERO, false), 2);
        assert_eq!(std::fs::read_dir(dir.path().join("blocks")).unwrap().count(), 2);
    }

    #[test]
    fn a_description_without_its_block_image_counts_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let roots = Roots::open(dir.path()).unwrap();
        let partial = dir.path().join("partial");
        std::fs::create_dir_all(partial.join("boot")).unwrap();
        std::fs::create_dir(partial.join("mount")).unwrap();
        let chains = layers::chains(&["sha256:1".into()]);
        let block = Block { from: None, to: chains[0].clone(), user_marks: false };
        let stem = block.file_stem();
        file::write_json(&partial.join(format!("{stem}.json")), &BlockFile { version: BLOCK_VERSION, block })
            .unwrap();
        std::fs::write(partial.join(format!("{stem}.erofs")), "x").unwrap();
        assert!(!roots.plan(&chains).convert.is_empty());
        roots.adopt(&partial, &roots.boots().join("image-1")).unwrap();
        assert!(roots.plan(&chains).convert.is_empty());
        assert!(roots.boots().join("image-1").exists() && partial.join("mount").exists());
        std::fs::remove_file(roots.blocks().join(format!("{stem}.erofs"))).unwrap();
        assert!(!roots.plan(&chains).convert.is_empty());
    }
}
