//! What runs a VM: a machine as plain data, turned into a program and its arguments by pure functions.

pub mod accelerator;
mod forward;
pub mod helper;
mod machine;
pub mod qemu;
pub mod swtpm;
pub mod virtiofsd;

use std::ffi::OsString;
use std::path::PathBuf;

pub use forward::{Forward, InvalidForward, Protocol};
pub use helper::Helper;
pub use machine::{
    Arch, Boot, Channel, Credential, Devices, Disk, DiskFormat, Firmware, Machine, Screen, SharedFolder,
};

/// A program to start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Launch {
    /// The hypervisor's program.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<OsString>,
}
