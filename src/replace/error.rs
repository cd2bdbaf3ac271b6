//! The reasons why a VM doesn't get another image.

use crate::guest::ssh::session;
use crate::host::fs::file;
use crate::vm;

/// A replacement that failed. Unless it says otherwise, the old system runs.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Vm(#[from] vm::Error),
    #[error(transparent)]
    Session(#[from] session::Error),
    #[error(transparent)]
    File(#[from] file::Error),
    #[error(transparent)]
    Store(#[from] vm::store::Error),
    #[error("VM {0} has a disk, which keeps its system; use `podman-bootc upgrade {0}`")]
    Disk(String),
    #[error("another podman-bootc replaces the image of VM {0}; wait until it is done")]
    Busy(String),
    #[error(
        "VM {name} is an {vm} machine, and image {image} is for {architecture}: create another VM"
    )]
    Architecture {
        name: String,
        vm: &'static str,
        image: String,
        architecture: String,
    },
    #[error(
        "can't replace the image of VM {name}, whose old system runs: {why}; --restart starts its \
         machine anew"
    )]
    Guest { name: String, why: String },
    #[error("VM {name} restarted its userspace, but not from the new image: {why}")]
    OldRoot { name: String, why: String },
}

impl Error {
    /// Returns whether the guest's old system runs on.
    pub fn keeps_old(&self) -> bool {
        match self {
            Self::File(_)
            | Self::Store(_)
            | Self::Disk(_)
            | Self::Busy(_)
            | Self::Architecture { .. }
            | Self::Guest { .. } => true,
            Self::Vm(_) | Self::Session(_) | Self::OldRoot { .. } => false,
        }
    }
}
