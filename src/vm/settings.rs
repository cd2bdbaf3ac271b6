//! What the user asked of a machine beyond processors and memory; part of `vm.json`.

use serde::{Deserialize, Serialize};

use crate::guest::shares::Share;
use crate::hypervisor::Forward;

/// The settings of one VM.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Folders of the host.
    pub shares: Vec<Share>,
    /// Ports of the guest on the host.
    pub ports: Vec<Forward>,
}
