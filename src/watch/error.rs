//! What can go wrong on the way from an image to a VM.

use crate::guest::ssh::session;
use crate::testing::checks;
use crate::{provision, replace, upgrade, vm};

/// A step of a cycle failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Provision(#[from] provision::Error),
    #[error(transparent)]
    Vm(#[from] vm::Error),
    #[error(transparent)]
    Replace(#[from] replace::Error),
    #[error(transparent)]
    Upgrade(#[from] upgrade::Error),
    #[error(transparent)]
    Session(#[from] session::Error),
    #[error(transparent)]
    Check(#[from] checks::CheckError),
    #[error(transparent)]
    Checks(#[from] checks::Error),
    #[error("no VM runs")]
    NoVm,
}
