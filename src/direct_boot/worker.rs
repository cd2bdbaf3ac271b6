//! The process that mounts an image and exports it for a direct boot. Rootless, it runs in podman's
//! user namespace.

use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::error::Error;
use super::layers::{Block, ChainId};
use super::mount_namespace::{self, MountedImage};
use super::{boot_files, erofs, overlay};
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
    /// The folder for the kernel, the initramfs and the facts; `None` when the cache has them.
    pub boot: Option<PathBuf>,
    /// The folder of all images' kernels.
    pub boots: PathBuf,
    /// The block images to make, as ranges of layers.
    pub convert: Vec<Range<usize>>,
    /// The folder for the block images.
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
        if let Some(folder) = &self.boot {
            file::create_private_dir(folder).writing(folder)?;
            let mounted = boot_files::Mounted {
                path: image.path(),
                architecture: self.arch.name(),
                layers: layers.as_deref(),
                chains: &self.chains,
            };
            boot_files::export(&mounted, &self.boots, folder)?;
        }
        let Some(layers) = layers else {
            return self.pack_whole(image.path());
        };
        for (index, range) in self.convert.iter().enumerate() {
            if range.len() == 1 {
                self.pack(&layers[range.start], range)?;
                continue;
            }
            let mount = self.blocks.join(format!("mount{index}"));
            match overlay::mount(&layers[range.clone()], &mount) {
                Ok(merged) => self.pack(merged.path(), range)?,
                Err(error) => {
                    tracing::debug!(%error, "can't mount the lower layers alone; packing the whole image");
                    return self.pack_whole(image.path());
                }
            }
        }
        Ok(())
    }

    fn pack_whole(&self, image: &Path) -> Result<(), Error> {
        if self.convert.is_empty() {
            Ok(())
        } else {
            self.pack(image, &(0..self.chains.len()))
        }
    }

    /// Packs a folder as the block image of these layers.
    fn pack(&self, folder: &Path, layers: &Range<usize>) -> Result<(), Error> {
        let block = Block {
            from: layers
                .start
                .checked_sub(1)
                .map(|below| self.chains[below].clone()),
            to: self.chains[layers.end - 1].clone(),
            userxattr: is_rootless(),
        };
        erofs::pack_block(folder, &self.blocks, block)
    }
}

/// True in podman's user namespace, where root is not the host's root.
fn is_rootless() -> bool {
    let map = std::fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    !map.split_whitespace().eq(["0", "0", "4294967295"])
}
