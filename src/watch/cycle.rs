//! The loop as a state machine: events in, actions out. It starts nothing and reads no clock.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::report::{Checks, Cycle, Outcome, VmChange};

/// Builds in a row without a new image, each after changes during the build before it, after which
/// these changes count as the build's own.
const FRUITLESS: u32 = 3;
/// The same, if each time other files have changed. A build may name its temporary files at random.
const PATIENCE: u32 = 6;

/// Why a build starts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cause {
    /// The first changed file as the user knows it, or another reason.
    pub label: String,
    /// The changed files.
    pub paths: BTreeSet<PathBuf>,
}

impl Cause {
    /// A reason that is not a file.
    pub fn other(label: &str) -> Self {
        Self {
            label: label.to_owned(),
            paths: BTreeSet::new(),
        }
    }

    pub fn merge(&mut self, other: Self) {
        self.paths.extend(other.paths);
    }
}

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// Files changed, or the user asks for a build.
    Changed(Cause),
    /// The user asks for the checks once more.
    Test,
    /// The user asks for a new VM.
    Fresh,
    Built(Result<Built, String>),
    Brought(Brought),
    Checked(Checked),
    /// The VM has powered off, or was removed.
    VmEnded,
}

/// A build that succeeded.
#[derive(Debug, Clone, PartialEq)]
pub struct Built {
    pub image: String,
    pub seconds: f64,
}

/// The end of the way to an image.
#[derive(Debug, Clone, PartialEq)]
pub struct Brought {
    /// The image that the VM runs now, or none without a VM.
    pub running: Option<String>,
    pub change: Result<VmChange, String>,
}

/// The end of the checks.
#[derive(Debug, Clone, PartialEq)]
pub enum Checked {
    Done(Checks),
    /// They were ended early.
    Cancelled,
    /// They could not run.
    Failed(String),
}

/// What to do. Each [`Action::Build`], [`Action::Bring`] and [`Action::Check`] leads to one event,
/// and never two of them are under way.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    Build,
    Bring {
        image: String,
        fresh: bool,
    },
    Check,
    /// End the checks that run.
    CancelChecks,
    Report(Box<Cycle>),
    /// The build writes these files itself.
    OwnWrites(BTreeSet<PathBuf>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Idle,
    Building,
    Bringing,
    Checking,
}

/// The loop.
#[derive(Debug)]
pub struct Machine {
    state: State,
    has_checks: bool,
    cycle: Cycle,
    number: u64,
    /// Changes since the current build began.
    pending: Option<Cause>,
    wants_fresh: bool,
    wants_test: bool,
    /// The image of the last good build.
    built: Option<String>,
    /// The image that the VM runs.
    running: Option<String>,
    /// The image whose checks have come to their end.
    checked: Option<String>,
    fruitless: u32,
    /// Builds in a row whose image the VM didn't get, because of changes during the build.
    superseded: u32,
    suspects: BTreeSet<PathBuf>,
    own: BTreeSet<PathBuf>,
}

impl Machine {
    pub fn new(has_checks: bool) -> Self {
        Self {
            state: State::Idle,
            has_checks,
            cycle: Cycle::default(),
            number: 0,
            pending: None,
            wants_fresh: false,
            wants_test: false,
            built: None,
            running: None,
            checked: None,
            fruitless: 0,
            superseded: 0,
            suspects: BTreeSet::new(),
            own: BTreeSet::new(),
        }
    }

    pub fn state(&self) -> State {
        self.state
    }

    /// Returns true if [`Event::Test`] leads to checks.
    pub fn can_test(&self) -> bool {
        self.state != State::Idle || self.running.is_some()
    }

    /// Returns true if [`Event::Fresh`] leads to a new VM.
    pub fn can_renew(&self) -> bool {
        self.state != State::Idle || self.built.is_some()
    }

    /// Returns the current cycle, or the last one.
    pub fn cycle(&self) -> &Cycle {
        &self.cycle
    }

    /// Returns the actions that an event leads to.
    pub fn handle(&mut self, event: Event) -> Vec<Action> {
        let mut actions = vec![];
        match (self.state, event) {
            (_, Event::Changed(cause)) => self.changed(cause, &mut actions),
            (_, Event::VmEnded) => self.running = None,
            (State::Idle, Event::Test) => {
                self.begin_cycle(Cause::other("key t"));
                self.wants_test = true;
                self.go_on(&mut actions);
            }
            (State::Idle, Event::Fresh) => {
                self.begin_cycle(Cause::other("key f"));
                self.wants_fresh = true;
                self.go_on(&mut actions);
            }
            (_, Event::Test) => self.wants_test = true,
            (_, Event::Fresh) => {
                self.wants_fresh = true;
                self.cancel_checks(&mut actions);
            }
            (State::Building, Event::Built(result)) => self.built(result, &mut actions),
            (State::Bringing, Event::Brought(brought)) => self.brought(brought, &mut actions),
            (State::Checking, Event::Checked(checked)) => self.checked(checked, &mut actions),
            // Nothing of the kind is under way.
            (_, Event::Built(_) | Event::Brought(_) | Event::Checked(_)) => {}
        }
        actions
    }

    fn begin_cycle(&mut self, cause: Cause) {
        self.number += 1;
        self.cycle = Cycle {
            number: self.number,
            changed: cause.paths.len(),
            cause: cause.label,
            ..Cycle::default()
        };
    }

    fn changed(&mut self, mut cause: Cause, actions: &mut Vec<Action>) {
        if self.state == State::Building && !cause.paths.is_empty() {
            cause.paths.retain(|path| !self.own.contains(path));
            if cause.paths.is_empty() {
                return;
            }
        }
        if self.state == State::Idle {
            self.fruitless = 0;
            self.build(cause, actions);
            return;
        }
        match &mut self.pending {
            Some(pending) => pending.merge(cause),
            None => self.pending = Some(cause),
        }
        self.cancel_checks(actions);
    }

    fn cancel_checks(&self, actions: &mut Vec<Action>) {
        if self.state == State::Checking {
            actions.push(Action::CancelChecks);
        }
    }

    fn build(&mut self, cause: Cause, actions: &mut Vec<Action>) {
        self.begin_cycle(cause);
        self.state = State::Building;
        actions.push(Action::Build);
    }

    fn built(&mut self, result: Result<Built, String>, actions: &mut Vec<Action>) {
        let built = match result {
            Ok(built) => built,
            Err(error) => {
                self.cycle.error = Some(error);
                self.look_for_own_writes(false, actions);
                self.report(Outcome::BuildFailed, actions);
                self.go_on(actions);
                return;
            }
        };
        let is_new = self.built.as_ref() != Some(&built.image);
        self.cycle.build_seconds = Some(built.seconds);
        self.cycle.image = Some(built.image.clone());
        self.built = Some(built.image.clone());
        self.look_for_own_writes(is_new, actions);
        if self.pending.is_some() && self.superseded < PATIENCE {
            self.superseded += 1;
            self.report(Outcome::Superseded, actions);
            self.go_on(actions);
            return;
        }
        self.superseded = 0;
        if self.wants_fresh || self.running.as_ref() != Some(&built.image) {
            self.bring(built.image, actions);
        } else if self.has_checks
            && (self.wants_test || self.checked.as_ref() != Some(&built.image))
        {
            self.check(actions);
        } else {
            self.report(Outcome::Unchanged, actions);
            self.go_on(actions);
        }
    }

    /// A build that writes to its context would set itself off without an end.
    fn look_for_own_writes(&mut self, is_new: bool, actions: &mut Vec<Action>) {
        let Some(pending) = self.pending.as_ref().filter(|_| !is_new) else {
            self.fruitless = 0;
            return;
        };
        match self.fruitless {
            0 => self.suspects = pending.paths.clone(),
            _ => self.suspects.retain(|path| pending.paths.contains(path)),
        }
        self.fruitless += 1;
        let limit = match self.suspects.is_empty() {
            true => PATIENCE,
            false => FRUITLESS,
        };
        if self.fruitless < limit {
            return;
        }
        self.fruitless = 0;
        let mut suspects = std::mem::take(&mut self.suspects);
        if suspects.is_empty() {
            suspects.clone_from(&pending.paths);
        }
        self.own.extend(suspects.iter().cloned());
        if let Some(pending) = &mut self.pending {
            pending.paths.retain(|path| !suspects.contains(path));
            if pending.paths.is_empty() {
                self.pending = None;
            }
        }
        actions.push(Action::OwnWrites(suspects));
    }

    fn bring(&mut self, image: String, actions: &mut Vec<Action>) {
        let fresh = std::mem::take(&mut self.wants_fresh);
        self.state = State::Bringing;
        actions.push(Action::Bring { image, fresh });
    }

    fn brought(&mut self, brought: Brought, actions: &mut Vec<Action>) {
        self.running = brought.running;
        self.checked = None;
        match brought.change {
            Err(error) => {
                self.cycle.error = Some(error);
                self.report(Outcome::VmFailed, actions);
                self.go_on(actions);
            }
            Ok(change) => {
                self.cycle.vm = Some(change);
                if self.has_checks && self.pending.is_none() && !self.wants_fresh {
                    self.check(actions);
                } else {
                    let skipped = self.has_checks;
                    self.report(
                        if skipped {
                            Outcome::Superseded
                        } else {
                            Outcome::Ready
                        },
                        actions,
                    );
                    self.go_on(actions);
                }
            }
        }
    }

    fn check(&mut self, actions: &mut Vec<Action>) {
        self.wants_test = false;
        self.state = State::Checking;
        actions.push(Action::Check);
    }

    fn checked(&mut self, checked: Checked, actions: &mut Vec<Action>) {
        let outcome = match checked {
            Checked::Done(checks) => {
                self.checked = self.running.clone();
                let passed = checks.failed == 0;
                self.cycle.checks = Some(checks);
                match passed {
                    true => Outcome::Passed,
                    false => Outcome::Failed,
                }
            }
            Checked::Cancelled => Outcome::Superseded,
            Checked::Failed(error) => {
                self.cycle.error = Some(error);
                Outcome::VmFailed
            }
        };
        self.report(outcome, actions);
        self.go_on(actions);
    }

    fn report(&mut self, outcome: Outcome, actions: &mut Vec<Action>) {
        self.cycle.outcome = outcome;
        self.state = State::Idle;
        actions.push(Action::Report(Box::new(self.cycle.clone())));
    }

    /// Begins the work that waits, or becomes idle.
    fn go_on(&mut self, actions: &mut Vec<Action>) {
        self.state = State::Idle;
        if let Some(cause) = self.pending.take() {
            self.build(cause, actions);
        } else if let Some(image) = self.built.clone().filter(|_| self.wants_fresh) {
            self.ensure_cycle("key f", actions);
            self.bring(image, actions);
        } else if self.wants_test && self.running.is_some() && self.has_checks {
            self.ensure_cycle("key t", actions);
            self.check(actions);
        }
        if self.state == State::Idle {
            (self.wants_fresh, self.wants_test) = (false, false);
        }
    }

    /// Begins a cycle unless one has begun that is not reported yet.
    fn ensure_cycle(&mut self, label: &str, actions: &[Action]) {
        if matches!(actions.last(), Some(Action::Report(_))) {
            self.begin_cycle(Cause::other(label));
        }
    }
}

#[cfg(test)]
#[path = "cycle_tests.rs"]
mod tests;
