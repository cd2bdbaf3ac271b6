//! One install: its parts, and what its two ways to run have in common.

use std::cell::Cell;

use super::channel::Config;
use super::error::Error;
use super::{size, to_disk};
use crate::direct_boot;
use crate::disk::{InstallOptions, Installed, PartialDisk};
use crate::engine::console_text;
use crate::host::fs::dirs::Dirs;
use crate::hypervisor::accelerator;
use crate::image::{Facts, Image, LockedStorage, Podman};
use crate::text::Stage;

/// The host of an install.
#[derive(Debug, Clone)]
pub struct Host {
    pub dirs: Dirs,
    pub podman: Podman,
    pub accelerator: accelerator::Choice,
    /// Unused base disks are removed while all of them together take more bytes than this.
    pub cache_limit: Option<u64>,
}

/// A failed install.
pub(super) enum Failure {
    /// `bootc install` failed, or the system that it ran in; `lines` are the end of the log.
    Failed { reason: String, lines: Vec<String> },
    /// The tool failed.
    Error(Box<Error>),
}

impl<E: Into<Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Error(Box::new(error.into()))
    }
}

/// The facts that an install learned.
pub(super) struct Made {
    pub facts: Facts,
    /// `None` if bootc read the image from podman's storage itself.
    pub installed: Option<Installed>,
}

/// Refuses an image whose facts don't fit what the disk is for.
pub type Check<'a> = &'a dyn Fn(&Facts) -> Result<(), Box<dyn std::error::Error + Send + Sync>>;

/// One install.
pub(super) struct Install<'a> {
    pub host: &'a Host,
    pub image: &'a Image,
    pub options: &'a InstallOptions,
    /// The kernel argument among the options that the tool added itself.
    pub console: Option<&'a str>,
    pub partial: &'a PartialDisk,
    /// The memory of the install's VM in MiB. The host decides an unset one.
    pub memory_mib: Option<u64>,
    /// Released once the image has been read.
    pub in_use: Cell<Option<LockedStorage>>,
    pub check: Check<'a>,
}

impl Install<'_> {
    /// Refuses an image that the disk's user can't use, and options that it can't be installed with.
    pub fn check(&self, facts: &Facts) -> Result<(), Error> {
        (self.check)(facts).map_err(Error::Unfit)?;
        if facts.uki
            && self
                .options
                .kargs
                .iter()
                .any(|karg| Some(karg.as_str()) != self.console)
        {
            return Err(Error::UkiKargs(self.image.reference.clone()));
        }
        let composefs = self.options.composefs
            || to_disk::needs_composefs(facts, self.options.bootloader.as_deref());
        Ok(size::check(
            self.image,
            &InstallOptions {
                composefs,
                ..self.options.clone()
            },
        )?)
    }

    /// Returns the command line without the target, and notes what the user might not expect.
    pub fn command(&self, facts: &Facts, config: &Config, stage: &dyn Stage) -> Vec<String> {
        let (options, notes) = to_disk::fit(
            self.options,
            self.console,
            &self.image.reference,
            facts,
            config,
        );
        notes.iter().for_each(|note| stage.note(note));
        to_disk::to_disk(&options)
    }

    pub fn direct_boot_error(&self, error: direct_boot::Error) -> Failure {
        match error {
            direct_boot::Error::Interrupted(signal) => signal.into(),
            source => Error::DirectBoot {
                image: self.image.reference.clone(),
                source,
            }
            .into(),
        }
    }

    pub fn failed(&self, reason: impl Into<String>) -> Failure {
        /// More lines than a dump of a command line has.
        const TAIL: usize = 400;
        let lines = console_text::last_words(&self.partial.log(), TAIL);
        let mut reason = reason.into();
        let errors = error_lines(&lines);
        // bootc prints its own error last, after the errors of the programs that it calls.
        if let Some(cause) = errors.last() {
            reason = format!("{reason}: {}", crate::text::plain(cause));
        }
        let lines = quotes(&errors, &lines);
        Failure::Failed { reason, lines }
    }
}

/// The beginning of a line that names an error.
const ERROR: &str = "error: ";

/// Returns the errors in a log, without their mark and each once.
fn error_lines(lines: &[String]) -> Vec<&str> {
    let mut errors: Vec<&str> = Vec::new();
    for error in lines.iter().filter_map(|line| line.strip_prefix(ERROR)) {
        if !errors.contains(&error) {
            errors.push(error);
        }
    }
    errors
}

/// Returns the lines of a log that an error quotes: first the errors, then the last lines.
fn quotes(errors: &[&str], lines: &[String]) -> Vec<String> {
    const ERRORS: usize = 5;
    const LAST: usize = 10;
    // A dumped command line may have thousands of characters.
    const WIDTH: usize = 300;
    let cut = |line: &str| line.chars().take(WIDTH).collect::<String>();
    let errors = &errors[errors.len().saturating_sub(ERRORS)..];
    let others: Vec<&String> = lines
        .iter()
        .filter(|line| !line.starts_with(ERROR))
        .collect();
    let last = &others[others.len().saturating_sub(LAST)..];
    let errors = errors.iter().map(|error| cut(&format!("{ERROR}{error}")));
    errors.chain(last.iter().map(|line| cut(line))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_come_before_the_last_lines() {
        let dump = (0..30).map(|number| format!("    \"--word{number}\","));
        let lines: Vec<String> = ["error: Failed to find \"/usr/bin/grub2-editenv\"".to_owned()]
            .into_iter()
            .chain(dump)
            .chain([
                format!("error: Installing: {}", "x".repeat(1000)),
                "}".to_owned(),
            ])
            .collect();
        let errors = error_lines(&lines);
        let quoted = quotes(&errors, &lines);
        assert_eq!(
            quoted[0],
            "error: Failed to find \"/usr/bin/grub2-editenv\""
        );
        assert_eq!(quoted[1].len(), 300);
        assert_eq!((quoted.len(), quoted[2].trim()), (12, "\"--word21\","));
        assert_eq!(quoted[11], "}");
    }
}
