//! What runs a VM: a machine as plain data, turned into a program and its arguments by pure functions.

pub mod accelerator;
mod machine;
pub mod qemu;

use std::ffi::OsString;
use std::path::PathBuf;

pub use machine::{Arch, Boot, Channel, Credential, Disk, DiskFormat, Firmware, Machine};

/// A program to start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Launch {
    /// The hypervisor's program.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<OsString>,
}
