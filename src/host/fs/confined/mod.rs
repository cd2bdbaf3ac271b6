//! Files in a folder that no link can lead out of.

use serde::{Deserialize, Serialize};

#[cfg(target_os = "linux")]
mod linux;
#[cfg(not(target_os = "linux"))]
mod portable;

#[cfg(target_os = "linux")]
pub use linux::ConfinedDir;
#[cfg(not(target_os = "linux"))]
pub use portable::ConfinedDir;

/// Identifies one state of one file: no program can set the time of change. overlayfs reports the
/// numbers of the layer's own file, so two images that share the layer have equal identities.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    inode: u64,
    size: i64,
    changed: (i64, u64),
}
