//! The state of a guest as its agent reports it. Bounded, and not to be trusted: a lie may cost the
//! user a message, and never makes a VM ready.

use serde::{Deserialize, Serialize};

/// The newest state of a running guest. What the guest has not reported is empty.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct GuestState {
    /// `/proc/sys/kernel/random/boot_id`.
    pub boot_id: String,
    /// Restarts of the userspace alone since that boot (`systemctl soft-reboot`).
    pub soft_reboots: u32,
    /// The word of `systemctl is-system-running`.
    pub system: String,
    /// The units that may start the image's SSH server.
    pub ssh_units: Vec<Unit>,
    /// The failed units.
    pub failed: Vec<Unit>,
    /// The jobs that systemd has not finished, as `UNIT: JOB STATE`.
    pub jobs: Vec<String>,
    /// The addresses of the guest's network cards.
    pub addresses: Vec<String>,
    /// The last messages of the guest's SSH servers.
    pub sshd_log: Vec<String>,
    /// The settings of the guest's sshd that may keep us out, as `FILE:SETTING`.
    pub sshd_config: Vec<String>,
    /// True if the guest has the program `sshd`.
    pub has_sshd: Option<bool>,
}

/// A unit, in the words of `systemctl show`.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Unit {
    pub name: String,
    /// `LoadState`.
    pub load: String,
    /// `UnitFileState`.
    pub file: String,
    /// `ActiveState`.
    pub active: String,
    /// `Result`.
    pub result: String,
    /// True if systemd has a job for it that is not finished.
    pub has_job: bool,
    /// The last lines of its journal.
    pub log: Vec<String>,
}
