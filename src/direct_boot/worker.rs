//! The process that mounts an image and exports it for a direct boot. Rootless, it runs in podman's
//! user namespace.

use std::ops::Range;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::thread;

use serde::{Deserialize, Serialize};

use super::boot_files::{self, Export, Mounted};
use super::error::Error;
use super::image_files::ImageFiles;
use super::layers::{self, ChainId};
use super::mount_namespace::{self, MountedImage};
use super::selinux::Policy;
use super::{erofs, overlay, stack};
use crate::host::fs::file::{self, IoContext};
use crate::host::{fault, process};
use crate::hypervisor::Arch;
use crate::image::{Podman, Storage};

/// The worker's task, as JSON on its command line.
#[derive(Debug, Serialize, Deserialize)]
pub struct ExportJob {
    /// The image's ID.
    pub image: String,
    /// podman's storage; `None` for the default one.
    pub storage: Option<Storage>,
    pub arch: Arch,
    /// The image's layers, the lowest first.
    pub chains: Vec<ChainId>,
    /// The folder with the kernel, the initramfs and the facts.
    pub boot: PathBuf,
    /// The cache lacks that folder.
    pub make_boot: bool,
    /// The folder of all images' kernels.
    pub boots: PathBuf,
    /// The folder of the block images that exist; `None` when the image needs none.
    pub existing: Option<PathBuf>,
    /// The folder for the block images to make.
    pub blocks: PathBuf,
}

impl ExportJob {
    /// Starts the worker and waits for it. Its mounts are visible to itself only, and vanish when
    /// it exits.
    pub(super) fn run_in_process(&self, podman: &Podman) -> Result<(), Error> {
        let job = serde_json::to_string(self).map_err(|e| Error::Process(e.to_string()))?;
        let mut command = mount_namespace::command(podman)?;
        command.args(["internal-export", &job]);
        match process::output(&mut command) {
            Ok(_) => Ok(()),
            Err(process::Error::Interrupted(signal)) => Err(signal.into()),
            Err(process::Error::Failed {
                status, message, ..
            }) if message.is_empty() => Err(Error::Process(format!(
                "the process that reads the image failed: {status}"
            ))),
            // The worker's own error is enough, without a word about the worker.
            Err(process::Error::Failed { message, .. }) => Err(Error::Process(
                message.trim_start_matches("Error: ").to_owned(),
            )),
            Err(other) => Err(Error::Mkfs(other)),
        }
    }

    /// Does the job in this process, which must be in a mount namespace of its own.
    pub fn run(&self) -> Result<(), Error> {
        let podman = &Podman::find()?.with_storage(self.storage.clone());
        let layers = podman
            .layer_folders(&self.image)?
            .filter(|layers| layers.len() == self.chains.len());
        let mount = self.blocks.join("mount");
        let image = MountedImage::mount(podman, &self.image, layers.as_deref(), &mount)?;
        fault::point("roots-mounted");
        let policy = Policy::read(&ImageFiles::new(image.path())?)?;
        let export = match self.make_boot {
            true => {
                let mounted = Mounted {
                    path: image.path(),
                    architecture: self.arch.name(),
                    layers: layers.as_deref(),
                    chains: &self.chains,
                    policy: policy.as_ref(),
                };
                file::create_private_dir(&self.boot).writing(&self.boot)?;
                Some(Export::plan(mounted, &self.boots)?)
            }
            false => None,
        };
        let labels = match &export {
            Some(export) => export.labels(),
            None => boot_files::read_facts(&self.boot)?.labels().cloned(),
        };
        let policy = policy.as_ref().filter(|policy| labels == Some(policy.id()));
        // Both take about as long.
        thread::scope(|scope| {
            let write = |export: Export| export.write(&self.boots, &self.boot);
            let written = export.map(|export| scope.spawn(move || write(export)));
            let packed = self.pack_missing(image.path(), layers.as_deref(), policy);
            if let Some(written) = written {
                written
                    .join()
                    .unwrap_or_else(|panic| resume_unwind(panic))?;
            }
            packed
        })
    }

    /// Makes the block images that the cache lacks, of the image that is mounted at `image` and of its
    /// layers' folders.
    fn pack_missing(
        &self,
        image: &Path,
        layers: Option<&[PathBuf]>,
        policy: Option<&Policy>,
    ) -> Result<(), Error> {
        let Some(existing) = &self.existing else {
            return Ok(());
        };
        let labels = policy.map(Policy::id);
        let labels = labels.as_ref();
        let userxattr = overlay::has_user_marks();
        let convert = stack::plan(existing, &self.boots, &self.chains, labels, userxattr).convert;
        let whole = 0..self.chains.len();
        let pack = |folder: &Path, layers: &Range<usize>| self.pack(folder, layers, policy);
        let Some(layers) = layers else {
            return match convert.is_empty() {
                true => Ok(()),
                false => pack(image, &whole),
            };
        };
        for (index, range) in convert.iter().enumerate() {
            if range.len() == 1 {
                pack(&layers[range.start], range)?;
                continue;
            }
            let mount = self.blocks.join(format!("mount{index}"));
            match overlay::mount(&layers[range.clone()], &mount) {
                Ok(merged) => pack(merged.path(), range)?,
                Err(error) => {
                    tracing::debug!(%error, "can't mount the lower layers alone; packing the whole image");
                    return pack(image, &whole);
                }
            }
        }
        Ok(())
    }

    /// Packs a folder as the block image of these layers.
    fn pack(
        &self,
        folder: &Path,
        layers: &Range<usize>,
        policy: Option<&Policy>,
    ) -> Result<(), Error> {
        let labels = policy.map(Policy::id);
        let block = layers::block(&self.chains, layers, overlay::has_user_marks(), labels);
        erofs::pack_block(folder, &self.blocks, block, policy)
    }
}
