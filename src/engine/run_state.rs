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
    /// Tell that the guest won't come up, for this reason.
    TellHopeless(String),
}

/// The state of one run.
#[derive(Default)]
pub struct RunState {
    phase: Phase,
    /// The guest is up since its last start. What its programs print means nothing then.
    up_since_reset: bool,
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
    saved: bool,
    hung_up: bool,
    quit_sent: bool,
    /// The guest's panic device reported a panic. The kernel's message may follow on the console.
    panic_reported: bool,
    stalled: bool,
    /// The end that the guest announced on its console.
    fatal: Option<Ended>,
    fault: Option<Fault>,
}

impl RunState {
    /// Without reports about its end, every regular end of the hypervisor is the guest's own.
    pub fn new(reports_end: bool, silence_limit: Option<Instant>) -> Self {
        Self {
            ended_by_guest: !reports_end,
            silence_limit,
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
            Report::Reset => self.on_reset(),
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
        if self.panic_reported || message.is_some() && !self.up_since_reset {
            self.fatal.get_or_insert_with(|| panic(message));
            self.end_within(LAST_WORDS);
        }
        self.up_since_reset = false;
        self.prompt = None;
    }

    /// A hypervisor that reports its end, and then closes its reports without one, has hung up.
    pub fn on_reports_closed(&mut self, reports_end: bool) {
        self.reports_closed = true;
        if reports_end {
            self.hung_up = true;
            self.end_within(HANG_UP_TIME);
        }
    }

    /// `may_stall` tells whether QEMU can be at fault when a CPU stalls.
    pub fn on_console(&mut self, bytes: &[u8], may_stall: bool) -> Action {
        self.silence_limit = None;
        self.prompt = None;
        let seen = self.console.read(bytes);
        if let Some(Seen::End(fatal)) = &seen {
            self.fatal = Some(fatal.clone());
            self.end_within(LAST_WORDS);
        }
        // Before its programs run, the guest has no data to lose.
        if self.console.timer_lost && may_stall && self.phase < Phase::ProgramsSeen {
            self.stalled = true;
            return Action::Kill;
        }
        match seen {
            Some(Seen::Hopeless(reason)) if !self.up_since_reset => Action::TellHopeless(reason),
            Some(Seen::Prompt(reason)) if !self.up_since_reset => {
                self.prompt = Some((Instant::now() + QUIET, reason));
                Action::Nothing
            }
            _ => Action::Nothing,
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
        self.up_since_reset |= phase == Phase::Up;
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

    /// The hypervisor must end within this time, or by an earlier deadline. The time that it has to
    /// quit stays as it is.
    fn end_within(&mut self, time: Duration) {
        let end = Instant::now() + time;
        self.deadline = match self.deadline {
            Some(deadline) if self.quit_sent || deadline < end => Some(deadline),
            _ => Some(end),
        };
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
            if self.stalled {
                return Outcome::Stalled;
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
mod tests {
    use super::*;

    type Step = fn(&mut RunState);

    const PANIC: &[u8] = b"[ 1.0] Kernel panic - not syncing: x\n";
    const PANIC_END: &[u8] = b"[ 1.1] ---[ end Kernel panic - not syncing: x ]---\n";
    const LOST: &[u8] =
        b"[ 25.0] rcu: rcu_sched kthread timer wakeup didn't happen for 5 jiffies!\n";
    const POWER_BUTTON: Step = |state| state.end_ordered = true;
    const QUIT: Step = |state| _ = state.on_quit_order();
    const HANG_UP: Step = |state| state.on_reports_closed(true);
    const OVERDUE: Step = |state| _ = state.on_deadline();
    const CHANNEL: Step = |state| _ = state.reach(Phase::ProgramsSeen);
    const UP: Step = |state| _ = state.reach(Phase::Up);
    const ACCELERATOR: Step = |state| _ = state.on_accelerator_failure("accelerator".into());
    const STALL: Step = |state| _ = state.on_console(LOST, true);
    const LATE_STALL: Step = |state| _ = state.on_console(LOST, false);
    const SHUTDOWN: Step = |state| state.on_report(&Report::Shutdown { by_guest: true });
    const RESET: Step = |state| state.on_report(&Report::Reset);
    const PANIC_REPORT: Step = |state| state.on_report(&Report::GuestPanicked);
    const PANIC_MESSAGE: Step = |state| _ = state.on_console(PANIC, true);
    const REBOOTING: Step =
        |state| _ = state.on_console(b"[ 1.2] Rebooting in 3 seconds..\n", true);
    const WHOLE_PANIC: Step = |state| state.on_last_console(&[PANIC, PANIC_END].concat());
    const BOOT_FAILURE: Step =
        |state| _ = state.on_console(b"podman-bootc: direct boot failed: z\n", true);

    fn after(steps: &[Step]) -> RunState {
        let mut state = RunState::default();
        steps.iter().for_each(|step| step(&mut state));
        state
    }

    #[test]
    fn the_steps_of_a_run_decide_its_outcome() {
        let failed = |reason: &str| Ended::Failed(reason.into());
        let panicked = |reason: &str| Ended::Panic(reason.into());
        for (steps, on_trial, ended) in [
            (&[SHUTDOWN][..], true, Ended::ByGuest),
            (
                &[],
                true,
                failed("another process told the hypervisor to quit"),
            ),
            (&[POWER_BUTTON, SHUTDOWN], true, Ended::ByOrder),
            (&[ACCELERATOR], false, failed("accelerator")),
            (&[UP, CHANNEL, ACCELERATOR], true, failed("accelerator")),
            (&[ACCELERATOR, QUIT], true, failed("accelerator")),
            (
                &[HANG_UP, OVERDUE],
                true,
                failed("the hypervisor closed its control connection"),
            ),
            (&[QUIT, HANG_UP, OVERDUE], true, Ended::ByOrder),
            (&[STALL, QUIT], false, Ended::ByOrder),
            (&[LATE_STALL, SHUTDOWN], false, Ended::ByGuest),
            (&[CHANNEL, STALL, SHUTDOWN], false, Ended::ByGuest),
            (
                &[PANIC_REPORT],
                true,
                panicked("the guest's kernel panicked"),
            ),
            (&[PANIC_REPORT, PANIC_MESSAGE], true, panicked("x")),
            (
                &[UP, PANIC_REPORT, PANIC_MESSAGE, RESET, QUIT],
                true,
                panicked("x"),
            ),
            (&[PANIC_MESSAGE, RESET, QUIT], true, panicked("x")),
            (&[REBOOTING, QUIT], true, Ended::ByOrder),
            (&[PANIC_MESSAGE, REBOOTING, QUIT], true, panicked("x")),
            (
                &[UP, PANIC_MESSAGE, RESET, PANIC_REPORT],
                true,
                panicked("the guest's kernel panicked"),
            ),
            (&[UP, RESET, SHUTDOWN], true, Ended::ByGuest),
            (&[BOOT_FAILURE, WHOLE_PANIC, QUIT], true, failed("z")),
        ] {
            let outcome = after(steps).outcome(Ok(()), on_trial, || panic!("it exited regularly"));
            assert_eq!(outcome, Outcome::Ended(ended));
        }
    }

    #[test]
    fn a_failure_before_the_guest_is_up_calls_for_another_attempt() {
        let failure = || Failure {
            name: "QEMU",
            status: Default::default(),
            message: "y".into(),
        };
        let failed = Outcome::Ended(Ended::Failed(failure().to_string()));
        let fallback = |reason: &str| Outcome::AcceleratorFailed(reason.into());
        let outcome =
            |steps: &[Step], blamed| after(steps).outcome(Err(failure()), true, || blamed);
        assert_eq!(outcome(&[STALL], false), Outcome::Stalled);
        assert_eq!(
            outcome(&[CHANNEL, ACCELERATOR, HANG_UP, OVERDUE], false),
            fallback("accelerator")
        );
        assert_eq!(outcome(&[], true), fallback(&failure().to_string()));
        assert_eq!(
            outcome(&[], false),
            failed,
            "only its own words blame the accelerator"
        );
        assert_eq!(outcome(&[UP], true), failed);
        let panicked = Outcome::Ended(Ended::Panic("x".into()));
        assert_eq!(
            outcome(&[WHOLE_PANIC], true),
            panicked,
            "a guest that panicked has run"
        );
    }

    #[test]
    fn an_overdue_hypervisor_must_quit_and_is_killed_if_it_does_not() {
        for steps in [&[HANG_UP][..], &[PANIC_REPORT], &[BOOT_FAILURE]] {
            let mut state = after(steps);
            assert!(state.deadline.is_some());
            assert_eq!(state.on_deadline(), Action::Quit);
            assert_eq!(state.on_quit_order(), Action::Nothing);
            assert_eq!(
                [state.on_deadline(), state.on_deadline()],
                [Action::Kill, Action::Kill]
            );
        }
    }

    #[test]
    fn the_end_of_its_message_ends_the_wait_for_a_panic() {
        let mut state = after(&[PANIC_REPORT, PANIC_MESSAGE]);
        let first = state.deadline.unwrap();
        _ = state.on_console(PANIC_END, true);
        assert!(state.deadline.unwrap() < first);
        let quit_time = first + PANIC_MESSAGE_TIME;
        assert_eq!(state.on_deadline(), Action::Quit);
        state.deadline = Some(quit_time);
        state.on_report(&Report::GuestPanicked);
        assert_eq!(state.deadline, Some(quit_time), "it has its time to quit");
    }

    #[test]
    fn a_guest_is_hopeless_only_before_it_is_up() {
        const WORDS: &[u8] = b"Entering emergency mode. Exit the shell to continue.\n";
        let is_told = |state: &mut RunState, words| {
            matches!(state.on_console(words, true), Action::TellHopeless(_))
        };
        let mut state = after(&[CHANNEL]);
        assert!(is_told(&mut state, WORDS));
        state.reach(Phase::Up);
        assert!(!is_told(&mut state, WORDS));
        state.on_report(&Report::Reset);
        assert!(is_told(&mut state, WORDS));
    }

    #[test]
    fn a_prompt_waits_for_what_follows() {
        let mut state = RunState::default();
        assert_eq!(state.on_console(b"\x1b[33mShell> ", true), Action::Nothing);
        assert!(state.prompt.is_some());
        state.on_console(b"fs0:", true);
        assert!(state.prompt.is_none(), "a script goes on");
        state.on_console(b"\r\nShell> ", true);
        assert!(matches!(state.on_quiet(), Action::TellHopeless(_)));
        assert_eq!(state.on_quiet(), Action::Nothing);
    }

    #[test]
    fn a_guest_that_is_up_may_be_silent() {
        for phase in [Phase::ProgramsSeen, Phase::Up] {
            let mut state = RunState::new(true, Some(Instant::now()));
            state.reach(phase);
            assert!(state.silence_limit.is_none());
        }
    }

    #[test]
    fn the_first_output_ends_the_silence_and_the_first_program_is_new_once() {
        let mut state = RunState {
            silence_limit: Some(Instant::now()),
            ..RunState::default()
        };
        assert_eq!(state.on_console(LOST, true), Action::Kill);
        assert!(state.silence_limit.is_none() && state.deadline.is_none());
        assert!(state.reach(Phase::Up) && !state.reach(Phase::ProgramsSeen));
        assert_eq!(
            state.on_console(b"x", true),
            Action::Nothing,
            "a guest that runs is left alone"
        );
    }
}
