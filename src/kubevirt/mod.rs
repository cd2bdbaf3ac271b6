//! KubeVirt: a VM as the objects of a cluster.
//!
//! `limits.rs` says what KubeVirt's API can't express, `manifest.rs` turns a `Guest` into objects
//! by a pure function, `images.rs` makes the images that they name. No cluster is asked.

mod images;
mod kernel_args;
mod labels;
mod limits;
mod manifest;
mod name;
mod objects;

pub use images::{Images, Repository};
pub use kernel_args::{TooLong, kernel_args};
pub use limits::{Unsupported, Wanted, check, check_image};
pub use manifest::objects;
pub use name::{ClusterName, InvalidClusterName};

use crate::hypervisor::Arch;
use crate::hypervisor::qemu::firmware;
use crate::vm::Settings;

/// All that the objects of one VM say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guest {
    pub name: ClusterName,
    /// The bootable image and its digest.
    pub origin: String,
    pub arch: Arch,
    pub cpus: u32,
    pub memory_mib: u64,
    pub boot: Boot,
    pub settings: Settings,
    /// The images of the user's read-only disks, by the disks' numbers.
    pub extra: Vec<(usize, String)>,
    /// The user whom the keys let in.
    pub user: String,
    /// Public keys.
    pub keys: Vec<String>,
    pub seed: Option<Seed>,
    /// The image has an SSH server.
    pub sshd: bool,
}

/// The files for cloud-init.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seed {
    pub user_data: Vec<u8>,
    pub network_config: Option<Vec<u8>>,
}

/// What a VM boots from. The texts are names of images.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Boot {
    Disk {
        disk: String,
        firmware: firmware::Choice,
    },
    Direct {
        /// The image with the kernel and the initramfs.
        kernel: String,
        kernel_args: String,
        /// The serials and images of the root's disks, the lowest layer first.
        roots: Vec<(String, String)>,
        scratch: Option<String>,
    },
}
