//! The programs that run machines. A machine is plain data, which pure functions turn into a
//! program's arguments.

pub mod accelerator;
pub mod apple;
pub mod control;
mod disk_format;
mod disk_snapshot;
mod dispatch;
pub mod features;
mod forward;
#[cfg(test)]
pub(crate) mod golden;
pub mod helpers;
mod http;
pub mod hyperv;
mod launch;
mod machine;
pub mod process;
pub mod qemu;
pub mod report;

pub use disk_format::DiskFormat;
pub use disk_snapshot::DiskSnapshot;
pub use dispatch::{FindError, Hypervisor, Plan, PlanError};
pub use features::{Features, Kind, Shares, Vsocks};
pub use forward::{Forward, InvalidForward, Protocol};
pub use helpers::Helper;
pub use launch::Launch;
#[cfg(test)]
pub(crate) use machine::sample as sample_machine;
pub use machine::{
    Arch, Base, Boot, Channel, Credential, Devices, Disk, Firmware, FolderServer, Machine, Plug,
    Saved, Screen, SharedFolder, UseOfMemory, VSOCK_SSH_PORT, Vsock,
};
