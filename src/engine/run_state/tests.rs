//! The steps of a run and their outcomes.

use super::*;

type Step = fn(&mut RunState);

const PANIC: &[u8] = b"[    1.000000] Kernel panic - not syncing: x\n";
const PANIC_END: &[u8] = b"[    1.100000] ---[ end Kernel panic - not syncing: x ]---\n";
const LOST: &[u8] =
    b"[   25.000000] rcu: rcu_sched kthread timer wakeup didn't happen for 5 jiffies!\n";
const POWER_BUTTON: Step = |state| state.end_ordered = true;
const QUIT: Step = |state| _ = state.on_quit_order();
const HANG_UP: Step = |state| state.on_reports_closed(true);
const OVERDUE: Step = |state| _ = state.on_deadline();
const ORDERED_LOOK: Step = |state| {
    state.end_ordered = true;
    _ = state.on_look(true);
};
const CHANNEL: Step = |state| _ = state.reach(Phase::ProgramsSeen);
const UP: Step = |state| _ = state.reach(Phase::Up);
const ACCELERATOR: Step = |state| _ = state.on_accelerator_failure("accelerator".into());
const STALL: Step = |state| _ = state.on_console(LOST, true);
const LATE_STALL: Step = |state| _ = state.on_console(LOST, false);
const SHUTDOWN: Step = |state| state.on_report(&Report::Shutdown { by_guest: true });
const RESET: Step = |state| state.on_report(&Report::Reset { by_guest: true });
const PANIC_REPORT: Step = |state| state.on_report(&Report::GuestPanicked);
const PANIC_MESSAGE: Step = |state| _ = state.on_console(PANIC, true);
const REBOOTING: Step =
    |state| _ = state.on_console(b"[    1.200000] Rebooting in 3 seconds..\n", true);
const WHOLE_PANIC: Step = |state| state.on_last_console(&[PANIC, PANIC_END].concat());
const NO_TIMER: Step = |state| {
    _ = state.on_console(
        b"[    0.000000] Kernel panic - not syncing: IO-APIC + timer doesn't work!  Boot with apic=debug\n",
        true,
    );
    state.on_last_console(PANIC_END);
};
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
    let outcome = |steps: &[Step], blamed| after(steps).outcome(Err(failure()), true, || blamed);
    let stalled = Outcome::EmulationFailed {
        reason: STALLED.into(),
        had_programs: false,
    };
    assert_eq!(outcome(&[STALL], false), stalled);
    assert_eq!(outcome(&[NO_TIMER], false), stalled);
    let panicked = outcome(&[RESET, NO_TIMER], false);
    assert!(matches!(panicked, Outcome::Ended(Ended::Panic(_))));
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

#[cfg(unix)]
#[test]
fn an_emulator_that_crashes_early_starts_once_more() {
    use std::os::unix::process::ExitStatusExt;
    const ABORT: i32 = 6;
    const KILL: i32 = 9;
    let restarts = |steps: &[Step], signal, may_fail| {
        let failure = Failure {
            name: "QEMU",
            status: std::process::ExitStatus::from_raw(signal),
            message: "assertion".into(),
        };
        let mut state = after(steps);
        let exit = Err(failure);
        state.on_exit(&exit, may_fail);
        let outcome = state.outcome(exit, false, || false);
        matches!(outcome, Outcome::EmulationFailed { reason, .. } if reason.contains("assertion"))
    };
    assert!(restarts(&[], ABORT, true));
    assert!(!restarts(&[], KILL, true), "somebody killed it");
    assert!(!restarts(&[], ABORT, false), "it isn't early");
    assert!(
        !restarts(&[CHANNEL], ABORT, true),
        "the guest may have written data"
    );
    assert!(restarts(&[UP, RESET], ABORT, true), "its next boot begins");
    assert!(!restarts(&[UP, RESET, CHANNEL], ABORT, true));
    assert!(!restarts(&[QUIT], ABORT, true), "it had to end");
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
    state.on_report(&Report::Reset { by_guest: true });
    assert!(is_told(&mut state, WORDS));
}

#[test]
fn a_cpu_that_stalls_after_a_reboot_costs_a_reset() {
    let mut state = after(&[UP, RESET]);
    let reset = Action::Reset(STALLED.into());
    assert_eq!(state.on_console(LOST, true), reset);
    assert_eq!(state.on_console(b"more\n", true), Action::Nothing);
    RESET(&mut state);
    let hopeless = Action::TellHopeless(format!("{STALLED}, twice"));
    assert_eq!(state.on_console(LOST, true), hopeless);
    UP(&mut state);
    RESET(&mut state);
    assert_eq!(
        state.on_console(LOST, false),
        Action::Nothing,
        "it isn't early"
    );
    RESET(&mut state);
    assert_eq!(state.on_console(LOST, true), reset);
    RESET(&mut state);
    CHANNEL(&mut state);
    assert_eq!(
        state.on_console(LOST, true),
        Action::Nothing,
        "the guest may have written data"
    );
}

#[test]
fn a_kernel_that_stands_still_is_reset_once() {
    const KERNEL: &[u8] = b"[    0.000000] Linux version 6.12\n[    1.700000] x\n";
    let reset = Action::Reset(STALLED.into());
    let mut state = RunState::new(true, None, true);
    state.on_console(KERNEL, true);
    assert!(state.look_at.is_some());
    let last = |state: &mut RunState| {
        (0..LOOKS)
            .map(|_| state.on_look(true))
            .reduce(|before, next| {
                assert_eq!(before, Action::Nothing);
                next
            })
    };
    for _ in 1..LOOKS {
        assert_eq!(state.on_look(true), Action::Nothing);
    }
    assert_eq!(state.on_look(false), Action::Nothing, "it works");
    assert_eq!(last(&mut state), Some(reset));
    assert!(state.look_at.is_none());
    RESET(&mut state);
    state.on_console(KERNEL, true);
    assert!(state.look_at.is_none(), "it may be the kernel's own fault");

    for step in [CHANNEL, UP, RESET, ORDERED_LOOK] {
        let mut state = RunState::new(true, None, true);
        state.on_console(KERNEL, true);
        step(&mut state);
        assert!(state.look_at.is_none());
    }
    let mut state = RunState::new(true, None, false);
    state.on_console(KERNEL, true);
    assert!(state.look_at.is_none(), "nothing is emulated");
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
        let mut state = RunState::new(true, Some(Instant::now()), false);
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
