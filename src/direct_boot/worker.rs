//! The process that mounts an image and exports it for a direct boot. Rootless, it runs in podman's
//! user namespace.

use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::error::Error;
use super::image_files::ImageFiles;
use super::layers::{self, ChainId};
use super::mount_namespace::{self, MountedImage};
use super::selinux::Policy;
use super::{boot_files, erofs, overlay, stack};
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
        if self.make_boot {
            let folder = &self.boot;
            file::create_private_dir(folder).writing(folder)?;
            let mounted = boot_files::Mounted {
                path: image.path(),
                architecture: self.arch.name(),
                layers: layers.as_deref(),
                chains: &self.chains,
                policy: policy.as_ref(),
            };
            boot_files::export(&mounted, &self.boots, folder)?;
        }
        let Some(existing) = &self.existing else {
            return Ok(());
        };
        let facts = boot_files::read_facts(&self.boot)?;
        let policy = policy.filter(|policy| facts.labels() == Some(&policy.id()));
        let labels = policy.as_ref().map(Policy::id);
        let labels = labels.as_ref();
        let userxattr = overlay::has_user_marks();
        let convert = stack::plan(existing, &self.boots, &self.chains, labels, userxattr).convert;
        let whole = 0..self.chains.len();
        let pack =
            |folder: &Path, layers: &Range<usize>| self.pack(folder, layers, policy.as_ref());
        let Some(layers) = layers else {
            return match convert.is_empty() {
                true => Ok(()),
                false => pack(image.path(), &whole),
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
                    return pack(image.path(), &whole);
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
