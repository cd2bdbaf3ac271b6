//! Makes base disks: each image's own `bootc install` runs once, in a VM or in a privileged
//! container.
//!
//! `base_disk.rs` returns the disk from the cache or makes it, `job.rs` describes one install,
//! `in_vm.rs` and `in_container.rs` run it.

mod base_disk;
mod channel;
mod error;
mod in_container;
mod in_vm;
mod job;
mod podman_machine;
mod size;
mod to_disk;

pub use base_disk::{BaseDiskRequest, Place, ensure};
pub use error::Error;
pub use job::{Check, Host};
pub use size::{TooSmall, default_disk_size};
