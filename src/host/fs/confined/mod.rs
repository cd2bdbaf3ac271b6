//! Files below a folder that is seen as a root of its own: no link in it leads out of it.

use serde::{Deserialize, Serialize};

#[cfg(not(target_os = "linux"))]
mod elsewhere;
#[cfg(target_os = "linux")]
mod linux;

#[cfg(not(target_os = "linux"))]
pub use elsewhere::Root;
#[cfg(target_os = "linux")]
pub use linux::Root;

/// Tells a file from all others, and from what it was before it changed: no program can set the time of change.
/// overlayfs hands on the numbers of the layer's own file, so that two images have it in common.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    inode: u64,
    size: i64,
    changed: (i64, u64),
}
