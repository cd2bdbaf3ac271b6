//! The errors of SSH sessions.

use std::io;
use std::time::Duration;

use super::keys;
use crate::host::process::interrupt::Interrupted;

/// A session or a command that failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The connection breaks, or the server speaks SSH that the library doesn't know.
    #[error("SSH: {0}")]
    Ssh(#[from] russh::Error),
    /// The connection ends before the command.
    #[error("SSH: the connection broke: {0}")]
    Lost(String),
    #[error("SSH: no answer for {} s", .0.as_secs())]
    Silent(Duration),
    #[error("the guest's sshd refuses our key for user {user}")]
    Refused { user: String },
    /// The guest's own sshd doesn't let us in, and the user wants no other door.
    #[error("the guest's {why}; leave out `--ssh guest` to use the direct SSH door")]
    DoorClosed { why: String },
    /// Neither the guest's own sshd nor one of ours can run.
    #[error("the guest has no program sshd: install openssh-server in the image")]
    NoSshd,
    /// The login succeeds, but the server starts no command.
    #[error("the guest's sshd refuses to start a command")]
    NoCommand,
    /// The server allows no remote forwarding: `AllowTcpForwarding no`, `PermitListen none`,
    /// `DisableForwarding yes`, or another server than OpenSSH.
    #[error("the guest's sshd forbids port forwarding (`AllowTcpForwarding`, `PermitListen`)")]
    NoForwarding,
    /// The server accepts the key, and then ends the connection: its PAM refuses the user.
    #[error("the guest's sshd turns user {user} away: {why}")]
    TurnedAway { user: String, why: String },
    #[error(
        "the guest's SSH host key is not the one that was pinned at the first login; if you expect \
         a new key, accept it with `podman-bootc trust {0}`"
    )]
    HostKey(String),
    /// The login shell runs another program, or refuses to work.
    #[error(
        "the login shell of the guest's user didn't run our command{}; check the user's shell and \
         its start-up files, such as `.bashrc`", crate::text::colon(.0)
    )]
    NoScript(String),
    #[error(transparent)]
    Keys(#[from] keys::Error),
    #[error("can't read or write the session's data: {0}")]
    Stream(#[from] io::Error),
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

impl Error {
    /// Returns whether the connection broke.
    pub fn is_loss(&self) -> bool {
        matches!(self, Self::Ssh(_) | Self::Lost(_) | Self::Silent(_))
    }
}
