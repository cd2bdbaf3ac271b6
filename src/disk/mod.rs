//! Disks as files: base disks in a cache by content, and the overlays over them.

mod cache;
mod copy;
pub mod export;
mod extra;
mod format;
mod import;
mod key;
mod overlay;
mod partial;
mod prune;
mod qemu_img;
pub mod snapshot;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use cache::{Cache, Cached, Claim, Error, InUse};
pub use copy::{Error as OwnDiskError, create as create_own};
pub use extra::{ExtraDisk, ExtraDiskArg, InvalidExtraDisk, create as create_empty};
pub use format::Format;
pub use import::{Import, ImportError};
pub use key::{InvalidKey, Key, Options};
pub use overlay::create as create_overlay;
pub use partial::Partial;
pub use prune::{prune, remove_superseded, trim};
pub use qemu_img::QemuImgError;

use crate::image::{Facts, Image};

/// The immutable disk made of one image with one set of install options.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaseDisk {
    /// Its name in the cache.
    pub key: Key,
    /// The image that it was made of.
    pub image: Image,
    /// The install options.
    pub options: Options,
    /// What is known of the system on it.
    pub facts: Facts,
    /// When it was finished.
    pub created: jiff::Timestamp,
    /// The disk image, raw. Known by the place of the description.
    #[serde(skip)]
    pub file: PathBuf,
}
