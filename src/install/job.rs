//! One install: its parts, and what its two ways to run have in common.

use std::cell::Cell;
use std::time::Duration;

use super::channel::Config;
use super::error::{Error, Failure};
use super::{bound, size, to_disk};
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
    /// Unused templates and base disks are removed while all of them together take more bytes than this.
    pub cache_limit: Option<u64>,
}

/// The user's choices for the VM of an install. The host decides unset ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct InstallVm {
    pub memory_mib: Option<u64>,
    pub cpus: Option<u32>,
    /// The longest time for the install.
    pub timeout: Option<Duration>,
}

/// The place where `bootc install` runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Place {
    /// A VM, booted directly from the image. It needs neither root nor features of the host's
    /// kernel.
    #[default]
    Vm,
    /// A privileged container. It needs root and loop devices.
    Container,
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
    /// The bound images for the disk.
    pub bound: &'a [Image],
    pub vm: InstallVm,
    /// Released once the image has been read.
    pub in_use: Cell<Option<LockedStorage>>,
    /// False once bootc was told to install no boot loader.
    pub needs_loader: Cell<bool>,
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
            self.bound,
            &InstallOptions {
                composefs,
                ..self.options.clone()
            },
        )?)
    }

    /// Returns the command line without the target, and notes what the user might not expect.
    /// `copies_bound` says that the tool copies the bound images.
    pub fn command(
        &self,
        facts: &Facts,
        config: &Config,
        copies_bound: bool,
        stage: &dyn Stage,
    ) -> Vec<String> {
        let (options, notes) = to_disk::fit(
            self.options,
            self.console,
            &self.image.reference,
            facts,
            config,
        );
        notes.iter().for_each(|note| stage.note(note));
        let mut words = to_disk::to_disk(&options);
        words.extend(bound::argument(&options, facts, copies_bound));
        let loader = to_disk::bootloader(&words, config);
        self.needs_loader.set(loader != Some("none"));
        words
    }

    pub fn direct_boot_error(&self, error: direct_boot::Error) -> Failure {
        direct_boot_error(self.image, error).into()
    }

    pub fn failed(&self, reason: impl Into<String>) -> Failure {
        /// More lines than a dump of a command line has.
        const TAIL: usize = 400;
        let lines = console_text::last_words(&self.partial.log(), TAIL);
        let lines: Vec<String> = lines.iter().map(|line| crate::text::plain(line)).collect();
        let mut reason = reason.into();
        let errors = error_lines(&lines);
        // bootc prints its own error last, after the errors of the programs that it calls.
        if let Some(cause) = errors.last().copied().and_then(error_in) {
            reason = format!("{reason}: {cause}");
        }
        let lines = quotes(&errors, &lines);
        Failure::Failed { reason, lines }
    }
}

pub(super) fn direct_boot_error(image: &Image, error: direct_boot::Error) -> Error {
    match error {
        direct_boot::Error::Interrupted(signal) => signal.into(),
        source => Error::DirectBoot {
            image: image.reference.clone(),
            source,
        },
    }
}

/// Returns the error that a line names: after `error:` in any case, or after the level of a line of
/// a log, as older versions of bootc write it, with or without a time.
fn error_in(line: &str) -> Option<&str> {
    const MARK: &str = "error";
    const LEVEL: &str = "ERROR ";
    let line = line.trim();
    let line = match line.split_once(' ') {
        Some((time, rest)) if time.parse::<jiff::Timestamp>().is_ok() => rest.trim_start(),
        _ => line,
    };
    let after_mark = || {
        let (mark, rest) = line.split_at_checked(MARK.len())?;
        let rest = rest.strip_prefix(':')?;
        (mark.eq_ignore_ascii_case(MARK) && rest.starts_with(' ')).then_some(rest)
    };
    let error = line.strip_prefix(LEVEL).or_else(after_mark)?.trim();
    (!error.is_empty()).then_some(error)
}

/// Returns the lines of a log that name an error, each error once.
fn error_lines(lines: &[String]) -> Vec<&str> {
    let mut errors: Vec<&str> = Vec::new();
    for line in lines {
        let error = error_in(line);
        if error.is_some() && !errors.iter().any(|known| error_in(known) == error) {
            errors.push(line.trim());
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
        .filter(|line| error_in(line).is_none())
        .collect();
    let last = &others[others.len().saturating_sub(LAST)..];
    let errors = errors.iter().map(|error| cut(error));
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

    #[test]
    fn each_version_of_bootc_names_its_errors_in_its_own_way() {
        let log = "2026-01-02T03:04:05.678901Z ERROR Installing to disk: no space";
        for line in [
            "error: Installing to disk: no space",
            "ERROR Installing to disk: no space",
            " Error: Installing to disk: no space ",
            log,
        ] {
            assert_eq!(
                error_in(line),
                Some("Installing to disk: no space"),
                "{line}"
            );
        }
        for other in [
            "errors: 0",
            "error:",
            "ERROR",
            "Error correction is on",
            "no error: all is well",
            "errors=remount-ro",
            "2026-01-02T03:04:05Z INFO error: none",
        ] {
            assert_eq!(error_in(other), None, "{other}");
        }
        let lines = [log, "error: Installing to disk: no space", "the end"].map(str::to_owned);
        let errors = error_lines(&lines);
        assert_eq!(errors, [log]);
        assert_eq!(quotes(&errors, &lines), [log, "the end"]);
    }
}
