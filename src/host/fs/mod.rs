//! Folders, files, locks and devices of the host.

pub mod confined;
pub mod device;
pub mod dirs;
pub mod file;
pub mod lock;
pub mod locked_folder;
pub mod path;

pub use super::os::{identity, is_on_network, stamp};
