//! What is known of one try to run a machine with one accelerator, and what came of it.

use std::time::Duration;

use tokio::time::Instant;

use crate::host::process;
use crate::hypervisor::process::Failure;

/// How a machine ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// The guest powered itself off.
    ByGuest,
    /// It was told to.
    ByOrder,
    /// The guest's kernel panicked; with its words.
    Panic(String),
    /// The hypervisor failed or was killed.
    Failed(String),
}

/// One try's end.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The machine's.
    Ended(Ended),
    /// The accelerator failed, as the text says, before the guest was up.
    AcceleratorFailed(String),
    /// An emulated processor got stuck before any of the guest's own programs ran.
    Stuck,
}

/// What is known of one try so far.
#[derive(Default)]
pub struct State {
    pub is_up: bool,
    /// Something was heard of the guest.
    pub lives: bool,
    pub has_run: bool,
    /// Its own programs were heard of.
    pub has_programs: bool,
    pub ordered: bool,
    pub by_guest: bool,
    pub quitting: bool,
    /// The hypervisor tells nothing of itself any more.
    pub reports_over: bool,
    /// It should have.
    pub hung_up: bool,
    /// The guest's panic device said so; what the kernel says may still be on its way.
    pub panicked: bool,
    /// The end that the guest itself announced.
    pub doom: Option<Ended>,
    pub accelerator_failure: Option<String>,
    /// A processor doesn't wake up any more.
    pub stuck: bool,
    pub failure: Option<String>,
    pub deadline: Option<Instant>,
}

impl State {
    /// It has to end within this, or within what was said before.
    pub fn end_within(&mut self, time: Duration) {
        self.deadline.get_or_insert(Instant::now() + time);
    }

    /// What came of it, now that the hypervisor has ended so. `on_trial` says that the accelerator is one that may
    /// fail, and may still do so; `is_blamed` that the hypervisor's last words were about it.
    pub fn outcome(
        &self,
        ended: Result<(), Failure>,
        on_trial: bool,
        is_blamed: impl FnOnce() -> bool,
    ) -> Outcome {
        if self.stuck && !self.ordered {
            return Outcome::Stuck;
        }
        let on_trial = on_trial && !self.is_up && !self.ordered;
        match (&self.accelerator_failure, &self.failure) {
            (Some(failure), _) if on_trial => return Outcome::AcceleratorFailed(failure.clone()),
            (Some(failure), _) | (None, Some(failure)) => {
                return Outcome::Ended(Ended::Failed(failure.clone()));
            }
            (None, None) => {}
        }
        if let Some(doom) = &self.doom {
            return Outcome::Ended(doom.clone());
        }
        match ended {
            _ if self.ordered => Outcome::Ended(Ended::ByOrder),
            Ok(()) if self.by_guest => Outcome::Ended(Ended::ByGuest),
            Ok(()) => Outcome::Ended(Ended::Failed("the hypervisor was told to end by someone else".into())),
            Err(failure) if on_trial && !process::was_killed(failure.status) && is_blamed() => {
                Outcome::AcceleratorFailed(failure.to_string())
            }
            Err(failure) => Outcome::Ended(Ended::Failed(failure.to_string())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_accelerator_fails_only_while_it_is_on_trial() {
        let internal = || State { accelerator_failure: Some("x".into()), ..State::default() };
        let failed = || Outcome::Ended(Ended::Failed("x".into()));
        let outcome = |state: State, on_trial| state.outcome(Ok(()), on_trial, || false);
        assert_eq!(outcome(internal(), true), Outcome::AcceleratorFailed("x".into()));
        assert_eq!(outcome(internal(), false), failed());
        assert_eq!(outcome(State { is_up: true, ..internal() }, true), failed());
        assert_eq!(outcome(State { ordered: true, ..internal() }, true), failed());
        let other = State { failure: Some("x".into()), ..State::default() };
        assert_eq!(outcome(other, true), failed(), "what is no fault of the accelerator's");
    }

    #[test]
    fn a_hypervisor_that_fails_is_the_accelerators_fault_by_its_own_words_only() {
        let failure = || Failure { name: "QEMU", status: Default::default(), message: "x".into() };
        let outcome = |blamed| State::default().outcome(Err(failure()), true, || blamed);
        assert_eq!(outcome(true), Outcome::AcceleratorFailed(failure().to_string()));
        assert_eq!(outcome(false), Outcome::Ended(Ended::Failed(failure().to_string())));
        let doomed = State { doom: Some(Ended::Panic("y".into())), ..State::default() };
        assert_eq!(
            doomed.outcome(Err(failure()), true, || true),
            Outcome::Ended(Ended::Panic("y".into())),
            "a guest that panicked ran"
        );
    }
}
