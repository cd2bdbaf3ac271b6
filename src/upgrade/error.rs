//! The reasons why a guest doesn't get another version.

use super::guest::Unfit;
use crate::guest::ssh::session;
use crate::host::fs::file;
use crate::{registry, text, vm};

/// An upgrade or a rollback that failed. Unless it says otherwise, the old version runs.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Vm(#[from] vm::Error),
    #[error(transparent)]
    Session(#[from] session::Error),
    #[error(transparent)]
    Registry(#[from] registry::Error),
    #[error(transparent)]
    File(#[from] file::Error),
    #[error(transparent)]
    Store(#[from] vm::store::Error),
    #[error(transparent)]
    Snapshot(#[from] vm::snapshots::Error),
    #[error(
        "VM {0} was created with --rm: a version that doesn't boot would end and remove it, so that \
         --auto-rollback can't bring the old one back; create the VM without --rm"
    )]
    Removed(String),
    #[error(transparent)]
    Name(#[from] vm::InvalidName),
    #[error("the thread that reads the image failed")]
    Thread(#[from] tokio::task::JoinError),
    #[error("VM {0} was created with --ephemeral: its system has no disk and can't be upgraded")]
    Ephemeral(String),
    #[error("another podman-bootc upgrades VM {0} or rolls it back; wait until it is done")]
    Busy(String),
    #[error("can't upgrade VM {name}")]
    Unfit { name: String, source: Unfit },
    #[error(
        "can't upgrade VM {name}: bootc needs {} of free space for all layers of the image, and \
         the guest has {}; remove files in the guest, or create a VM with a larger --disk-size",
        text::format_size(*.needed), text::format_size(*.free)
    )]
    Space {
        name: String,
        needed: u64,
        free: u64,
    },
    #[error("`bootc {verb}` failed in VM {name} (exit code {code}); the old version runs{}", quoted(.lines))]
    Bootc {
        name: String,
        verb: &'static str,
        code: i32,
        lines: Vec<String>,
    },
    #[error(
        "`bootc {verb}` did nothing in VM {name}: it doesn't stage an image with the same files as \
         a deployment of the VM; the old version runs{}", quoted(.lines)
    )]
    NotStaged {
        name: String,
        verb: &'static str,
        lines: Vec<String>,
    },
    #[error(
        "`bootc rollback` ran twice in VM {name}, and the version before is still not the next to \
         boot{}", quoted(.lines)
    )]
    NotQueued { name: String, lines: Vec<String> },
    #[error("`bootc {verb}` was not done in VM {name} after {seconds} s; the old version runs{}", quoted(.lines))]
    Slow {
        name: String,
        verb: &'static str,
        seconds: u64,
        lines: Vec<String>,
    },
    #[error(
        "the session ended while `bootc {verb}` ran in VM {name}, as in a reset; repeat the \
         command: unless bootc was done, the old version runs{}", quoted(.lines)
    )]
    Lost {
        name: String,
        verb: &'static str,
        lines: Vec<String>,
        source: session::Error,
    },
    #[error("can't listen on the host's loopback")]
    Listen(#[source] std::io::Error),
    #[error("VM {0} has no version to roll back to: it was not upgraded yet")]
    NoRollback(String),
    #[error("VM {name} booted, but still the old version{}", quoted(.lines))]
    OldVersion { name: String, lines: Vec<String> },
    #[error("the check `{command}` failed ({why}) in the new version of VM {name}, which runs")]
    Check {
        name: String,
        command: String,
        why: String,
    },
    #[error(
        "the new version of VM {name} doesn't come up; bring the old one back with \
         `podman-bootc stop --time 0 {name} && podman-bootc snapshot restore {name} {snapshot} && \
         podman-bootc start {name}`, or let --auto-rollback do that the next time"
    )]
    NotUp {
        name: String,
        snapshot: String,
        source: Box<Error>,
    },
    #[error("VM {name} was rolled back to the old version, which runs: {why}")]
    RolledBack { name: String, why: String },
    #[error("can't roll VM {name} back ({why}); before that: {first}")]
    Stuck {
        name: String,
        why: String,
        first: String,
    },
}

impl Error {
    /// Returns whether the guest's old version is known to run on.
    pub fn keeps_old(&self) -> bool {
        matches!(
            self,
            Self::Registry(_)
                | Self::Snapshot(_)
                | Self::Busy(_)
                | Self::Unfit { .. }
                | Self::Space { .. }
                | Self::Bootc { .. }
                | Self::NotStaged { .. }
                | Self::Slow { .. }
                | Self::Listen(_)
                | Self::OldVersion { .. }
        )
    }
}

fn quoted(lines: &[String]) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let lines: String = lines.iter().map(|line| format!("\n  | {line}")).collect();
    format!("\nThe guest's last lines:{lines}")
}
