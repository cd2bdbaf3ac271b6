//! The work as data.

use std::time::Duration;

use crate::direct_boot::BootImage;
use crate::guest::ssh::session::Session;
use crate::image::Image;
use crate::text::Progress;
use crate::vm::supervisor::client::Client;
use crate::vm::{Store, Vm};

/// The image that a VM shall run.
#[derive(Debug, Clone, Copy)]
pub struct Wish<'a> {
    pub image: &'a Image,
    /// The image's files. The caller holds a lease on the cache.
    pub boot: &'a BootImage,
    /// Start the machine anew in any case.
    pub restart: bool,
}

/// The work in one VM.
pub struct Job<'a> {
    pub vm: &'a mut Vm,
    pub store: &'a Store,
    pub user: &'a str,
    pub progress: &'a dyn Progress,
    /// The time limit for each wait for the guest; without it, the accelerator decides.
    pub timeout: Option<Duration>,
}

/// The way into a system that has started.
pub struct Arrived {
    /// It has heard of all that happened since before the system started.
    pub client: Client,
    pub session: Session,
}

impl Job<'_> {
    pub(super) fn name(&self) -> String {
        self.vm.spec.name.to_string()
    }
}
