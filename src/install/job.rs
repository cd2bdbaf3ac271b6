//! One install under way.

use std::cell::Cell;

use super::channel::Config;
use super::error::Error;
use super::{size, to_disk};
use crate::direct_boot;
use crate::disk::{Options, Partial};
use crate::engine::console_text;
use crate::host::fs::dirs::Dirs;
use crate::hypervisor::accelerator;
use crate::image::{Facts, Image, Podman, StorageInUse};
use crate::text::Stage;

/// What installs need of the host.
#[derive(Debug, Clone)]
pub struct Host {
    /// The tool's folders.
    pub dirs: Dirs,
    /// The container engine.
    pub podman: Podman,
    /// What to run the VM's code with.
    pub accelerator: accelerator::Choice,
    /// Base disks that are not used go when all take more bytes than this.
    pub cache_limit: Option<u64>,
}

/// Why an install came to no good end.
pub(super) enum Unfinished {
    /// `bootc install`, or the system that it ran in, failed.
    Failed { reason: String, lines: Vec<String> },
    /// Something of ours failed.
    Error(Box<Error>),
}

impl<E: Into<Error>> From<E> for Unfinished {
    fn from(error: E) -> Self {
        Self::Error(Box::new(error.into()))
    }
}

/// One install under way.
pub(super) struct Install<'a> {
    pub host: &'a Host,
    pub image: &'a Image,
    pub options: &'a Options,
    pub console: Option<&'a str>,
    pub partial: &'a Partial,
    pub in_use: Cell<Option<StorageInUse>>,
}

impl Install<'_> {
    /// Refuses what can't be installed of this image.
    pub fn check(&self, facts: &Facts) -> Result<(), Error> {
        if facts.uki && self.options.kargs.iter().any(|karg| Some(karg.as_str()) != self.console) {
            return Err(Error::UkiKargs(self.image.reference.clone()));
        }
        let composefs =
            self.options.composefs || to_disk::needs_composefs(facts, self.options.bootloader.as_deref());
        Ok(size::check(self.image, &Options { composefs, ..self.options.clone() })?)
    }

    /// The command line up to where it installs to; what is not as the user might expect is said.
    pub fn command(&self, facts: &Facts, config: &Config, stage: &dyn Stage) -> Vec<String> {
        let (options, notes) = to_disk::fit(self.options, self.console, &self.image.reference, facts, config);
        notes.iter().for_each(|note| stage.note(note));
        to_disk::to_disk(&options)
    }

    pub fn direct_error(&self, error: direct_boot::Error) -> Unfinished {
        match error {
            direct_boot::Error::Interrupted(signal) => signal.into(),
            source => Error::Direct { image: self.image.reference.clone(), source }.into(),
        }
    }

    pub fn failed(&self, reason: impl Into<String>) -> Unfinished {
        const LINES: usize = 15;
        let (mut reason, lines) = (reason.into(), console_text::last_words(&self.partial.log(), LINES));
        // What it says last is the cause, and the rest is talk of the programs that it calls.
        if let Some(cause) = lines.iter().rev().find_map(|line| line.strip_prefix("error: ")) {
            reason = format!("{reason}: {}", crate::text::plain(cause));
        }
        Unfinished::Failed { reason, lines }
    }
}
