//! Commands to a running hypervisor of any kind.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::apple::rest::{self, Rest};
use super::helpers::gvproxy;
use super::hyperv::port_relay;
use super::qemu::{Qmp, QmpError};
use super::report::Stopped;
use super::{DiskSnapshot, Forward, Plug, Vsock, hyperv};

/// A command to a hypervisor failed.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    #[error(transparent)]
    Qemu(#[from] QmpError),
    #[error(transparent)]
    Rest(#[from] rest::Error),
    #[error(transparent)]
    Gvproxy(#[from] gvproxy::Error),
    #[error("can't start PowerShell: {0}")]
    Powershell(#[from] std::io::Error),
    #[error("screenshots need --hypervisor qemu")]
    NoScreenshot,
    #[error("only QEMU saves machines")]
    NoState,
    #[error("only QEMU pauses a VM; stop it first")]
    NoPause,
    #[error("snapshots need --hypervisor qemu")]
    NoSnapshot,
    #[error("only QEMU adds devices to a running machine")]
    NoPlugs,
    #[error(transparent)]
    Relay(#[from] port_relay::Error),
}

/// A control connection. Each command fails if the hypervisor has ended.
#[derive(Debug)]
pub enum Control {
    Qemu(Qmp),
    /// vfkit and krunkit.
    Rest(Rest),
    Hyperv(hyperv::Control),
}

impl Control {
    /// Presses the power button.
    pub async fn power_button(&self) -> Result<(), ControlError> {
        match self {
            Self::Qemu(qmp) => Ok(qmp.power_button().await?),
            Self::Rest(rest) => Ok(rest.power_button().await?),
            Self::Hyperv(hyperv) => Ok(hyperv.power_button()?),
        }
    }

    /// Resets the machine, as its reset button would.
    pub async fn reset(&self) -> Result<(), ControlError> {
        match self {
            Self::Qemu(qmp) => Ok(qmp.reset().await?),
            // They emulate no processor, which may need it.
            Self::Rest(_) | Self::Hyperv(_) => Ok(()),
        }
    }

    /// Returns whether all of an emulated machine's CPUs wait for an interrupt at this moment.
    pub async fn is_halted(&self) -> Result<bool, ControlError> {
        match self {
            Self::Qemu(qmp) => Ok(qmp.is_halted().await?),
            Self::Rest(_) | Self::Hyperv(_) => Ok(false),
        }
    }

    /// Ends the machine and flushes its disks.
    ///
    /// # Errors
    /// krunkit can't do it. The caller must end its process.
    pub async fn quit(&self) -> Result<(), ControlError> {
        match self {
            Self::Qemu(qmp) => Ok(qmp.quit().await?),
            Self::Rest(rest) => Ok(rest.quit().await?),
            Self::Hyperv(hyperv) => Ok(hyperv.quit()?),
        }
    }

    /// The time limit for the end of a machine after [`Self::quit`].
    pub fn quit_time(&self) -> Duration {
        match self {
            Self::Qemu(_) | Self::Rest(_) => Duration::from_secs(5),
            // PowerShell alone takes seconds.
            Self::Hyperv(_) => Duration::from_secs(60),
        }
    }

    /// Returns the address of the guest's `AF_VSOCK` ports. `planned` is the one in the machine.
    pub fn vsock(&self, planned: Option<&Vsock>) -> Option<Vsock> {
        match (self, planned) {
            (Self::Hyperv(hyperv), Some(_)) => Some(Vsock::Hyperv(hyperv.id.clone())),
            (_, planned) => planned.cloned(),
        }
    }

    /// Whether it reports a shutdown. If not, an exit without an error means that the guest powered
    /// off.
    pub fn reports_shutdown(&self) -> bool {
        match self {
            Self::Qemu(_) => true,
            Self::Rest(_) | Self::Hyperv(_) => false,
        }
    }

    /// Returns the reason why the machine stopped, if the reason is a failure.
    pub async fn stopped(&self) -> Result<Option<Stopped>, ControlError> {
        match self {
            Self::Qemu(qmp) => Ok(qmp.stopped().await?),
            // These hypervisors report no stop.
            Self::Rest(_) | Self::Hyperv(_) => Ok(None),
        }
    }

    /// Stops the machine and begins to write its state, without its memory, to a file.
    pub async fn save(&self, state: &Path) -> Result<(), ControlError> {
        match self {
            Self::Qemu(qmp) => Ok(qmp.save(state).await?),
            Self::Rest(_) | Self::Hyperv(_) => Err(ControlError::NoState),
        }
    }

    /// Stops the machine and begins to write all of it to a file, with its memory.
    pub async fn save_all(&self, state: &Path) -> Result<(), ControlError> {
        match self {
            Self::Qemu(qmp) => Ok(qmp.save_all(state).await?),
            Self::Rest(_) | Self::Hyperv(_) => Err(ControlError::NoState),
        }
    }

    /// Ends the writing of a state that fails or takes too long, and lets the machine run on.
    pub async fn give_up_saving(&self) -> Result<(), ControlError> {
        match self {
            Self::Qemu(qmp) => Ok(qmp.give_up_saving().await?),
            Self::Rest(_) | Self::Hyperv(_) => Ok(()),
        }
    }

    /// Begins to load what [`Self::save_all`] wrote.
    pub async fn load_all(&self, state: &Path) -> Result<(), ControlError> {
        match self {
            Self::Qemu(qmp) => Ok(qmp.load_all(state).await?),
            Self::Rest(_) | Self::Hyperv(_) => Err(ControlError::NoState),
        }
    }

    /// Returns why the last state could not be saved or loaded, if the hypervisor says so.
    pub async fn why_not_moved(&self) -> Option<String> {
        match self {
            Self::Qemu(qmp) => qmp.why_not_moved().await,
            Self::Rest(_) | Self::Hyperv(_) => None,
        }
    }

    /// Begins to load a state.
    pub async fn load(&self, state: &Path) -> Result<(), ControlError> {
        match self {
            Self::Qemu(qmp) => Ok(qmp.load(state).await?),
            Self::Rest(_) | Self::Hyperv(_) => Err(ControlError::NoState),
        }
    }

    /// Stops the machine for a while, and writes all that its disks have in memory to their files.
    pub async fn pause(&self) -> Result<(), ControlError> {
        match self {
            Self::Qemu(qmp) => Ok(qmp.pause().await?),
            Self::Rest(_) | Self::Hyperv(_) => Err(ControlError::NoPause),
        }
    }

    /// Resumes a stopped machine.
    pub async fn resume(&self) -> Result<(), ControlError> {
        match self {
            Self::Qemu(qmp) => Ok(qmp.resume().await?),
            Self::Rest(_) | Self::Hyperv(_) => Ok(()),
        }
    }

    /// Forwards a port to the guest and returns the forward with the host's port. Port 0 lets the
    /// system choose.
    pub async fn forward(&self, forward: &Forward) -> Result<Forward, ControlError> {
        match self {
            Self::Qemu(qmp) => Ok(qmp.forward(forward).await?),
            Self::Rest(rest) => Ok(rest.network.forward(forward).await?),
            Self::Hyperv(hyperv) => Ok(hyperv.relay.forward(forward).await?),
        }
    }

    /// Removes a forward. Its connections stay open.
    pub async fn unforward(&self, forward: &Forward) -> Result<(), ControlError> {
        match self {
            Self::Qemu(qmp) => Ok(qmp.unforward(forward).await?),
            Self::Rest(rest) => Ok(rest.network.unforward(forward).await?),
            Self::Hyperv(hyperv) => Ok(hyperv.relay.unforward(forward)?),
        }
    }

    /// Writes a screenshot to a PNG file.
    pub async fn screenshot(&self, file: &Path) -> Result<(), ControlError> {
        match self {
            Self::Qemu(qmp) => Ok(qmp.screenshot(file).await?),
            Self::Rest(_) | Self::Hyperv(_) => Err(ControlError::NoScreenshot),
        }
    }

    /// Saves the content of disks while the machine runs.
    pub async fn save_disks(&self, snapshot: &DiskSnapshot) -> Result<(), ControlError> {
        match self {
            Self::Qemu(qmp) => Ok(qmp.save_disks(snapshot).await?),
            Self::Rest(_) | Self::Hyperv(_) => Err(ControlError::NoSnapshot),
        }
    }

    /// Removes what [`Self::save_disks`] saved.
    pub async fn forget_disks(&self, snapshot: &DiskSnapshot) -> Result<(), ControlError> {
        match self {
            Self::Qemu(qmp) => Ok(qmp.forget_disks(snapshot).await?),
            Self::Rest(_) | Self::Hyperv(_) => Err(ControlError::NoSnapshot),
        }
    }

    /// Returns the files of all disks that the machine can write to.
    pub async fn written_files(&self) -> Result<Vec<PathBuf>, ControlError> {
        match self {
            Self::Qemu(qmp) => Ok(qmp.written_files().await?),
            Self::Rest(_) | Self::Hyperv(_) => Err(ControlError::NoSnapshot),
        }
    }

    /// Gives the machine a device.
    pub async fn plug(&self, plug: &Plug) -> Result<(), ControlError> {
        match self {
            Self::Qemu(qmp) => Ok(qmp.plug(plug).await?),
            Self::Rest(_) | Self::Hyperv(_) => Err(ControlError::NoPlugs),
        }
    }

    /// Asks the guest to give a device up. [`Report::Unplugged`] follows, if the guest does.
    ///
    /// [`Report::Unplugged`]: super::report::Report::Unplugged
    pub async fn unplug(&self, id: &str) -> Result<(), ControlError> {
        match self {
            Self::Qemu(qmp) => Ok(qmp.unplug(id).await?),
            Self::Rest(_) | Self::Hyperv(_) => Err(ControlError::NoPlugs),
        }
    }

    /// Closes the file or the socket of a device that has gone.
    pub async fn release(&self, id: &str) {
        match self {
            Self::Qemu(qmp) => qmp.release(id).await,
            Self::Rest(_) | Self::Hyperv(_) => {}
        }
    }

    /// Forwards a port of the host's loopback to the guest's port 22, and returns the host's port:
    /// `wanted`, or another one if that is taken.
    pub async fn forward_ssh(&self, wanted: u16) -> Result<u16, ControlError> {
        let ssh = |host| Forward::tcp_on_loopback(host, 22);
        match self.forward(&ssh(wanted)).await {
            // Another program may have taken the port of the last run.
            Err(error) if wanted != 0 && error.is_taken() => Ok(self.forward(&ssh(0)).await?.host),
            other => Ok(other?.host),
        }
    }
}

impl ControlError {
    /// Returns whether the machine lacks the device that it should give up.
    pub fn is_not_plugged(&self) -> bool {
        matches!(self, Self::Qemu(QmpError::NotPlugged(_)))
    }

    fn is_taken(&self) -> bool {
        matches!(
            self,
            Self::Qemu(QmpError::Forward { .. })
                | Self::Gvproxy(gvproxy::Error::Refused { .. })
                | Self::Relay(port_relay::Error::Taken { .. })
        )
    }
}
