//! Why something can't be done with a VM.

use std::io;
use std::path::PathBuf;

use super::store::instance::{End, EndKind};
use super::{Vm, store};
use crate::disk;
use crate::engine::console_text;
use crate::guest::ssh::{keys, session};
use crate::host::fs::file;
use crate::host::process::interrupt::Interrupted;
use crate::image::KEY_CREDENTIAL;

/// Lines of the console that an error quotes.
const CONSOLE_LINES: usize = 12;

/// An operation on a VM that failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error(transparent)]
    Keys(#[from] keys::Error),
    #[error(transparent)]
    Overlay(#[from] disk::QemuImgError),
    #[error(transparent)]
    OwnDisk(#[from] disk::CopyError),
    #[error(transparent)]
    Cache(#[from] disk::Error),
    #[error(transparent)]
    Import(#[from] disk::ImportError),
    #[error(transparent)]
    Firmware(#[from] crate::hypervisor::qemu::firmware::Unavailable),
    #[error(transparent)]
    UserFiles(#[from] super::store::user_files::Error),
    #[error(transparent)]
    Machine(#[from] super::credentials::Error),
    #[error(transparent)]
    Session(#[from] session::Error),
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    #[error("can't use {path}")]
    Io { path: PathBuf, source: io::Error },
    #[error(
        "VM {name} can't start: its base disk {file} no longer exists (was the cache deleted?). \
         Remove the VM with `podman-bootc rm {name}`"
    )]
    NoBase { name: String, file: PathBuf },
    #[error(
        "VM {name} can't start: its firmware {file} no longer exists. \
         Install the firmware again; if an upgrade moved it, put a link to it there"
    )]
    NoFirmware { name: String, file: PathBuf },
    #[error(
        "image {image} has no user {user}; available users: {known}. A user that the first boot \
         makes needs --cloudinit or --ignition"
    )]
    NoUser {
        image: String,
        user: String,
        known: String,
    },
    #[error(
        "the supervisor of VM {name} is of another version of this tool (its protocol has version {version}, \
         and ours {own}); stop the VM with `podman-bootc stop {name}`, and start it again"
    )]
    OtherProtocol {
        name: String,
        version: u32,
        own: u32,
    },
    #[error("{flag} needs systemd {needs} or newer in the image; {origin} has systemd {version}")]
    OldSystemd {
        origin: String,
        version: u32,
        flag: &'static str,
        needs: u32,
    },
    #[error(
        "image {image} has systemd {version}, which takes no SSH key at boot: a VM with a disk needs \
         {KEY_CREDENTIAL} or newer; boot the image with --ephemeral"
    )]
    NoKeyAtBoot { image: String, version: u32 },
    /// The supervisor refuses, or can't be reached.
    #[error("can't start VM {name}: {reason}")]
    Start { name: String, reason: String },
    #[error("VM {0} is running; stop it first, or use `podman-bootc rm -f {0}`")]
    IsRunning(String),
    #[error("VM {0} is running; stop it first with `podman-bootc stop {0}`")]
    MustStop(String),
    #[error(
        "VM {0} is suspended; resume it with `podman-bootc start {0}`, or drop what it has in memory with \
         `podman-bootc stop {0}`"
    )]
    Suspended(String),
    #[error("VM {name} is not running ({state}); start it with `podman-bootc start {name}`")]
    NotRunning { name: String, state: String },
    #[error("VM {name} ended: {}{}", .end.reason, quoted(.console))]
    Ended {
        name: String,
        end: End,
        console: Vec<String>,
    },
    #[error("the guest of VM {0} rebooted, which ended the session")]
    Rebooted(String),
    #[error("VM {name} was not ready after {seconds} s: {why}{}", quoted(.console))]
    Timeout {
        name: String,
        seconds: u64,
        why: String,
        console: Vec<String>,
    },
    /// The guest runs, and won't become ready in this boot.
    #[error("VM {name} won't become ready: {reason}{}", quoted(.console))]
    Hopeless {
        name: String,
        reason: String,
        console: Vec<String>,
    },
    /// The VM is ready, and what else was waited for doesn't come.
    #[error("VM {name} is up, but {why}")]
    Condition { name: String, why: String },
    /// The supervisor refuses a request, or can't be reached.
    #[error("VM {name}: {why}")]
    Change { name: String, why: String },
}

impl Error {
    /// The VM ended while someone needed it.
    pub(super) fn ended(vm: &Vm, end: End) -> Self {
        Self::Ended {
            name: vm.spec.name.to_string(),
            end,
            console: last_words(vm),
        }
    }

    /// The VM's supervisor died, and presumably the VM with it.
    pub(super) fn lost(vm: &Vm) -> Self {
        Self::ended(
            vm,
            End {
                at: jiff::Timestamp::now(),
                kind: EndKind::Failure,
                power_cut: false,
                reason: died(vm),
            },
        )
    }

    /// What was waited for in a VM that is ready doesn't come.
    pub(super) fn condition(vm: &Vm, why: String) -> Self {
        Self::Condition {
            name: vm.spec.name.to_string(),
            why,
        }
    }

    /// The guest won't become ready.
    pub(super) fn hopeless(vm: &Vm, reason: String) -> Self {
        Self::Hopeless {
            name: vm.spec.name.to_string(),
            reason,
            console: last_words(vm),
        }
    }

    /// The VM was not ready after so many seconds.
    pub(super) fn timeout(vm: &Vm, seconds: u64, why: String) -> Self {
        Self::Timeout {
            name: vm.spec.name.to_string(),
            seconds,
            why,
            console: last_words(vm),
        }
    }
}

/// Returns a message that the VM's supervisor died, with the last lines of its log.
pub(super) fn died(vm: &Vm) -> String {
    let last = file::last_lines(&vm.supervisor_log(), 3).join("; ");
    format!("its supervisor died{}", crate::text::colon(&last))
}

fn last_words(vm: &Vm) -> Vec<String> {
    console_text::last_words(&vm.console_log(), CONSOLE_LINES)
}

fn quoted(lines: &[String]) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let lines: String = lines.iter().map(|line| format!("\n  | {line}")).collect();
    format!("\nThe console's last lines:{lines}")
}
