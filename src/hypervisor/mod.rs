//! What runs a VM: a machine as plain data, turned into a program and its arguments by pure functions.

pub mod accelerator;
pub mod apple;
mod console;
pub mod control;
mod forward;
pub mod gvproxy;
pub mod helper;
mod http;
pub mod hyperv;
mod installed;
pub mod kind;
pub mod krunkit;
mod machine;
pub mod process;
pub mod qemu;
pub mod relay;
pub mod rest;
pub mod swtpm;
pub mod vfkit;
pub mod virtiofsd;

use std::ffi::OsString;
use std::path::PathBuf;

pub use forward::{Forward, InvalidForward, Protocol};
pub use helper::Helper;
pub use installed::{FindError, Hypervisor, Plan, PlanError};
pub use kind::{Features, Kind, Shares, Vsocks};
pub use machine::{
    Arch, Boot, Channel, Credential, Devices, Disk, DiskFormat, Firmware, FolderServer, Machine, Screen,
    SharedFolder, VSOCK_SSH_PORT, Vsock,
};

/// A program to start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Launch {
    /// The hypervisor's program.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<OsString>,
}
