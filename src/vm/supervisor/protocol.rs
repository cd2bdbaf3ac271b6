//! The protocol between clients and a VM's supervisor: JSON lines over a local socket.

use serde::{Deserialize, Serialize};

use crate::engine::Change;
use crate::hypervisor::accelerator::Accelerator;
use crate::hypervisor::{Forward, Vsock};
use crate::vm::Name;
use crate::vm::guest_state::GuestState;
use crate::vm::store::instance::{Door, End};

/// The version of the protocol, which changes with every change that an older program doesn't
/// understand. docs/control-protocol.md describes it.
pub const VERSION: u32 = 1;
/// The socket's name in the VM's runtime folder.
pub const SOCKET: &str = "control";
/// A longer line ends the connection. Bytes.
pub const LINE_MAX: usize = 64 << 10;

/// A client's request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "kebab-case")]
pub enum Request {
    /// Send me all messages, with the newest of each kind so far. With `lease`, end the VM with
    /// this connection.
    Attach { lease: bool },
    /// The lease ends, and I still receive messages.
    EndLease,
    /// The guest is up: I reached its sshd.
    Ready,
    /// I logged in through this SSH door.
    Door { door: Door },
    /// Ask the agent for the guest's state: I can't reach the guest's sshd.
    AskGuest,
    /// The guest's own sshd accepted our key for the VM's user, or refuses it for long.
    Authorized { accepted: bool },
    /// Ask the guest to shut down, and power it off after this time. 0 powers it off at once.
    Stop { seconds: u64 },
    /// Shut the guest down, as with `stop`, and start its machine anew from the VM's settings. 0
    /// seconds power it off at once.
    Restart { seconds: u64 },
    /// Save the machine with its memory, and end it. [`Message::Answer`] with the number tells why it
    /// runs on; otherwise the VM ends.
    Suspend { number: u64 },
    /// Save the machine with its memory and its disks as this snapshot, which the client has begun and
    /// makes count. [`Message::Answer`] repeats the number.
    Snapshot { number: u64, name: Name },
    /// End the machine at once, restore this snapshot, and let the machine run on from there.
    /// [`Message::Answer`] repeats the number.
    Restore { number: u64, name: Name },
    /// The guest's userspace restarts, because I asked it to.
    UserspaceRestarts,
    /// Change the running machine. [`Message::Answer`] repeats the number, which the client
    /// chooses.
    Change { number: u64, change: Change },
    /// Give the running machine this device of the VM's settings: a disk's serial or a share's tag.
    /// [`Message::Answer`] repeats the number.
    Plug { number: u64, device: String },
    /// Take this device from the running machine, as soon as the guest gives it up.
    /// [`Message::Answer`] repeats the number. Success also means that the machine has no such device.
    Unplug { number: u64, device: String },
}

/// A supervisor's message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Message {
    /// The first message to a client.
    Hello {
        /// [`VERSION`] of the supervisor.
        version: u32,
    },
    /// The machine runs.
    Started {
        accelerator: Accelerator,
        /// The SSH port on loopback.
        ssh_port: u16,
        /// A way to the guest's sshd without a network.
        #[serde(default)]
        vsock: Option<Vsock>,
    },
    /// The VM could have resumed from a template, and boots for this reason.
    Cold { reason: String },
    /// An accelerator failed for this reason. The engine tries the next one.
    Fallback { reason: String },
    /// The newest line of the serial console.
    Console { line: String },
    /// The guest's own SSH servers run, or systemd won't start them.
    SshSettled,
    /// The newest state of the guest, as its agent reports it.
    Guest { state: GuestState },
    /// The guest won't become ready in this boot, for this reason. The machine still runs.
    Hopeless { reason: String },
    /// The guest's system has started again: sessions to the previous boot are lost.
    Rebooted {
        /// The restarts of the userspace alone in this boot of the kernel, if the agent has reported
        /// one more. Such a report is late: sessions to the new userspace may exist already.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        soft_reboots: Option<u32>,
    },
    /// Something failed, and the machine still runs.
    Problem { text: String },
    /// The answer to a request with this number: why it failed, if it did, and the ports that are
    /// forwarded from now on.
    Answer {
        number: u64,
        error: Option<String>,
        ports: Vec<Forward>,
    },
    /// The VM has ended. This is the last message.
    Ended { end: End },
}

impl Message {
    /// The whole system starts again, or its userspace begins to.
    pub const REBOOTED: Self = Self::Rebooted { soft_reboots: None };

    /// Returns whether it is about the guest's current boot alone.
    pub fn is_of_boot(&self) -> bool {
        matches!(
            self,
            Self::Console { .. } | Self::SshSettled | Self::Guest { .. } | Self::Hopeless { .. }
        )
    }
}

/// The one line that a supervisor prints on its standard output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "hello", rename_all = "kebab-case")]
pub enum Hello {
    /// The supervisor listens on its control socket, in this [`VERSION`] of the protocol.
    Listening { version: u32 },
    /// The supervisor can't run the VM.
    Refused { reason: String },
}
