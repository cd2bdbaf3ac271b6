//! What the user asked of a machine beyond processors and memory; part of `vm.json`.

use serde::{Deserialize, Serialize};

use crate::disk::{ExtraDisk, ImportError};
use crate::guest::boot::hostname::Hostname;
use crate::guest::boot::shares::{InvalidShare, Share};
use crate::host::Os;
use crate::hypervisor::Forward;

/// The settings of one VM.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Folders of the host.
    pub shares: Vec<Share>,
    /// Ports of the guest on the host.
    pub ports: Vec<Forward>,
    /// How the guest is called.
    pub hostname: Option<Hostname>,
    /// Public keys of the user that may log in, too.
    pub ssh_keys: Vec<String>,
    /// Names of the user's credentials; their values are in the VM's folder.
    pub credentials: Vec<String>,
    /// Disks beside the one that it boots from.
    pub disks: Vec<ExtraDisk>,
    /// Its network.
    pub nic: Nic,
    /// It has a TPM.
    pub tpm: bool,
    /// It has a disk for cloud-init.
    pub cloudinit: bool,
    /// It has a configuration for Ignition.
    pub ignition: bool,
    /// Its journal is kept on the host.
    pub journal: bool,
    /// It has a window.
    pub gui: bool,
}

/// A VM's network card.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Nic {
    /// Out to the world through the host's network, in by forwarded ports only
    #[default]
    User,
    /// No network card; SSH goes over a serial port, one session at a time (systemd 256 and up)
    None,
}

/// What a VM needs of its host is not there.
#[derive(Debug, thiserror::Error)]
pub enum Missing {
    /// A folder.
    #[error(transparent)]
    Share(#[from] InvalidShare),
    /// A disk.
    #[error(transparent)]
    Disk(#[from] ImportError),
    /// A display.
    #[error("there is no display for the VM's window: neither WAYLAND_DISPLAY nor DISPLAY is set. {0}")]
    Display(&'static str),
}

impl Settings {
    /// Makes sure that what the machine needs of the host is there.
    ///
    /// # Errors
    /// It isn't.
    pub fn check(&self) -> Result<(), Missing> {
        for share in &self.shares {
            share.check()?;
        }
        for disk in &self.disks {
            disk.check()?;
        }
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        // Elsewhere a display needs no name.
        let named = Os::current() == Os::Linux;
        if self.gui && named && !set("WAYLAND_DISPLAY") && !set("DISPLAY") {
            return Err(Missing::Display("Without a display, `podman-bootc screenshot` shows its screen"));
        }
        Ok(())
    }
}
