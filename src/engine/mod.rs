//! Runs one machine from its start to its end, with the accelerator that works.

mod console_input;
pub mod console_text;
mod console_watch;
mod helper_set;
pub mod log;
mod outcome;

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

pub use console_input::ConsoleInput;
pub use outcome::Ended;

use serde::{Deserialize, Serialize};

use crate::host::Os;
use crate::host::fs::file;
use crate::hypervisor::accelerator::{self, Accelerator};
use crate::hypervisor::control::{Control, ControlError};
use crate::hypervisor::events::{Event as Report, Stopped};
use crate::hypervisor::process::{HANG_UP_TIME, Output, Process, Ready, StartError};
use crate::hypervisor::{Boot, Forward, Helper, Hypervisor, Machine, PlanError, Vsock};
use console_watch::ConsoleWatch;
use helper_set::Helpers;
use outcome::{Outcome, State};

/// After a panic's first line the guest gets this long for the rest of its message.
const LAST_WORDS: Duration = Duration::from_millis(500);
/// A hypervisor that doesn't end within this of a helper's end goes on without it.
const HELPER_GRACE: Duration = Duration::from_millis(500);
/// On the host's own processor a kernel says something within this.
const SILENCE: Duration = Duration::from_secs(60);
/// An accelerator that fails later than this after the start did work: the guest is not started anew.
const TRIAL: Duration = Duration::from_secs(600);
/// A guest that gets stuck later than this is not started anew: there may be something in it by now.
const EARLY: Duration = Duration::from_secs(120);
/// What is said then.
pub const AGAIN: &str = "an emulated processor got stuck; starting the machine once more";
const STUCK: &str = "an emulated processor got stuck, twice";

/// A machine and how to run it.
#[derive(Debug)]
pub struct Engine<'a> {
    /// The hypervisor to use.
    pub hypervisor: &'a Hypervisor,
    /// The machine.
    pub machine: &'a Machine,
    /// Accelerators to try in turn.
    pub accelerators: accelerator::Candidates,
    /// Where it is remembered which accelerator fails.
    pub cache: &'a Path,
    /// The file for the hypervisor's own messages.
    pub log: PathBuf,
    /// The guest's port 22 gets this port on the host's loopback; 0 for any. None for no forward.
    pub ssh_port: Option<u16>,
    /// More ports of the guest on the host.
    pub forwards: Vec<Forward>,
    /// Processes that back its devices.
    pub helpers: Vec<Helper>,
    /// What is typed on its console.
    pub input: Option<ConsoleInput>,
}

/// What happens while a machine runs.
#[derive(Debug)]
pub enum Event {
    /// It runs.
    Started {
        /// With this accelerator.
        accelerator: Accelerator,
        /// Its SSH port on the host's loopback.
        ssh_port: Option<u16>,
        /// Another way to its sshd.
        vsock: Option<Vsock>,
        /// The ports that are forwarded beside that.
        ports: Vec<Forward>,
    },
    /// Something failed while the machine goes on.
    Problem(String),
    /// What came of the change of this number.
    Changed {
        /// That of the order.
        number: u64,
        /// Why it failed.
        error: Option<String>,
        /// The ports that are forwarded now.
        ports: Vec<Forward>,
    },
    /// The guest got stuck before it was up, and is started once more.
    Again,
    /// An accelerator failed, now or with an earlier VM; the next one is tried.
    Fallback {
        /// How it failed.
        reason: String,
    },
    /// It stands still: the host has no room for what the guest writes to a disk.
    NoSpace,
    /// Its serial console wrote this.
    Console(Vec<u8>),
    /// It wrote this to the channel of this index.
    Channel(usize, Vec<u8>),
}

/// What can be done to a running machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// Forward a port.
    AddPort(Forward),
    /// Forward it no longer.
    RemovePort(Forward),
    /// Take a picture of its screen.
    Screenshot(std::path::PathBuf),
}

/// What a running machine can be told.
#[derive(Debug)]
pub enum Order {
    /// Press the power button.
    PowerButton,
    /// End at once; the disks are flushed.
    Quit,
    /// Go on after [`Event::NoSpace`]; if there is still no room, it comes again.
    Resume,
    /// The guest is up: from now on a failure is no accelerator's fault.
    GuestIsUp,
    /// Write to the channel of this index.
    Channel(usize, Vec<u8>),
    /// Change the machine; the number comes back with the answer.
    Change(u64, Change),
}

/// The machine can't be started at all.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The hypervisor doesn't start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// A process that the machine needs doesn't run.
    #[error("{0}")]
    Helper(String),
    /// The hypervisor can't be told of such a machine.
    #[error("can't describe the machine: {0}")]
    Plan(#[from] PlanError),
    /// The hypervisor's control connection fails.
    #[error(transparent)]
    Control(#[from] ControlError),
}

impl Engine<'_> {
    /// Runs the machine to its end. An accelerator that fails before the guest is up is replaced by the next.
    ///
    /// Orders have no bound: who gives them polls this, too, and would wait for itself.
    ///
    /// # Errors
    /// It can't be started with the last accelerator.
    pub async fn run(
        self,
        events: mpsc::Sender<Event>,
        mut orders: mpsc::UnboundedReceiver<Order>,
    ) -> Result<Ended, Error> {
        if let Some(reason) = self.accelerators.failed_before.clone() {
            // A listener that is gone has no use for the news.
            let _ = events.send(Event::Fallback { reason }).await;
        }
        let mut failed: Option<String> = None;
        let last = self.accelerators.all.len().saturating_sub(1);
        for (index, &accelerator) in self.accelerators.all.iter().enumerate() {
            let run = Run { engine: &self, accelerator, events: &events, failed_before: failed.as_deref() };
            let mut outcome = run.to_end(&mut orders).await;
            if matches!(outcome, Ok(Outcome::Stuck)) {
                let _ = events.send(Event::Again).await;
                outcome = run.to_end(&mut orders).await;
            }
            match outcome {
                Ok(Outcome::Ended(ended)) => return Ok(ended),
                Ok(Outcome::Stuck) => return Ok(Ended::Failed(STUCK.into())),
                Ok(Outcome::AcceleratorFailed(reason)) if index == last => return Ok(Ended::Failed(reason)),
                Ok(Outcome::AcceleratorFailed(reason)) => {
                    let _ = events.send(Event::Fallback { reason: reason.clone() }).await;
                    failed = Some(reason);
                }
                Err(Error::Start(error)) if index < last && run.fails_to_start(&error) => {
                    let reason = error.to_string();
                    let _ = events.send(Event::Fallback { reason: reason.clone() }).await;
                    failed = Some(reason);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(Ended::Failed("no accelerator to try".into()))
    }
}

/// One try with one accelerator.
struct Run<'a> {
    engine: &'a Engine<'a>,
    accelerator: Accelerator,
    events: &'a mpsc::Sender<Event>,
    failed_before: Option<&'a str>,
}

impl Run<'_> {
    async fn to_end(&self, orders: &mut mpsc::UnboundedReceiver<Order>) -> Result<Outcome, Error> {
        let Engine { hypervisor, machine, .. } = self.engine;
        let plan = hypervisor.plan(machine, self.accelerator)?;
        tracing::debug!(program = %plan.launch.program.display(), args = ?plan.launch.args, "starting");
        let all_helpers: Vec<&Helper> = self.engine.helpers.iter().chain(&plan.helpers).collect();
        let mut helpers = Helpers::start(&all_helpers).map_err(Error::Helper)?;
        let start = async {
            for helper in &all_helpers {
                helper.appear().await;
            }
            hypervisor.start(&plan, machine, &self.engine.log).await
        };
        let mut waiting = VecDeque::new();
        let started = tokio::select! {
            biased;
            started = helpers.unless_ended(start) => Some(started),
            () = told_to_quit(orders, &mut waiting) => None,
        };
        let Ready { mut process, control, events: mut reports, mut output } = match started {
            Some(Ok(result)) => result?,
            Some(Err(ended)) => return Err(Error::Helper(ended)),
            None => {
                hypervisor.give_up(machine).await;
                helpers.finish().await;
                return Ok(Outcome::Ended(Ended::ByOrder));
            }
        };
        let ssh_port = match self.engine.ssh_port {
            Some(wanted) => Some(control.forward_ssh(wanted).await?),
            None => None,
        };
        let mut ports = Vec::new();
        for forward in &self.engine.forwards {
            ports.push(control.forward(forward).await?);
        }
        let vsock = control.vsock(machine.devices.vsock.as_ref());
        let accelerator = self.accelerator;
        self.tell(Event::Started { accelerator, ssh_port, vsock, ports: ports.clone() }).await;

        let _typing = self.engine.input.clone().zip(process.take_console()).map(|(input, console)| {
            // Beside all else: a guest that doesn't read must not keep us from what it writes.
            Typing(tokio::spawn(console_input::feed(input, console.0)))
        });

        let started = Instant::now();
        // A processor of the host that does nothing is another way in which it can fail. What a firmware boots may
        // be silent for good reasons; a kernel that we start has this console.
        let is_kernel = matches!(machine.boot, Boot::Kernel { .. });
        let silent_until = (self.accelerator.is_hardware() && is_kernel).then(|| started + SILENCE);
        let mut state = State { by_guest: !control.tells_its_end(), ..State::default() };
        let mut console = ConsoleWatch::default();
        loop {
            let deadline = state.deadline;
            let silence = silent_until.filter(|_| !state.lives);
            tokio::select! {
                biased;
                report = reports.recv(), if !state.reports_over => match report {
                    None => {
                        state.reports_over = true;
                        // One that never tells anything has not hung up.
                        if control.tells_its_end() {
                            state.hung_up = true;
                            state.end_within(HANG_UP_TIME);
                        }
                    }
                    Some(Report::NoSpace) => self.tell(Event::NoSpace).await,
                    Some(Report::Stop) => {
                        match control.stopped().await {
                            Ok(Some(Stopped::InternalError)) => {
                                let name = self.accelerator.name();
                                state.accelerator_failure = Some(format!("{name} internal error"));
                                process.kill();
                            }
                            Ok(Some(Stopped::NoSpace)) => self.tell(Event::NoSpace).await,
                            // Gone, or someone else's wish.
                            Ok(None) | Err(_) => {}
                        }
                    }
                    Some(Report::GuestPanicked) => {
                        state.panicked = true;
                        state.end_within(LAST_WORDS);
                    }
                    Some(Report::Shutdown { by_guest }) => state.by_guest = by_guest,
                },
                Some(bytes) = output.recv() => match bytes {
                    Output::Console(bytes) => {
                        state.lives = true;
                        if let Some(doom) = console.look(&bytes) {
                            state.doom = Some(doom);
                            state.end_within(LAST_WORDS);
                        }
                        if console.timer_lost && self.may_be_stuck(&state, started) {
                            state.stuck = true;
                            process.kill();
                        }
                        self.guest_runs(&mut state);
                        self.tell(Event::Console(bytes)).await;
                    }
                    Output::Channel(index, bytes) => {
                        state.lives = true;
                        self.guest_lives(&mut state);
                        self.tell(Event::Channel(index, bytes)).await;
                    }
                },
                Some(ended) = helpers.next_end() => {
                    // They end with QEMU, which is no problem.
                    if tokio::time::timeout(HELPER_GRACE, process.wait()).await.is_err() {
                        self.tell(Event::Problem(ended)).await;
                    }
                }
                Some(order) = next(orders, &mut waiting) => match order {
                    Order::Change(number, change) => {
                        let error = apply(&control, change, &mut ports).await.err().map(|e| e.to_string());
                        self.tell(Event::Changed { number, error, ports: ports.clone() }).await;
                    }
                    Order::GuestIsUp => {
                        state.is_up = true;
                        self.guest_lives(&mut state);
                    }
                    Order::Resume => {
                        if let Err(error) = control.resume().await {
                            tracing::debug!(%error, "the machine doesn't go on");
                        }
                    }
                    Order::PowerButton => {
                        state.ordered = true;
                        if let Err(error) = control.power_button().await {
                            tracing::debug!(%error, "the power button can't be pressed");
                        }
                    }
                    Order::Quit => {
                        state.ordered = true;
                        if !state.quitting {
                            quit(&control, &mut process, &mut state).await;
                        }
                    }
                    Order::Channel(index, bytes) => {
                        if !process.write_channel(index, bytes) {
                            tracing::debug!(index, "a channel can't be written to");
                        }
                    }
                },
                () = at(silence) => {
                    let seconds = SILENCE.as_secs();
                    state.lives = true;
                    let failure = format!("the guest's kernel said nothing within {seconds} s");
                    state.accelerator_failure = Some(failure);
                    process.kill();
                }
                () = at(deadline) => {
                    if state.hung_up && !state.quitting {
                        state.failure = Some("the hypervisor's control connection broke".into());
                    }
                    if state.quitting { process.kill() } else { quit(&control, &mut process, &mut state).await }
                    state.deadline = None;
                    if state.quitting { state.end_within(control.quit_time()) }
                }
                ended = process.wait() => {
                    // Its last words are still in the pipes, which end with it.
                    let last_words = async {
                        while let Some(bytes) = output.recv().await {
                            let Output::Console(bytes) = bytes else { continue };
                            if let Some(doom) = console.look(&bytes) {
                                state.doom.get_or_insert(doom);
                            }
                            self.tell(Event::Console(bytes)).await;
                        }
                        while let Some(report) = reports.recv().await {
                            match report {
                                Report::Shutdown { by_guest } => state.by_guest = by_guest,
                                Report::GuestPanicked => state.panicked = true,
                                Report::Stop | Report::NoSpace => {}
                            }
                        }
                    };
                    // An error means that someone else holds a pipe: then there is nothing to wait for.
                    let _ = tokio::time::timeout(LAST_WORDS, last_words).await;
                    if state.panicked {
                        let reason = console.reason.take().unwrap_or_else(|| "the guest's kernel panicked".into());
                        state.doom.get_or_insert(Ended::Panic(reason));
                    }
                    helpers.finish().await;
                    let on_trial = self.accelerator.is_hardware() && started.elapsed() < TRIAL;
                    return Ok(state.outcome(ended, on_trial, || self.is_blamed()));
                }
            }
        }
    }

    async fn tell(&self, event: Event) {
        // A listener that is gone has no use for the news.
        let _ = self.events.send(event).await;
    }

    /// The guest writes: so this accelerator works, and the one that failed before was at fault.
    fn guest_runs(&self, state: &mut State) {
        if state.has_run {
            return;
        }
        state.has_run = true;
        if let Some(failure) = self.failed_before
            && let Err(error) =
                accelerator::remember_failure(self.engine.cache, self.engine.hypervisor.program(), failure)
        {
            tracing::warn!(%error, "can't remember that the accelerator fails here");
        }
    }

    /// QEMU's emulation of several processors at once loses a timer now and then, on a busy host: seen in QEMU 10.0,
    /// once in some hundred boots. Nothing of the guest's own is lost before its programs run.
    fn may_be_stuck(&self, state: &State, started: Instant) -> bool {
        let emulated = self.accelerator == Accelerator::Tcg && self.engine.machine.cpus > 1;
        emulated && !state.is_up && !state.has_programs && started.elapsed() < EARLY
    }

    /// The accelerator keeps the hypervisor from starting.
    fn fails_to_start(&self, error: &StartError) -> bool {
        match error {
            StartError::Silent { .. } => true,
            StartError::Ended(_) => self.is_blamed(),
            StartError::Io { .. } => false,
        }
    }

    /// What the hypervisor said before it ended is about the accelerator.
    fn is_blamed(&self) -> bool {
        let messages = file::last_lines(&self.engine.log, usize::MAX);
        accelerator::is_blamed(self.accelerator, messages.iter().map(String::as_str))
    }

    /// The guest's own programs run: what an earlier VM taught of the hardware's accelerator holds no longer.
    fn guest_lives(&self, state: &mut State) {
        if std::mem::replace(&mut state.has_programs, true) {
            return;
        }
        let (cache, program) = (self.engine.cache, self.engine.hypervisor.program());
        if self.accelerator == Accelerator::hardware(Os::current())
            && let Err(error) = accelerator::forget_failure(cache, program)
        {
            tracing::warn!(%error, "can't forget that the accelerator failed here");
        }
    }
}

/// Feeds the console until it is dropped.
struct Typing(tokio::task::JoinHandle<()>);

impl Drop for Typing {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Waits for the order to end; what else is ordered meanwhile waits until the machine runs.
async fn told_to_quit(orders: &mut mpsc::UnboundedReceiver<Order>, waiting: &mut VecDeque<Order>) {
    loop {
        match orders.recv().await {
            Some(Order::Quit) => return,
            Some(order) => waiting.push_back(order),
            None => std::future::pending().await,
        }
    }
}

/// The next order. May be cancelled.
async fn next(orders: &mut mpsc::UnboundedReceiver<Order>, waiting: &mut VecDeque<Order>) -> Option<Order> {
    match waiting.pop_front() {
        Some(order) => Some(order),
        None => orders.recv().await,
    }
}

async fn apply(control: &Control, change: Change, ports: &mut Vec<Forward>) -> Result<(), ControlError> {
    match change {
        Change::AddPort(forward) => ports.push(control.forward(&forward).await?),
        Change::RemovePort(forward) => {
            control.unforward(&forward).await?;
            ports.retain(|port| *port != forward);
        }
        Change::Screenshot(file) => control.screenshot(&file).await?,
    }
    Ok(())
}

async fn quit(control: &Control, process: &mut Process, state: &mut State) {
    state.quitting = true;
    state.deadline = Some(Instant::now() + control.quit_time());
    if let Err(error) = control.quit().await {
        tracing::debug!(%error, "the hypervisor doesn't take the order to end");
        process.kill();
    }
}

/// Waits until then, or for ever.
pub(super) async fn at(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}
