//! Commands to a running hypervisor, whichever it is, and what it tells of itself.

use std::path::Path;
use std::time::Duration;

use super::apple::rest;
use super::apple::rest::Rest;
use super::events::Stopped;
use super::helpers::gvproxy;
use super::hyperv::port_relay;
use super::qemu::{Qmp, QmpError};
use super::{Forward, Vsock, hyperv};

/// A command to a hypervisor failed.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// QEMU refused it, or is gone.
    #[error(transparent)]
    Qemu(#[from] QmpError),
    /// vfkit or krunkit refused it, or is gone.
    #[error(transparent)]
    Rest(#[from] rest::Error),
    /// Their network refused it, or is gone.
    #[error(transparent)]
    Gvproxy(#[from] gvproxy::Error),
    /// PowerShell can't be started.
    #[error("can't start PowerShell: {0}")]
    Powershell(#[from] std::io::Error),
    /// There is no way to do it.
    #[error("this hypervisor makes no pictures of a VM's screen; QEMU does")]
    NoScreenshot,
    /// A port can't be carried.
    #[error(transparent)]
    Relay(#[from] port_relay::Error),
}

/// Commands to a running hypervisor.
#[derive(Debug)]
pub enum Control {
    /// QEMU, through its monitor.
    Qemu(Qmp),
    /// vfkit and krunkit, by their requests.
    Rest(Rest),
    /// Hyper-V, through PowerShell.
    Hyperv(hyperv::Control),
}

impl Control {
    /// Presses the power button.
    ///
    /// # Errors
    /// The hypervisor is gone.
    pub async fn power_button(&self) -> Result<(), ControlError> {
        match self {
            Self::Qemu(qmp) => Ok(qmp.power_button().await?),
            Self::Rest(rest) => Ok(rest.power_button().await?),
            Self::Hyperv(hyperv) => Ok(hyperv.power_button()?),
        }
    }

    /// Ends the machine; its disks are flushed.
    ///
    /// # Errors
    /// The hypervisor is gone, or can't do it: then its process has to be ended.
    pub async fn quit(&self) -> Result<(), ControlError> {
        match self {
            Self::Qemu(qmp) => Ok(qmp.quit().await?),
            Self::Rest(rest) => Ok(rest.quit().await?),
            Self::Hyperv(hyperv) => Ok(hyperv.quit()?),
        }
    }

    /// A machine that was told to end is given this long.
    pub fn quit_time(&self) -> Duration {
        match self {
            Self::Qemu(_) | Self::Rest(_) => Duration::from_secs(5),
            // PowerShell alone takes seconds.
            Self::Hyperv(_) => Duration::from_secs(60),
        }
    }

    /// Where the guest's `AF_VSOCK` port is, for a machine that was made with `planned`.
    pub fn vsock(&self, planned: Option<&Vsock>) -> Option<Vsock> {
        match (self, planned) {
            (Self::Hyperv(hyperv), Some(_)) => Some(Vsock::Hyperv(hyperv.id.clone())),
            (_, planned) => planned.cloned(),
        }
    }

    /// Whether it says why it ends; else an end in order is the guest's own.
    pub fn tells_its_end(&self) -> bool {
        match self {
            Self::Qemu(_) => true,
            Self::Rest(_) | Self::Hyperv(_) => false,
        }
    }

    /// Why the machine stopped, if that is a failure.
    ///
    /// # Errors
    /// The hypervisor is gone.
    pub async fn stopped(&self) -> Result<Option<Stopped>, ControlError> {
        match self {
            Self::Qemu(qmp) => Ok(qmp.stopped().await?),
            // They never say that one stopped.
            Self::Rest(_) | Self::Hyperv(_) => Ok(None),
        }
    }

    /// Lets a stopped machine go on.
    ///
    /// # Errors
    /// The hypervisor is gone.
    pub async fn resume(&self) -> Result<(), ControlError> {
        match self {
            Self::Qemu(qmp) => Ok(qmp.resume().await?),
            Self::Rest(_) | Self::Hyperv(_) => Ok(()),
        }
    }

    /// Forwards a port to the guest and returns it with the host's port; 0 lets the system choose.
    ///
    /// # Errors
    /// The port is taken, or the hypervisor is gone.
    pub async fn forward(&self, forward: &Forward) -> Result<Forward, ControlError> {
        match self {
            Self::Qemu(qmp) => Ok(qmp.forward(forward).await?),
            Self::Rest(rest) => Ok(rest.network.forward(forward).await?),
            Self::Hyperv(hyperv) => Ok(hyperv.relay.forward(forward).await?),
        }
    }

    /// Takes a forward away. Connections that it made stay.
    ///
    /// # Errors
    /// There is none such, or the hypervisor is gone.
    pub async fn unforward(&self, forward: &Forward) -> Result<(), ControlError> {
        match self {
            Self::Qemu(qmp) => Ok(qmp.unforward(forward).await?),
            Self::Rest(rest) => Ok(rest.network.unforward(forward).await?),
            Self::Hyperv(hyperv) => Ok(hyperv.relay.unforward(forward)?),
        }
    }

    /// Writes what is on the machine's screen to a PNG file.
    ///
    /// # Errors
    /// It has no screen, the hypervisor can't do it, or is gone.
    pub async fn screenshot(&self, file: &Path) -> Result<(), ControlError> {
        match self {
            Self::Qemu(qmp) => Ok(qmp.screenshot(file).await?),
            Self::Rest(_) | Self::Hyperv(_) => Err(ControlError::NoScreenshot),
        }
    }

    /// Forwards the guest's port 22 to one on the host's loopback and returns that: the wanted one if it is free.
    ///
    /// # Errors
    /// There is no port at all, or the hypervisor is gone.
    pub async fn forward_ssh(&self, wanted: u16) -> Result<u16, ControlError> {
        let ssh = |host| Forward::tcp_on_loopback(host, 22);
        match self.forward(&ssh(wanted)).await {
            // The port of last time may be someone else's by now.
            Err(error) if wanted != 0 && error.is_taken() => Ok(self.forward(&ssh(0)).await?.host),
            other => Ok(other?.host),
        }
    }
}

impl ControlError {
    /// A port of the host can't be had.
    fn is_taken(&self) -> bool {
        matches!(
            self,
            Self::Qemu(QmpError::Forward { .. })
                | Self::Gvproxy(gvproxy::Error::Refused { .. })
                | Self::Relay(port_relay::Error::Taken { .. })
        )
    }
}
