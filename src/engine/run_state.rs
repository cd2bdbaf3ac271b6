//! The state of one run, and what the engine decides from it. Nothing here has an effect outside.

use std::time::Duration;

use tokio::time::Instant;

use super::console_watch::{ConsoleWatch, Seen};
use super::outcome::{Ended, NotWarm, Outcome};
use crate::host::process;
use crate::hypervisor::process::{Failure, HANG_UP_TIME};
use crate::hypervisor::report::Report;

/// After the first sign of a fatal error the guest gets this long for the rest of its message.
pub const LAST_WORDS: Duration = Duration::from_millis(500);

/// After the panic device's report, the guest gets this long for its message. The device can report
/// first, and an emulated CPU is slow.
const PANIC_MESSAGE_TIME: Duration = Duration::from_secs(5);

/// How the emulation failed when the guest's kernel reports it.
const STALLED: &str = "an emulated CPU stalled";

/// A kernel whose programs don't run yet, and that prints nothing for this long, may stand still.
/// Then several looks follow. If the kernel works, some CPU runs at one of them.
const STILL: Duration = Duration::from_secs(20);
const LOOKS: u32 = 8;
const TIME_BETWEEN_LOOKS: Duration = Duration::from_millis(500);

/// A prompt that nothing follows for this long waits for a person.
const QUIET: Duration = Duration::from_secs(2);

/// How far the guest is.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    #[default]
    Booting,
    /// One of the guest's own programs wrote to a channel.
    ProgramsSeen,
    Up,
}

/// The part that failed, and how.
enum Fault {
    Accelerator(String),
    Hypervisor(String),
}

/// What the hypervisor needs next.
#[derive(Debug, PartialEq)]
pub enum Action {
    Nothing,
    Quit,
    Kill,
    /// Reset the machine, for this reason.
    Reset(String),
    /// Tell that the guest won't come up, for this reason.
    TellHopeless(String),
}

/// The state of one run.
#[derive(Default)]
pub struct RunState {
    phase: Phase,
    /// How far the guest is since its last reset. What its programs print means nothing when it is
    /// up.
    phase_since_reset: Phase,
    /// The guest has been reset since the start.
    was_reset: bool,
    /// [`Action::Reset`] came since the guest was up.
    was_reset_for_stall: bool,
    /// Several CPUs are emulated at once, which may fail.
    emulates: bool,
    /// The time to look whether all CPUs are halted.
    pub look_at: Option<Instant>,
    /// The looks since the guest's last output. All CPUs were halted each time.
    looks: u32,
    console: ConsoleWatch,
    /// The time at which a prompt has waited for long enough, and what it means.
    pub prompt: Option<(Instant, String)>,
    /// The time limit for the guest's first output, until that comes.
    pub silence_limit: Option<Instant>,
    /// The time limit for the hypervisor's next step towards its end.
    pub deadline: Option<Instant>,
    pub end_ordered: bool,
    pub ended_by_guest: bool,
    pub reports_closed: bool,
    pub not_warm: Option<NotWarm>,
    pub saved: bool,
    hung_up: bool,
    quit_sent: bool,
    /// The guest's panic device reported a panic. The kernel's message may follow on the console.
    panic_reported: bool,
    /// How the emulation failed before the guest's programs ran.
    emulation_failure: Option<String>,
    /// The end that the guest announced on its console.
    fatal: Option<Ended>,
    fault: Option<Fault>,
}

impl RunState {
    /// Without reports about its end, every regular end of the hypervisor is the guest's own.
    /// `emulates` says that several CPUs are emulated at once.
    pub fn new(reports_end: bool, silence_limit: Option<Instant>, emulates: bool) -> Self {
        Self {
            ended_by_guest: !reports_end,
            silence_limit,
            emulates,
            ..Self::default()
        }
    }

    pub fn on_report(&mut self, report: &Report) {
        match report {
            Report::Stop
            | Report::NoSpace
            | Report::Moved
            | Report::MoveFailed
            | Report::Unplugged(_) => {}
            Report::Reset { .. } => self.on_reset(),
            Report::Shutdown { by_guest } => self.ended_by_guest = *by_guest,
            Report::GuestPanicked => {
                self.panic_reported = true;
                self.end_within(PANIC_MESSAGE_TIME);
            }
        }
    }

    fn on_reset(&mut self) {
        // Half a message of the previous boot has no end. With `panic=-1` a panic has none.
        let message = std::mem::take(&mut self.console).panic;
        if self.panic_reported || message.is_some() && self.phase_since_reset < Phase::Up {
            self.fatal.get_or_insert_with(|| panic(message));
            self.end_within(LAST_WORDS);
        }
        self.phase_since_reset = Phase::Booting;
        self.was_reset = true;
        self.prompt = None;
        self.look_at = None;
    }

    /// A hypervisor that reports its end, and then closes its reports without one, has hung up.
    pub fn on_reports_closed(&mut self, reports_end: bool) {
        self.reports_closed = true;
        if reports_end {
            self.hung_up = true;
            self.end_within(HANG_UP_TIME);
        }
    }

    /// `may_fail` tells whether the emulation can be at fault when a CPU stalls.
    pub fn on_console(&mut self, bytes: &[u8], may_fail: bool) -> Action {
        self.silence_limit = None;
        self.prompt = None;
        let seen = self.console.read(bytes);
        self.look_later();
        if let Some(Seen::End(fatal)) = &seen {
            self.fatal = Some(fatal.clone());
            self.end_within(LAST_WORDS);
        }
        // Before its programs run, the guest has no data to lose.
        let stalls = std::mem::take(&mut self.console.timer_lost) && may_fail;
        if stalls && self.phase_since_reset < Phase::ProgramsSeen {
            return self.on_stall();
        }
        match seen {
            Some(Seen::Hopeless(reason)) if self.phase_since_reset < Phase::Up => {
                Action::TellHopeless(reason)
            }
            Some(Seen::Prompt(reason)) if self.phase_since_reset < Phase::Up => {
                self.prompt = Some((Instant::now() + QUIET, reason));
                Action::Nothing
            }
            _ => Action::Nothing,
        }
    }

    /// The time for a look begins anew, if there is one.
    fn look_later(&mut self) {
        let may_stand_still = self.emulates
            && !self.end_ordered
            && !self.was_reset_for_stall
            && self.phase_since_reset < Phase::ProgramsSeen
            && self.console.is_kernel_alone();
        self.look_at = may_stand_still.then(|| Instant::now() + STILL);
        self.looks = 0;
    }

    /// Decides about a silent kernel after a look at its CPUs.
    pub fn on_look(&mut self, all_are_halted: bool) -> Action {
        if !all_are_halted || self.end_ordered {
            self.look_later();
            return Action::Nothing;
        }
        self.looks += 1;
        if self.looks < LOOKS {
            self.look_at = Some(Instant::now() + TIME_BETWEEN_LOOKS);
            return Action::Nothing;
        }
        self.look_at = None;
        self.was_reset_for_stall = true;
        Action::Reset(STALLED.into())
    }

    fn on_stall(&mut self) -> Action {
        if !self.was_reset {
            self.emulation_failure = Some(STALLED.into());
            return Action::Kill;
        }
        match std::mem::replace(&mut self.was_reset_for_stall, true) {
            // A panic that has begun ends the machine.
            _ if self.end_ordered || self.console.panic.is_some() => Action::Nothing,
            false => Action::Reset(STALLED.into()),
            true => Action::TellHopeless(format!("{STALLED}, twice")),
        }
    }

    /// Decides about a prompt that nothing has followed.
    pub fn on_quiet(&mut self) -> Action {
        let prompt = self.prompt.take();
        prompt.map_or(Action::Nothing, |(_, reason)| Action::TellHopeless(reason))
    }

    /// Console output from before the hypervisor's exit, read after it.
    pub fn on_last_console(&mut self, bytes: &[u8]) {
        if let Some(Seen::End(fatal)) = self.console.read(bytes) {
            self.fatal.get_or_insert(fatal);
        }
    }

    /// Returns whether this phase is the first with programs of the guest.
    pub fn reach(&mut self, phase: Phase) -> bool {
        // A guest that is up need not write to its console.
        self.silence_limit = None;
        let before = self.phase;
        self.phase = phase.max(before);
        self.phase_since_reset = phase.max(self.phase_since_reset);
        self.look_at = self.look_at.filter(|_| phase == Phase::Booting);
        self.was_reset_for_stall &= phase < Phase::Up;
        before < Phase::ProgramsSeen
    }

    pub fn on_accelerator_failure(&mut self, reason: String) -> Action {
        self.fault = Some(Fault::Accelerator(reason));
        Action::Kill
    }

    /// The machine is saved, and another process resumes it.
    pub fn on_saved(&mut self) -> Action {
        self.saved = true;
        self.quit()
    }

    pub fn on_quit_order(&mut self) -> Action {
        self.end_ordered = true;
        if self.quit_sent {
            Action::Nothing
        } else {
            self.quit()
        }
    }

    /// Decides about a hypervisor that is overdue: it must quit, and is killed if it doesn't.
    pub fn on_deadline(&mut self) -> Action {
        if self.quit_sent {
            return Action::Kill;
        }
        if self.hung_up {
            let reason =
                || Fault::Hypervisor("the hypervisor closed its control connection".into());
            self.fault.get_or_insert_with(reason);
        }
        self.quit()
    }

    fn quit(&mut self) -> Action {
        self.quit_sent = true;
        Action::Quit
    }

    /// The hypervisor must end within this time, or by an earlier deadline. One that was told to quit
    /// keeps its deadline.
    fn end_within(&mut self, time: Duration) {
        let end = Instant::now() + time;
        self.deadline = match self.deadline {
            Some(deadline) if self.quit_sent || deadline < end => Some(deadline),
            _ => Some(end),
        };
    }

    /// A hypervisor exited. `may_fail` tells whether the emulation can be at fault when it crashed.
    pub fn on_exit(&mut self, exit: &Result<(), Failure>, may_fail: bool) {
        if let Err(failure) = exit
            && may_fail
            && self.phase_since_reset < Phase::ProgramsSeen
            && process::has_crashed(failure.status)
        {
            self.emulation_failure
                .get_or_insert_with(|| failure.to_string());
        }
    }

    /// Returns the outcome of a run whose hypervisor exited so. `on_trial` tells whether the
    /// accelerator can still be at fault, `is_blamed` whether the hypervisor's last messages are
    /// about it.
    pub fn outcome(
        self,
        exit: Result<(), Failure>,
        on_trial: bool,
        is_blamed: impl FnOnce() -> bool,
    ) -> Outcome {
        if !self.end_ordered {
            if let Some(reason) = self.emulation_failure {
                let had_programs = self.phase >= Phase::ProgramsSeen;
                return Outcome::EmulationFailed {
                    reason,
                    had_programs,
                };
            }
            if let Some(not_warm) = self.not_warm {
                return Outcome::NotWarm(not_warm);
            }
            if self.saved && exit.is_ok() {
                return Outcome::Saved;
            }
        }
        let on_trial = on_trial && self.phase < Phase::Up && !self.end_ordered;
        let message = self.console.panic;
        let fatal = self
            .fatal
            .or_else(|| self.panic_reported.then(|| panic(message)));
        Outcome::Ended(match (self.fault, fatal, exit) {
            (Some(Fault::Accelerator(reason)), ..) if on_trial => {
                return Outcome::AcceleratorFailed(reason);
            }
            (Some(Fault::Accelerator(reason) | Fault::Hypervisor(reason)), ..) => {
                Ended::Failed(reason)
            }
            (None, Some(fatal), _) => fatal,
            _ if self.end_ordered => Ended::ByOrder,
            (.., Ok(())) if self.ended_by_guest => Ended::ByGuest,
            (.., Ok(())) => Ended::Failed("another process told the hypervisor to quit".into()),
            (.., Err(failure))
                if on_trial && !process::was_killed(failure.status) && is_blamed() =>
            {
                return Outcome::AcceleratorFailed(failure.to_string());
            }
            (.., Err(failure)) => Ended::Failed(failure.to_string()),
        })
    }
}

/// A panic with the kernel's message, as far as the console has it.
fn panic(message: Option<String>) -> Ended {
    Ended::Panic(message.unwrap_or_else(|| "the guest's kernel panicked".into()))
}

#[cfg(test)]
mod tests;
