//! The error of the recipe.

use crate::hypervisor::helpers::virtiofsd;
use crate::hypervisor::qemu::firmware;
use crate::{direct_boot, disk, guest, image, install, vm};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Image(#[from] image::Error),
    #[error(
        "can't use an image in a file on this system: load it into the podman machine with `podman load`"
    )]
    ImageFile,
    #[error("can't read the image {name}")]
    NoImageFile {
        name: String,
        source: std::io::Error,
    },
    #[error("can't lock the storage for images from elsewhere")]
    Storage(#[source] crate::host::fs::lock::WaitError),
    #[error("image {image} is for {architecture}, which is not supported")]
    Architecture { image: String, architecture: String },
    #[error(
        "can't serve an image from elsewhere over virtiofs: leave out --root-transport virtiofs"
    )]
    ServedFromElsewhere,
    #[error(transparent)]
    Virtiofsd(#[from] virtiofsd::Error),
    #[error(transparent)]
    BootCache(#[from] direct_boot::Error),
    #[error("image {image}")]
    BootFiles {
        image: String,
        source: direct_boot::Error,
    },
    #[error(transparent)]
    Firmware(#[from] firmware::Unavailable),
    #[error(transparent)]
    Import(#[from] disk::ImportError),
    #[error(transparent)]
    Install(#[from] install::Error),
    #[error(transparent)]
    Keys(#[from] guest::ssh::keys::Error),
    #[error(transparent)]
    Store(#[from] vm::store::Error),
    #[error(transparent)]
    Vm(#[from] vm::Error),
}
