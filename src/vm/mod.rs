//! VMs: their specs and state on disk, their lifecycle, and the supervisor of each running one.

mod authorization;
pub mod boot;
pub mod clone;
pub mod create;
mod credentials;
pub mod devices;
pub mod disks;
mod error;
pub mod events;
pub mod filter;
pub mod follow;
pub mod guest_state;
mod hardware;
pub mod lifecycle;
pub mod live;
pub mod ports;
pub mod ready;
pub mod reboot;
pub mod rename;
pub mod snapshots;
pub mod spec;
pub mod store;
pub mod supervisor;
pub mod suspend;
mod warm;

pub use error::Error;
pub use spec::Spec;
pub use spec::name::{InvalidName, Name};
pub use spec::settings::{Nic, Settings};
pub use store::Store;
pub use store::instance::{State, Vm};
pub use store::user_files::UserFiles;
