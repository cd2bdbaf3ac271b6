//! The work as data.

use std::time::Duration;

use super::error::Error;
use super::guest::Unfit;
use crate::image::{Image, Podman};
use crate::text::Progress;
use crate::vm::{Store, Vm};

/// The version that the user wishes.
pub enum Wish<'a> {
    Image {
        podman: &'a Podman,
        image: &'a Image,
        /// The reference that the guest shall follow, if the user named one.
        reference: Option<&'a str>,
    },
    /// The one before.
    Rollback,
}

/// What follows the staging.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum After<'a> {
    /// Nothing: the next reboot boots it.
    Stay,
    /// A reboot, soft if bootc says that the new version needs no other kernel; then the command,
    /// which must succeed in the new version.
    Reboot {
        soft: bool,
        check: Option<&'a str>,
        /// A version that fails makes room for the old one.
        auto_rollback: bool,
    },
}

/// The work in one VM.
pub struct Job<'a> {
    pub vm: &'a mut Vm,
    pub store: &'a Store,
    pub user: &'a str,
    pub progress: &'a dyn Progress,
    pub after: After<'a>,
    /// The time limit for each step.
    pub timeout: Option<Duration>,
}

impl Job<'_> {
    pub(super) fn unfit(&self, source: Unfit) -> Error {
        Error::Unfit {
            name: self.name(),
            source,
        }
    }

    pub(super) fn name(&self) -> String {
        self.vm.spec.name.to_string()
    }
}
