//! The recipe of `test`: takes a VM through its phases, and judges each.

use std::time::{Duration, Instant};

use tokio::task::spawn_blocking;

use super::artifacts::{self, Artifacts};
use super::checks::{self, Case, Check, Environment, Outcome, run_all};
use super::report::{Phase, PhaseReport, Report};
use super::system::{self, Limits, Skip, labels};
use super::watched::{Watched, watched};
use crate::guest::ssh::session::{self, Session};
use crate::host::process::interrupt::Interrupted;
use crate::hypervisor::accelerator::Accelerator;
use crate::image::{Image, Podman};
use crate::text::{Progress, error_chain, seconds};
use crate::timeline::{self, Guest, Recorder};
use crate::upgrade::{self, After, ImageWish, NextBoot, Wish};
use crate::vm::boot::Wanted;
use crate::vm::ready::{self, Condition, READY_TIME, READY_TIME_EMULATED, Ready};
use crate::vm::reboot::{Extent, Reboot};
use crate::vm::store::instance::EndKind;
use crate::vm::supervisor::client::Client;
use crate::vm::{self, Store, Vm, lifecycle};

/// The default of the bound for slow units, and the same under emulation.
const SLOW: Duration = Duration::from_secs(60);
const SLOW_EMULATED: Duration = Duration::from_secs(5 * 60);

/// The user's wishes for a test.
#[derive(Debug, Clone)]
pub struct Plan {
    pub checks: Vec<Check>,
    /// The time limit for each check.
    pub check_limit: Duration,
    /// The time limit for each boot, until the system has settled. Without it, the accelerator
    /// decides.
    pub boot_limit: Option<Duration>,
    /// The time that a unit may take to start. Without it, the accelerator decides.
    pub slow: Option<Duration>,
    pub skip: Vec<Skip>,
}

/// The way into a phase.
#[derive(Clone, Copy)]
pub enum Step<'a> {
    /// The VM starts, or runs already.
    Boot,
    Reboot,
    Upgrade(ImageWish<'a>),
    Rollback,
}

/// A failure of the tool, which says nothing about the image.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    #[error(transparent)]
    Vm(vm::Error),
    #[error(transparent)]
    Session(session::Error),
    #[error(transparent)]
    Upgrade(upgrade::Error),
    #[error(transparent)]
    Checks(checks::Error),
    #[error(transparent)]
    Artifacts(#[from] artifacts::Error),
    #[error("the thread of the lint failed")]
    Thread(#[from] tokio::task::JoinError),
}

/// The test of one VM.
pub struct Job<'a> {
    pub vm: &'a mut Vm,
    pub store: &'a Store,
    pub user: &'a str,
    pub progress: &'a Recorder<'a>,
    pub plan: &'a Plan,
    pub artifacts: Option<&'a Artifacts>,
    /// The image for `bootc container lint`.
    pub lint: Option<(Podman, Image)>,
    /// The timeline has the guest's part, which costs the guest some time.
    pub asks_guest: bool,
}

/// A guest that can't be used, as a case: the outcome, and the lines that explain it.
type Unusable = (Outcome, String);

impl Job<'_> {
    /// Goes through the steps. `report` has what is known so far, also after an error. A guest that
    /// doesn't come up, or ends, is the last phase.
    ///
    /// # Errors
    /// The tool fails, or is interrupted.
    pub async fn run(
        &mut self,
        client: &mut Client,
        steps: &[Step<'_>],
        report: &mut Report,
    ) -> Result<(), Error> {
        let lint = self
            .lint
            .take()
            .map(|(podman, image)| spawn_blocking(move || system::lint(&podman, &image)));
        let mut boot = 0;
        for step in steps {
            boot += 1;
            if !self.phase(client, step, boot, report).await? {
                break;
            }
        }
        if let Some(lint) = lint {
            let case = lint.await??;
            // The image runs in the first of these phases.
            let upgrade = report.phases.iter().position(|p| p.phase == Phase::Upgrade);
            if let Some(phase) = report.phases.get_mut(upgrade.unwrap_or(0)) {
                phase.cases.push(case);
            }
        }
        Ok(())
    }

    /// Returns whether the guest is still there for the next phase.
    async fn phase(
        &mut self,
        client: &mut Client,
        step: &Step<'_>,
        boot: u32,
        report: &mut Report,
    ) -> Result<bool, Error> {
        let start = Instant::now();
        let phase = match step {
            Step::Boot => Phase::Boot,
            Step::Reboot => Phase::Reboot,
            Step::Upgrade(_) => Phase::Upgrade,
            Step::Rollback => Phase::Rollback,
        };
        self.progress.phase(phase.name());
        let at = report.phases.len();
        report.phases.push(PhaseReport {
            phase,
            image: String::new(),
            boot,
            time: Duration::ZERO,
            cases: vec![],
        });
        let entered = self.enter(client, step, phase).await;
        let this = &mut report.phases[at];
        this.image = self.image();
        this.time = start.elapsed();
        let (mut fresh, ready) = match entered? {
            Ok(entered) => entered,
            Err((outcome, mut output)) => {
                if let Outcome::TimedOut(_) | Outcome::Failed(_) = outcome {
                    self.picture(&mut output).await;
                }
                this.cases.push(case(phase.name(), outcome, start, output));
                self.skip_all(&format!("the {phase} failed"), this);
                return Ok(false);
            }
        };
        let outcome = match ready.faults.first() {
            None => Outcome::Passed,
            Some(fault) => Outcome::Failed(fault.to_string()),
        };
        this.cases
            .push(case(phase.name(), outcome, start, String::new()));
        let client = fresh.as_mut().unwrap_or(client);
        let result = self
            .judge(
                client,
                &ready.session,
                start,
                this,
                &mut report.timeline.guest,
            )
            .await;
        this.time = start.elapsed();
        let there = result?;
        if there {
            ready.session.close().await;
        }
        Ok(there)
    }

    /// Brings the VM into the phase. Returns a session, and the client if it isn't the first one.
    async fn enter(
        &mut self,
        client: &mut Client,
        step: &Step<'_>,
        phase: Phase,
    ) -> Result<Result<(Option<Client>, Ready), Unusable>, Error> {
        let moved = match step {
            Step::Boot => Ok(()),
            Step::Reboot => self.reboot().await,
            Step::Upgrade(wish) => self.upgrade(&Wish::Image(*wish)).await,
            Step::Rollback => self.upgrade(&Wish::Rollback).await,
        };
        if let Err(error) = moved {
            return of_upgrade(error).map(Err);
        }
        let mut fresh = match step {
            Step::Boot => None,
            _ => match lifecycle::attach(self.vm, self.store).await {
                Ok(client) => Some(client),
                Err(error) => return of_vm(error).map(Err),
            },
        };
        let stage = self.progress.stage(phase.name());
        let ready = ready::wait_until(
            fresh.as_mut().unwrap_or(client),
            self.vm,
            self.user,
            self.plan.boot_limit,
            Some(&*stage),
            &Wanted::Lasting,
            &Condition::Ssh,
        );
        match ready.await {
            Ok(ready) => {
                stage.done(&format!("VM {} is ready", self.vm.spec.name));
                Ok(Ok((fresh, ready)))
            }
            Err(error) => of_vm(error).map(Err),
        }
    }

    async fn reboot(&self) -> Result<(), upgrade::Error> {
        let stage = self.progress.stage("reboot");
        let reboot = Reboot {
            vm: self.vm,
            store: self.store,
            user: self.user,
            extent: Extent::Whole,
            timeout: self.plan.boot_limit,
        };
        if let Some(ready) = reboot.run(&*stage, Some(&Condition::Ssh)).await? {
            ready.session.close().await;
        }
        Ok(())
    }

    async fn upgrade(&mut self, wish: &Wish<'_>) -> Result<(), upgrade::Error> {
        let mut job = upgrade::Job {
            vm: self.vm,
            store: self.store,
            user: self.user,
            progress: self.progress,
            after: After::Reboot(NextBoot::default()),
            timeout: None,
        };
        job.run(wish).await.map(drop)
    }

    /// Judges a guest that is up. Returns false if it ended or hangs.
    async fn judge(
        &self,
        client: &mut Client,
        session: &Session,
        start: Instant,
        report: &mut PhaseReport,
        guest: &mut Guest,
    ) -> Result<bool, Error> {
        let limits = self.limits();
        self.progress.phase("system");
        let stage = self.progress.stage("system");
        stage.update("waiting until the system has settled");
        let left = match self.plan.skip.contains(&Skip::Settled) {
            true => Duration::ZERO,
            false => limits.settle.saturating_sub(start.elapsed()),
        };
        let look = async {
            let settled = system::settle(session, left).await?;
            stage.update("looking at the system");
            Ok((settled, system::look(session).await?))
        };
        match watched(client, look).await.map_err(of_session)? {
            Watched::Done((settled, system)) => {
                let system = system.unwrap_or_default();
                let mut cases = system::judge(&system, settled, &limits);
                if let Some(first) = cases.first_mut() {
                    first.time = start.elapsed();
                    if !settled && !self.plan.skip.contains(&Skip::Settled) {
                        self.picture(&mut first.output).await;
                    }
                }
                let names: Vec<&str> = labels(&self.plan.skip).collect();
                cases.retain(|case| names.contains(&case.name.as_str()));
                let wrong = cases.iter().filter(|case| !case.outcome.is_good()).count();
                stage.done(&match wrong {
                    0 => "nothing is wrong".to_owned(),
                    1 => "1 check failed".to_owned(),
                    count => format!("{count} checks failed"),
                });
                report.cases.extend(cases);
            }
            Watched::Lost(why) => {
                drop(stage);
                let mut output = String::new();
                self.picture(&mut output).await;
                let outcome = Outcome::Lost(why.clone());
                report.cases.push(case("system", outcome, start, output));
                self.skip_checks(&why, report);
                return Ok(false);
            }
        }
        if self.asks_guest && report.boot == 1 {
            *guest = timeline::ask(self.progress, session).await;
        }
        let there = self.checks(client, session, report).await?;
        if let Some(artifacts) = self.artifacts
            && there
            && !artifacts.has_journal(self.vm)
        {
            artifacts.guest_journal(session).await?;
        }
        Ok(there)
    }

    /// Runs the user's checks. Returns false if the guest ended meanwhile or hangs.
    async fn checks(
        &self,
        client: &mut Client,
        session: &Session,
        report: &mut PhaseReport,
    ) -> Result<bool, Error> {
        if self.plan.checks.is_empty() {
            return Ok(true);
        }
        self.progress.phase("checks");
        let stage = self.progress.stage("checks");
        stage.update("running");
        let environment = Environment {
            phase: report.phase.name(),
            image: report.image.clone(),
            boot: report.boot,
        };
        let done = |case: &Case| stage.update(&format!("{}: {}", case.name, case.outcome.word()));
        let checks = &self.plan.checks;
        let limit = self.plan.check_limit;
        let ran = match run_all(client, session, checks, environment, limit, done).await {
            Ok(ran) => ran,
            Err(checks::Error::Session(error)) => {
                let error = of_session_loss(error)?;
                self.skip_checks(&error, report);
                return Ok(false);
            }
            Err(error) => return Err(Error::Checks(error)),
        };
        let (mut cases, there) = (ran.cases, ran.lost.is_none());
        let lost = |case: &&mut Case| matches!(case.outcome, Outcome::Lost(_));
        if let Some(case) = cases.iter_mut().find(lost) {
            self.picture(&mut case.output).await;
        }
        let good = cases.iter().filter(|case| case.outcome.is_good()).count();
        stage.done(&format!("{good} of {} are good", cases.len()));
        report.cases.extend(cases);
        Ok(there)
    }

    /// Saves a picture of a hang, or adds to the output that there is none.
    async fn picture(&self, output: &mut String) {
        let Some(artifacts) = self.artifacts else {
            return;
        };
        if let Some(why) = artifacts.screenshot(self.vm, self.store).await {
            if !output.is_empty() && !output.ends_with('\n') {
                output.push('\n');
            }
            output.push_str(why);
        }
    }

    fn limits(&self) -> Limits {
        let emulated = self.vm.record().accelerator == Some(Accelerator::Tcg);
        let (settle, slow) = match emulated {
            true => (READY_TIME_EMULATED, SLOW_EMULATED),
            false => (READY_TIME, SLOW),
        };
        Limits {
            slow: self.plan.slow.unwrap_or(slow),
            settle: self.plan.boot_limit.unwrap_or(settle),
            ephemeral: self.vm.spec.is_ephemeral(),
        }
    }

    fn image(&self) -> String {
        match self.vm.spec.running_image() {
            Some(image) => image.reference.clone(),
            None => self.vm.spec.origin(),
        }
    }

    fn skip_all(&self, why: &str, report: &mut PhaseReport) {
        let skipped = |name| Case::skipped(name, &format!("it did not run: {why}"));
        report.cases.extend(labels(&self.plan.skip).map(skipped));
        self.skip_checks(why, report);
    }

    fn skip_checks(&self, why: &str, report: &mut PhaseReport) {
        let why = format!("it did not run: {why}");
        let checks = self.plan.checks.iter();
        let skipped = checks.map(|check| Case::skipped(&check.name, &why));
        report.cases.extend(skipped);
    }
}

fn case(name: &str, outcome: Outcome, start: Instant, output: String) -> Case {
    Case {
        name: name.to_owned(),
        outcome,
        time: start.elapsed(),
        output,
    }
}

/// Tells a guest's failure from the tool's.
fn of_vm(error: vm::Error) -> Result<Unusable, Error> {
    let lines = |console: Vec<String>| console.join("\n");
    match error {
        vm::Error::Interrupted(signal) => Err(signal.into()),
        vm::Error::Session(error) => {
            of_session_loss(error).map(|why| (Outcome::Failed(why), String::new()))
        }
        vm::Error::Timeout {
            seconds: after,
            why,
            console,
            ..
        } => {
            let after = seconds(Duration::from_secs(after));
            let why = format!("it was not ready after {after}: {why}");
            Ok((Outcome::Failed(why), lines(console)))
        }
        vm::Error::Hopeless {
            reason, console, ..
        } => Ok((Outcome::Failed(reason), lines(console))),
        vm::Error::Ended { end, console, .. }
            if matches!(end.kind, EndKind::Panic | EndKind::Guest) =>
        {
            Ok((Outcome::Lost(end.reason), lines(console)))
        }
        vm::Error::Rebooted(_) | vm::Error::Condition { .. } => {
            Ok((Outcome::Failed(error.to_string()), String::new()))
        }
        error => Err(Error::Vm(error)),
    }
}

fn of_upgrade(error: upgrade::Error) -> Result<Unusable, Error> {
    use upgrade::Error as E;
    match error {
        E::Vm(error) => of_vm(error),
        E::Session(error) => {
            of_session_loss(error).map(|why| (Outcome::Failed(why), String::new()))
        }
        E::NotUp { source, .. } => of_upgrade(*source),
        E::Unfit { .. }
        | E::Lost { .. }
        | E::NotQueued { .. }
        | E::Space { .. }
        | E::Bootc { .. }
        | E::NotStaged { .. }
        | E::Slow { .. }
        | E::NoRollback(_)
        | E::OldVersion { .. } => {
            let text = error_chain(&error);
            let (first, rest) = text.split_once('\n').unwrap_or((&text, ""));
            Ok((Outcome::Failed(first.to_owned()), rest.to_owned()))
        }
        error => Err(Error::Upgrade(error)),
    }
}

fn of_session(error: session::Error) -> Error {
    match error {
        session::Error::Interrupted(signal) => signal.into(),
        error => Error::Session(error),
    }
}

/// Returns the reason why a guest doesn't let us in.
fn of_session_loss(error: session::Error) -> Result<String, Error> {
    match error {
        session::Error::Interrupted(signal) => Err(signal.into()),
        session::Error::Keys(_) | session::Error::Stream(_) => Err(Error::Session(error)),
        error => Ok(error_chain(&error)),
    }
}
