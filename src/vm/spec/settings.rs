//! The user's choices for a machine beyond CPUs and memory. They are part of `vm.json`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::slots::Slots;
use crate::disk::{ExtraDisk, ImportError};
use crate::guest::boot::hostname::Hostname;
use crate::guest::boot::shares::{InvalidShare, Share};
use crate::host::Os;
use crate::hypervisor::Forward;

/// The settings of one VM.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    pub shares: Slots<Share>,
    pub ports: Vec<Forward>,
    pub hostname: Option<Hostname>,
    /// The user's public keys, which can log in beside the VM's own.
    pub ssh_keys: Vec<String>,
    /// Names of the user's credentials. Files in the VM's folder have the values.
    pub credentials: Vec<String>,
    /// Disks beside the boot disk.
    pub disks: Slots<ExtraDisk>,
    /// The size of the swap disk in bytes.
    pub swap: Option<u64>,
    pub nic: Nic,
    pub ssh: Ssh,
    pub tpm: bool,
    /// The VM has a disk for cloud-init.
    pub cloudinit: bool,
    /// The VM has a configuration for Ignition.
    pub ignition: bool,
    /// The host keeps the guest's journal.
    pub journal: bool,
    /// The VM's screen is a window.
    pub gui: bool,
    pub warm: Warm,
    /// The user's labels, for filters.
    pub labels: BTreeMap<String, String>,
    /// Further arguments for the hypervisor, after all others.
    pub hypervisor_args: Vec<String>,
}

/// Whether a VM resumes from a template.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Warm {
    /// Resume if there is a template
    #[default]
    Auto,
    /// Resume, and make a missing template; say why if the VM can't
    Always,
    /// Boot
    Never,
}

/// The way in by SSH.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Ssh {
    /// The guest's own sshd if it lets us in, otherwise the direct door
    #[default]
    Auto,
    /// Only the guest's own sshd
    Guest,
    /// Only the direct door: an sshd that ignores the image's settings, over a serial port
    Direct,
}

/// A VM's network card.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Nic {
    /// Outgoing connections through the host's network, incoming ones by forwarded ports only
    #[default]
    User,
    /// No network card; SSH uses the direct door (needs systemd 252 or newer)
    None,
}

/// The host lacks something that the settings need.
#[derive(Debug, thiserror::Error)]
pub enum Missing {
    #[error(transparent)]
    Share(#[from] InvalidShare),
    #[error(transparent)]
    Disk(#[from] ImportError),
    #[error(
        "--gui needs a display: set WAYLAND_DISPLAY or DISPLAY, \
         or use `podman-bootc screenshot` to see the VM's screen"
    )]
    Display,
}

impl Settings {
    /// Makes sure that the host has the folders, disks and display that the machine needs.
    ///
    /// # Errors
    /// It lacks one.
    pub fn check(&self) -> Result<(), Missing> {
        for (_, share) in self.shares.numbered() {
            share.check()?;
        }
        for (_, disk) in self.disks.numbered() {
            disk.check()?;
        }
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        // Only on Linux does a variable name the display.
        if self.gui && Os::current() == Os::Linux && !set("WAYLAND_DISPLAY") && !set("DISPLAY") {
            return Err(Missing::Display);
        }
        Ok(())
    }
}
