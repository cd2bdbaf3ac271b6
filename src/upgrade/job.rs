//! The work as data.

use std::time::Duration;

use super::decision::Action;
use super::error::Error;
use super::guest::Unfit;
use super::status::Status;
use crate::image::{Image, Podman};
use crate::text::Progress;
use crate::vm::{Store, Vm};

/// The version that the user wishes.
pub enum Wish<'a> {
    Image(ImageWish<'a>),
    /// The one before.
    Rollback,
}

/// The image that the user wishes.
#[derive(Clone, Copy)]
pub struct ImageWish<'a> {
    pub podman: &'a Podman,
    pub image: &'a Image,
    /// The reference that the guest shall follow, if the user named one.
    pub reference: Option<&'a str>,
}

impl ImageWish<'_> {
    /// Returns the reference that the guest follows after this work, if it is not the one that the
    /// user named.
    pub(super) fn follows_other<'s>(&self, status: &'s Status, action: Action) -> Option<&'s str> {
        let follows = &status.follows.as_ref()?.image;
        let keeps = matches!(action, Action::None | Action::Rollback);
        let differs = self.reference.is_some_and(|wanted| wanted != follows);
        (keeps && differs).then_some(follows)
    }
}

/// What follows the staging.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum After<'a> {
    /// Nothing: the next reboot boots it.
    Stay,
    Reboot(NextBoot<'a>),
}

/// The reboot into a new version.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NextBoot<'a> {
    /// Only the userspace restarts, if bootc says that the new version needs no other kernel.
    pub soft: bool,
    /// The command that must succeed in the new version.
    pub check: Option<&'a str>,
    /// A version that fails makes room for the old one.
    pub auto_rollback: bool,
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
