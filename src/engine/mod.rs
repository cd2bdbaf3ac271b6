//! Runs one machine until it ends, with the first accelerator that works.

mod changes;
mod console_input;
mod console_lines;
pub mod console_text;
mod console_watch;
mod freeze;
mod helper_set;
mod hopeless;
mod kernel_phase;
pub mod log;
mod orders;
mod outcome;
mod plugs;
mod run;
mod run_state;
mod running;
mod suspend;
mod way;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use console_input::ConsoleInput;
pub use outcome::Ended;
pub use plugs::Addition;
pub(crate) use running::at;
pub use way::Warm;

use crate::disk::CopyError;
use crate::hypervisor::accelerator::{self, Accelerator};
use crate::hypervisor::control::ControlError;
use crate::hypervisor::process::StartError;
use crate::hypervisor::{DiskSnapshot, Forward, Helper, Hypervisor, Machine, PlanError, Vsock};

/// The message for [`Event::Restarting`].
pub fn restart_message(reason: &str) -> String {
    format!("{reason}; starting the VM once more")
}

/// A machine and how to run it.
#[derive(Debug)]
pub struct Engine<'a> {
    /// The hypervisor to use.
    pub hypervisor: &'a Hypervisor,
    /// The machine to run.
    pub machine: &'a Machine,
    /// Accelerators to try in turn.
    pub accelerators: accelerator::Candidates,
    /// The folder that records which accelerators fail on this host.
    pub cache: &'a Path,
    /// The file for the hypervisor's own messages.
    pub log: PathBuf,
    /// The port on the host's loopback for the guest's port 22: 0 for any free one, None for no
    /// forward.
    pub ssh_port: Option<u16>,
    /// More ports of the guest on the host.
    pub forwards: Vec<Forward>,
    /// Processes that back the machine's devices.
    pub helpers: Vec<Helper>,
    /// The source of what is typed on the machine's console.
    pub input: Option<ConsoleInput>,
    /// The machine is loaded, not booted.
    pub wake: Option<Wake>,
    /// The machine may resume from a template.
    pub warm: Option<Warm>,
}

/// A machine that was saved.
#[derive(Debug, Clone)]
pub struct Wake {
    /// The file with all of it.
    pub state: PathBuf,
    /// Removed when the machine is loaded, before it runs on: from then on the state must not be used
    /// again.
    pub record: PathBuf,
}

/// An event in the life of a machine.
#[derive(Debug)]
pub enum Event {
    /// The hypervisor runs the machine.
    Started {
        /// The accelerator in use.
        accelerator: Accelerator,
        /// The port on the host's loopback for the guest's port 22.
        ssh_port: Option<u16>,
        /// A way to the guest's sshd without a network.
        vsock: Option<Vsock>,
        /// The other forwarded ports.
        ports: Vec<Forward>,
        /// The machine has resumed from a template.
        resumed: bool,
        /// It was loaded, and its guest runs on.
        woken: bool,
    },
    /// The machine could have resumed from a template, and boots for this reason.
    Cold {
        /// One line.
        reason: String,
    },
    /// Something failed, and the machine still runs.
    Problem(String),
    /// The answer to [`Order::Change`], [`Order::Plug`] and [`Order::Unplug`].
    Changed {
        /// The number in the order.
        number: u64,
        /// Why the change failed, if it did.
        error: Option<String>,
        /// The ports that are forwarded from now on.
        ports: Vec<Forward>,
    },
    /// The answer to [`Order::Save`]: the machine is saved and paused, or runs on for this reason.
    Saved(u64, Result<(), String>),
    /// The guest of a machine that has resumed from a template has its identity.
    HasIdentity,
    /// The machine was paused for a change, and runs on.
    Unpaused,
    /// The emulation failed early in a boot, as the reason says. The engine starts the machine once
    /// more, or resets it.
    Restarting { reason: String },
    /// The guest rebooted: its firmware starts again, and the machine runs on.
    Reset,
    /// The guest won't come up without a person, for this reason. The machine runs on.
    Hopeless(String),
    /// An accelerator failed, now or with an earlier VM. The engine tries the next one.
    Fallback {
        /// How it failed.
        reason: String,
    },
    /// The machine is paused: the host has no space for what the guest writes to a disk.
    NoSpace,
    /// The guest wrote these bytes to its serial console.
    Console(Vec<u8>),
    /// The guest wrote these bytes to the channel of this index.
    Channel(usize, Vec<u8>),
}

/// A change of a running machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// Forward a port.
    AddPort(Forward),
    /// Remove a forward.
    RemovePort(Forward),
    /// Write a picture of the screen to this PNG file.
    Screenshot(PathBuf),
    /// Save the content of disks.
    SaveDisks(DiskSnapshot),
    /// Remove what [`Self::SaveDisks`] saved.
    ForgetDisks(DiskSnapshot),
    /// Copy the files of disks, while the machine is paused.
    CopyDisks(Vec<(PathBuf, PathBuf)>),
    /// Save the content of all disks, and the rest of the machine to a file, at one moment. The
    /// machine is paused meanwhile.
    SaveMachine {
        state: PathBuf,
        disks: DiskSnapshot,
        /// Files that the machine writes to, and whose content is in the state.
        others: Vec<PathBuf>,
    },
}

/// An order to a running machine.
#[derive(Debug)]
pub enum Order {
    /// Press the power button.
    PowerButton,
    /// Flush the disks and end at once.
    Quit,
    /// Continue after [`Event::NoSpace`] or [`Event::Saved`]. Without space the event repeats.
    Resume,
    /// The guest is up: the engine blames no later failure on the accelerator.
    GuestIsUp,
    /// Write these bytes to the channel of this index.
    Channel(usize, Vec<u8>),
    /// Change the machine. [`Event::Changed`] repeats the number.
    Change(u64, Change),
    /// Pause the machine and save all of it to this file. [`Event::Saved`] repeats the number.
    Save(u64, PathBuf),
    /// Give the machine a device. [`Event::Changed`] repeats the number.
    Plug(u64, Box<Addition>),
    /// Take a device from the machine when the guest has given it up. [`Event::Changed`] repeats
    /// the number.
    Unplug {
        number: u64,
        device: String,
        /// The helper that ends with it.
        helper: Option<String>,
    },
}

/// The machine can't start.
#[allow(missing_docs)]
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Start(#[from] StartError),
    #[error("{0}")]
    Helper(String),
    #[error(transparent)]
    Overlay(#[from] CopyError),
    #[error("can't describe the machine to the hypervisor: {0}")]
    Plan(#[from] PlanError),
    #[error(transparent)]
    Control(#[from] ControlError),
    #[error("can't resume: {0}")]
    Wake(String),
    #[error("the machine writes to {0}, which a snapshot doesn't contain")]
    NotInSnapshot(PathBuf),
    #[error("{0}")]
    NotSaved(String),
    #[error("{0}")]
    Template(&'static str),
    #[error("the guest doesn't give the device up")]
    NotGivenUp,
}
