//! Folders, files, locks and devices of the host.

pub mod confined;
pub mod device;
pub mod dirs;
pub mod file;
pub mod lock;
pub mod path;
