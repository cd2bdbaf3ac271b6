//! A snapshot inside disks of a running machine.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The snapshot of this name in some of the machine's qcow2 disks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiskSnapshot {
    /// The name in the files.
    pub name: String,
    /// The files, in the order of the work.
    pub disks: Vec<PathBuf>,
}
