//! What a client and a VM's supervisor say to each other: JSON lines over a local socket.

use serde::{Deserialize, Serialize};

use crate::engine::Change;
use crate::hypervisor::accelerator::Accelerator;
use crate::hypervisor::{Forward, Vsock};
use crate::vm::store::instance::End;

/// The socket's name in the VM's runtime folder.
pub const SOCKET: &str = "control";
/// A longer line is refused. Bytes.
pub const LINE_MAX: usize = 64 << 10;

/// From a client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "kebab-case")]
pub enum Request {
    /// Tell me all that happens, from what is known by now.
    Attach {
        /// The VM lives as long as this connection.
        lease: bool,
    },
    /// The lease ends here; I still listen.
    EndLease,
    /// The guest answers: it is up.
    Ready,
    /// Shut down in order; power off after so many seconds.
    Stop {
        /// Seconds; 0 powers off at once.
        seconds: u64,
    },
    /// Change the running machine; [`Message::Answer`] with the same number tells what came of it.
    Change {
        /// Chosen by the client.
        number: u64,
        /// What to do.
        change: Change,
    },
}

/// From the supervisor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Message {
    /// The machine runs.
    Started {
        /// With this accelerator.
        accelerator: Accelerator,
        /// Its SSH port on loopback.
        ssh_port: u16,
        /// Where its sshd may be reached without a network.
        #[serde(default)]
        vsock: Option<Vsock>,
    },
    /// An accelerator failed; the next is tried.
    Fallback {
        /// How it failed.
        reason: String,
    },
    /// The newest line of the serial console.
    Console {
        /// The line.
        line: String,
    },
    /// The guest says that it started its sshd.
    SshStarted,
    /// Something of the machine failed while the rest goes on.
    Problem {
        /// In words.
        text: String,
    },
    /// What came of a change.
    Answer {
        /// That of the request.
        number: u64,
        /// Why it failed.
        error: Option<String>,
        /// The ports that are forwarded now.
        ports: Vec<Forward>,
    },
    /// It has ended.
    Ended {
        /// How.
        end: End,
    },
}

/// What the supervisor says on its standard output once it has taken over, or can't.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "hello", rename_all = "kebab-case")]
pub enum Hello {
    /// Its control socket listens.
    Listening,
    /// It can't take over, for this reason.
    Refused {
        /// In words.
        reason: String,
    },
}
