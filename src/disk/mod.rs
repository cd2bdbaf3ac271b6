//! Disks as files: base disks in a cache, and the disks that VMs write to.

mod base_disk;
mod branch;
mod cache;
mod cache_folder;
mod check;
mod copy;
pub mod export;
mod extra;
mod fresh;
mod import;
mod install_options;
mod installed;
mod key;
mod overlay;
mod partial;
mod prune;
mod qemu_img;
pub mod snapshot;
mod swap;

pub use base_disk::BaseDisk;
pub use branch::{branch, copy_disk, settle as settle_copy};
pub use cache::{Cache, Cached, Claim, Lease};
pub use cache_folder::Error;
pub use check::{Incomplete, check};
pub use copy::{CopyError, create as create_copy};
pub use extra::{ExtraDisk, ExtraDiskArg, InvalidExtraDisk, create as create_empty};
pub use fresh::{link, renew as renew_overlay};
pub use import::{Import, ImportError};
pub use install_options::{BoundImage, InstallOptions};
pub use installed::{Installed, InstalledLayer};
pub use key::{InvalidKey, Key};
pub use overlay::{create as create_overlay, wait_until_free};
pub use partial::PartialDisk;
pub use prune::{prune, remove_superseded, trim};
pub use qemu_img::QemuImgError;
pub use swap::create as create_swap;
