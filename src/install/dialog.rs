//! The dialog with the install script in the guest.

use std::fs::File;
use std::io::Write;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use super::channel;
use super::channel::{Config, Line, Lines};
use super::error::{Error, Failure};
use super::job::Install;
use super::to_disk::with_root_key;
use crate::engine::console_text::NewestLine;
use crate::engine::{Ended, Engine, Event, Order};
use crate::host::fs::file;
use crate::host::process::interrupt;
use crate::host::{allocated_size, fault};
use crate::hypervisor::accelerator;
use crate::image::{Facts, Podman};
use crate::text::{Stage, format_size};
use crate::{direct_boot, engine};

/// Time limit for the start of the install, unless the user chose one for all of it; an emulated
/// guest takes a minute.
const BOOT_TIME: Duration = Duration::from_secs(600);
/// Time between two looks at the disk of an install that says nothing.
const GROWTH_TIME: Duration = Duration::from_secs(2);

/// Runs the machine and answers the install script in it.
pub(super) async fn drive(
    install: &Install<'_>,
    engine: Engine<'_>,
    facts: &Facts,
    stage: &mut dyn Stage,
) -> Result<(), Failure> {
    let log = install.partial.log();
    let mut dialog = Dialog {
        install,
        facts,
        log: file::create_private(&log).map_err(|source| Error::Io { path: log, source })?,
        lines: Lines::default(),
        newest: NewestLine::default(),
        exit: None,
        step: String::new(),
        quiet_since: Instant::now(),
        begun: false,
        answered: false,
        failure: None,
    };
    let (event_sender, mut events) = mpsc::channel(64);
    let (orders, mut order_receiver) = mpsc::unbounded_channel();
    let run = engine.run(event_sender, &mut order_receiver);
    tokio::pin!(run);
    let start = Instant::now();
    let limit = Limit::new(install.vm.timeout);
    let mut growth = interval(GROWTH_TIME);
    growth.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut interrupted = None;
    let ended = loop {
        tokio::select! {
            ended = &mut run => break ended.map_err(Error::Machine)?,
            Some(event) = events.recv() => {
                for order in dialog.on_event(event, stage) {
                    // An engine that has ended takes no orders.
                    let _ = orders.send(order);
                }
            }
            signal = interrupt::wait(), if interrupted.is_none() => {
                interrupted = Some(signal);
                let _ = orders.send(Order::Quit);
            }
            _ = growth.tick() => dialog.show_growth(stage),
            () = sleep_until(start + limit.time()), if limit.counts(dialog.begun) && dialog.failure.is_none() => {
                dialog.failure = Some(limit.reason());
                let _ = orders.send(Order::Quit);
            }
        }
    };
    if let Some(signal) = interrupted {
        return Err(signal.into());
    }
    dialog.result(&ended)
}

/// The time limit of an install.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Limit {
    /// The install must have begun by then.
    Start,
    /// The user's choice, for the whole install.
    Whole(Duration),
}

impl Limit {
    fn new(chosen: Option<Duration>) -> Self {
        chosen.map_or(Self::Start, Self::Whole)
    }

    fn time(self) -> Duration {
        match self {
            Self::Start => BOOT_TIME,
            Self::Whole(time) => time,
        }
    }

    /// Returns true if it can still end an install that has `begun` or not.
    fn counts(self, begun: bool) -> bool {
        !begun || self != Self::Start
    }

    fn reason(self) -> String {
        let seconds = self.time().as_secs();
        match self {
            Self::Start => format!("the install didn't start within {seconds} s"),
            Self::Whole(_) => format!("it took longer than {seconds} s (--install-timeout)"),
        }
    }
}

/// The state of the dialog with the install script.
struct Dialog<'a> {
    install: &'a Install<'a>,
    facts: &'a Facts,
    log: File,
    lines: Lines,
    newest: NewestLine,
    exit: Option<i32>,
    /// bootc's newest step.
    step: String,
    /// The time of the newest line.
    quiet_since: Instant,
    /// The script has sent a line.
    begun: bool,
    /// The script has its command line, which it gets once.
    answered: bool,
    /// The reason why we ended the machine.
    failure: Option<String>,
}

impl Dialog<'_> {
    fn on_event(&mut self, event: Event, stage: &mut dyn Stage) -> Vec<Order> {
        match event {
            // The machine has neither helpers nor forwards.
            Event::Started { .. }
            | Event::Problem(_)
            | Event::Cold { .. }
            | Event::Changed { .. }
            | Event::Saved(..)
            | Event::HasIdentity
            | Event::Unpaused
            | Event::Hopeless(_)
            | Event::Reset => {
                vec![]
            }
            // The script in the next boot asks again.
            Event::Fallback { reason } => {
                (self.answered, self.lines) = (false, Lines::default());
                stage.note(&accelerator::fallback_message(&reason));
                vec![]
            }
            Event::Restarting { reason } => {
                (self.answered, self.lines) = (false, Lines::default());
                stage.note(&engine::restart_message(&reason));
                vec![]
            }
            Event::NoSpace => {
                let folder = self.install.partial.folder().display();
                self.failure = Some(format!("no space left on the host for {folder}"));
                vec![Order::Quit]
            }
            Event::Console(bytes) => {
                self.on_console(&bytes, stage);
                vec![]
            }
            Event::Channel(_, bytes) => {
                let lines = self.lines.push(&bytes);
                lines
                    .into_iter()
                    .filter_map(|line| self.on_line(line, stage))
                    .collect()
            }
        }
    }

    /// Shows that an install lives which says nothing: bootc unpacks for minutes. The disk has no
    /// more than the image in the end.
    fn show_growth(&self, stage: &mut dyn Stage) {
        if self.step.is_empty() || self.quiet_since.elapsed() < GROWTH_TIME {
            return;
        }
        let written = format_size(allocated_size(&self.install.partial.disk()));
        let all = format_size(self.install.image.size);
        stage.update(&format!("{}: {written} of about {all}", self.step));
    }

    fn on_console(&mut self, bytes: &[u8], stage: &mut dyn Stage) {
        if self.begun {
            return;
        }
        self.write_log(bytes);
        if let Some(line) = self.newest.push(bytes) {
            stage.update(line);
        }
    }

    fn on_line(&mut self, line: Line, stage: &mut dyn Stage) -> Option<Order> {
        let first = !std::mem::replace(&mut self.begun, true);
        match line {
            Line::Text(text) => {
                self.write_log(format!("{text}\n").as_bytes());
                self.quiet_since = Instant::now();
                if is_step(&text) {
                    stage.step(&text);
                    self.step = text;
                } else {
                    stage.update(&text);
                }
                first.then_some(Order::GuestIsUp)
            }
            // A guest that asks or ends again gets no answer.
            Line::Config(_) if self.answered => None,
            Line::Exit(_) if self.exit.is_some() => None,
            Line::Config(config) => {
                fault::point("install-begins");
                self.answered = true;
                let command = self.command(&config, stage);
                let with_bound = !self.install.bound.is_empty();
                Some(Order::Channel(0, channel::answer(&command, with_bound)))
            }
            Line::Exit(code) => {
                self.exit = Some(code);
                // The script has synced the disk, so nothing is lost when the guest loses its
                // power.
                Some(Order::Quit)
            }
        }
    }

    fn command(&mut self, config: &Config, stage: &mut dyn Stage) -> Vec<String> {
        let words = self.install.command(self.facts, config, true, stage);
        let key = self.install.options.root_key.as_deref();
        let mut words = with_root_key(words, key, None);
        words.extend(
            [
                "--wipe",
                "--source-imgref",
                &format!("oci:{}:{}", direct_boot::IMAGE_MOUNT, Podman::SAVED_TAG),
                &format!("/dev/disk/by-id/virtio-{}", direct_boot::OUTPUT_SERIAL),
            ]
            .map(str::to_owned),
        );
        self.write_log(format!("+ {}\n", words.join(" ")).as_bytes());
        words
    }

    fn write_log(&mut self, bytes: &[u8]) {
        if let Err(error) = self.log.write_all(bytes) {
            tracing::warn!(%error, "can't write the install's log");
        }
    }

    fn result(&self, ended: &Ended) -> Result<(), Failure> {
        let reason = match (self.exit, &self.failure, ended) {
            (Some(0), ..) => return Ok(()),
            (Some(code), ..) => format!("bootc install exited with code {code}"),
            (None, Some(reason), _) => reason.clone(),
            (None, None, Ended::Panic(panic)) => format!("the kernel panicked: {panic}"),
            (None, None, Ended::Failed(reason)) => reason.clone(),
            (None, None, Ended::ByGuest | Ended::ByOrder) => {
                "the VM shut down before the install was done".into()
            }
        };
        Err(self.install.failed(reason))
    }
}

/// True for one of bootc's own steps, as opposed to the output of the programs that it calls.
fn is_step(line: &str) -> bool {
    line.split(' ')
        .next()
        .is_some_and(|word| word.ends_with("ing") && word.starts_with(char::is_uppercase))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bootcs_steps_differ_from_other_output() {
        for step in [
            "Installing image: docker://localhost/x",
            "Creating ESP filesystem",
            "Trimming root",
        ] {
            assert!(is_step(step), "{step}");
        }
        for other in [
            "       Size: 10737418240",
            "> mkfs.fat /dev/vdc2",
            "mke2fs 1.47.4",
            "",
            "sing along",
        ] {
            assert!(!is_step(other), "{other}");
        }
    }

    #[test]
    fn a_chosen_limit_is_the_only_one() {
        let usual = Limit::new(None);
        assert_eq!(usual.time(), BOOT_TIME);
        assert!(usual.counts(false) && !usual.counts(true));
        assert!(!usual.reason().contains("--install-timeout"));
        // Longer than a start may take.
        let chosen = Limit::new(Some(Duration::from_secs(3600)));
        assert_eq!(chosen.time(), Duration::from_secs(3600));
        assert!(chosen.counts(false) && chosen.counts(true));
        assert!(chosen.reason().contains("3600 s (--install-timeout)"));
    }
}
