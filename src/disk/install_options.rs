//! The options of an install.

use serde::{Deserialize, Serialize};

/// The user's choices for an install. Each one is part of the base disk's key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct InstallOptions {
    /// The root filesystem's type; `None` for the image's default.
    pub filesystem: Option<String>,
    /// The root filesystem's size in bytes; `None` for all of the disk.
    pub root_size: Option<u64>,
    /// The disk's size in bytes.
    pub disk_size: u64,
    /// Additional kernel arguments.
    pub kargs: Vec<String>,
    /// The boot loader; `None` for bootc's choice.
    pub bootloader: Option<String>,
    /// True for bootc's composefs backend.
    pub composefs: bool,
    /// The reference that the installed system upgrades from.
    pub target_imgref: String,
    /// The transport of that reference (`registry`, `oci`, ...); `None` for bootc's choice.
    pub target_transport: Option<String>,
    /// The public key that root's account gets on the disk, for hypervisors that can't pass
    /// credentials.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root_key: Option<String>,
    /// The bound images on the disk.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bound_images: Vec<BoundImage>,
    /// Further arguments of `bootc install to-disk`, unchanged.
    pub install_args: Vec<String>,
}

/// A container image that belongs to a system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BoundImage {
    pub name: String,
    /// The image ID in hex.
    pub id: String,
}
