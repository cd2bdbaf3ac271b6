//! Devices that a running VM gets or loses: from their names to what the engine needs.

use super::helpers;
use crate::engine::Addition;
use crate::host::fs::dirs::Dirs;
use crate::hypervisor::Plug;
use crate::vm::hardware::machine_for;
use crate::vm::{Vm, credentials, disks, store};

/// A VM can't get a device now.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error(transparent)]
    Machine(#[from] credentials::Error),
    #[error(transparent)]
    Helpers(#[from] helpers::Error),
    #[error("its settings have no device {0}")]
    Unknown(String),
    #[error(
        "it resumed from a template without shares, and such a VM takes none while it runs; stop it first"
    )]
    NoSharedMemory,
}

/// Returns the device of this name that the VM's settings have by now. `takes_shares` tells whether
/// virtiofsd can map the machine's memory.
///
/// # Errors
/// The settings can't be read or have no such device, or a program for it is missing.
pub fn addition(
    running: &Vm,
    dirs: &Dirs,
    takes_shares: bool,
    device: &str,
) -> Result<Addition, Error> {
    let vm = Vm::open(&running.folder)?;
    let features = vm.features();
    if let Some(disk) = disks::roots(&vm).find(|disk| disk.serial == device) {
        let device = Plug::Disk(disk);
        return Ok(Addition {
            device,
            helper: None,
        });
    }
    let devices = machine_for(&vm, dirs, &features)?.devices;
    if let Some(disk) = devices.disks.into_iter().find(|disk| disk.serial == device) {
        let device = Plug::Disk(disk);
        return Ok(Addition {
            device,
            helper: None,
        });
    }
    let share = devices.shares.into_iter().find(|share| share.tag == device);
    let share = share.ok_or_else(|| Error::Unknown(device.to_owned()))?;
    if !takes_shares {
        return Err(Error::NoSharedMemory);
    }
    Ok(Addition {
        device: Plug::Share(share),
        helper: helpers::of_share(&vm, dirs, &features, device)?,
    })
}

/// Returns the name of the helper that serves a device, if the VM's settings have it.
pub fn helper_name(running: &Vm, device: &str) -> Option<String> {
    let vm = Vm::open(&running.folder).ok()?;
    helpers::share_of(&vm, device).map(helpers::share_name)
}
