//! Direct boot: a machine started from an image's own kernel and initramfs, without a disk of its
//! own.
//!
//! The cache holds all that a direct boot needs of an image: the kernel, the initramfs with our few
//! files appended, and the root as a stack of read-only block images. They are made once, from the
//! image's mounted filesystem.

mod added_files;
mod boot_files;
mod boot_image;
mod bound_files;
mod cache;
mod cpio;
mod drivers;
mod erofs;
mod error;
mod facts;
mod file_contexts;
mod image_files;
mod initramfs;
mod kernel;
mod layers;
mod modules;
mod mount_namespace;
mod overlay;
mod scratch;
mod selinux;
mod served_root;
mod stack;
mod unpack_kernel;
mod worker;

pub use added_files::{
    BOUND_SERIAL, FREEZE_WORD, IMAGE_MOUNT, IMAGE_SERIAL, INSTALL_CHANNEL, INSTALL_UNIT,
    OUTPUT_SERIAL, TRANSIENT_ROOT,
};
pub use boot_files::facts_of;
pub use boot_image::{BOUND_STORE, BOUND_WORD, BootImage, SHARED_ROOT, Transport};
pub use cache::BootCache;
pub use erofs::{pack, pack_for};
pub use error::Error;
pub use scratch::{SERIAL as SCRATCH_SERIAL, can_make as can_make_scratch};
pub use served_root::ServedRoot;
pub use worker::ExportJob;
