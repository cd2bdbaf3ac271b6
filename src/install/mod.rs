//! Makes base disks: each image's own `bootc install` runs once, in a VM or in a privileged
//! container.
//!
//! `base_disk.rs` returns the disk from the cache or makes it, `job.rs` describes one install,
//! `in_vm.rs` (with `dialog.rs`) and `in_container.rs` run it, `bound.rs` finds the images that
//! belong to a system.

mod base_disk;
pub mod bound;
mod channel;
mod dialog;
mod error;
mod in_container;
mod in_vm;
mod job;
mod podman_machine;
mod room;
mod size;
mod sockets;
mod to_disk;

pub use base_disk::{BaseDiskRequest, cached, ensure};
pub use bound::{BoundChoice, BoundImages, remove_copies};
pub use error::Error;
pub use job::{Check, Host, InstallVm, Place};
pub use size::{TooSmall, default_disk_size};
