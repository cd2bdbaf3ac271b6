//! What runs a VM: a machine as plain data, turned into a program and its arguments by pure functions.

pub mod accelerator;
pub mod apple;
pub mod control;
mod dispatch;
pub mod events;
pub mod features;
mod forward;
#[cfg(test)]
pub(crate) mod golden;
pub mod helpers;
mod http;
pub mod hyperv;
mod machine;
pub mod process;
pub mod qemu;

use std::ffi::OsString;
use std::path::PathBuf;

pub use dispatch::{FindError, Hypervisor, Plan, PlanError};
pub use features::{Features, Kind, Shares, Vsocks};
pub use forward::{Forward, InvalidForward, Protocol};
pub use helpers::Helper;
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
