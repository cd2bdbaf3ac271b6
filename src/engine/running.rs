//! A running machine: what happens to it, and one method for each kind of event.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

use super::helper_set::HelperSet;
use super::orders::Orders;
use super::outcome::Outcome;
use super::plugs::Removals;
use super::run_state::{Action, LAST_WORDS, Phase, RunState};
use super::way::Way;
use super::{Engine, Event, Order, console_input};
use crate::host::Os;
use crate::host::fs::file;
use crate::hypervisor::accelerator::{self, Accelerator};
use crate::hypervisor::control::{Control, ControlError};
use crate::hypervisor::helpers::End;
use crate::hypervisor::process::{Failure, Output, Ready, StartError};
use crate::hypervisor::report::{Report, Stopped};
use crate::hypervisor::{Boot, Forward};

/// A hypervisor that still runs this long after the end of a helper runs on without it.
const HELPER_GRACE: Duration = Duration::from_millis(500);
/// Time limit for the first console output under hardware acceleration.
const SILENCE: Duration = Duration::from_secs(60);
/// After this time a failure ends the machine: the accelerator has proved that it works.
const TRIAL: Duration = Duration::from_secs(600);
/// After this time a stall ends the machine: the guest may have written data.
const EARLY: Duration = Duration::from_secs(120);

/// One attempt to run the machine, with one accelerator.
pub struct Attempt<'a> {
    pub engine: &'a Engine<'a>,
    pub accelerator: Accelerator,
    pub events: &'a mpsc::Sender<Event>,
    /// How the accelerator before this one failed.
    pub earlier_failure: Option<String>,
    /// The host's port that the machine got last, or the one to ask for.
    pub ssh_port: Cell<Option<u16>>,
    /// The other forwards, with the ports of an earlier run.
    pub forwards: RefCell<Vec<Forward>>,
}

impl Attempt<'_> {
    pub async fn tell(&self, event: Event) {
        // A listener that has gone needs no events.
        let _ = self.events.send(event).await;
    }

    /// Forwards the ports, and remembers those that the system chose.
    ///
    /// # Errors
    /// Another program has one.
    pub async fn forward_ports(&self, control: &Control) -> Result<(), ControlError> {
        if let Some(wanted) = self.ssh_port.get() {
            self.ssh_port.set(Some(control.forward_ssh(wanted).await?));
        }
        let wanted = self.forwards.borrow().clone();
        let mut ports = Vec::new();
        for forward in &wanted {
            ports.push(control.forward(forward).await?);
        }
        self.forwards.replace(ports);
        Ok(())
    }

    /// Records that the accelerator before this one fails: the guest runs with this one.
    pub fn remember_failure(&self, failure: &str) {
        let (cache, program) = (self.engine.cache, self.engine.hypervisor.program());
        if let Err(error) = accelerator::remember_failure(cache, program, failure) {
            tracing::warn!(%error, "can't record that the accelerator fails on this host");
        }
    }

    /// Deletes the record that the hardware's accelerator fails: the guest's programs run with it.
    pub fn forget_failure(&self) {
        let (cache, program) = (self.engine.cache, self.engine.hypervisor.program());
        if self.accelerator == Accelerator::hardware(Os::current())
            && let Err(error) = accelerator::forget_failure(cache, program)
        {
            tracing::warn!(%error, "can't delete the record that the accelerator fails on this host");
        }
    }

    /// Returns whether the accelerator may still prove not to work.
    pub fn is_on_trial(&self, age: Duration) -> bool {
        self.accelerator.is_hardware() && age < TRIAL
    }

    /// Returns whether a stalled CPU or a crash at this age of a boot may be the fault of QEMU's
    /// emulation, and a restart safe. On a busy host, QEMU 10.0 was seen to lose a timer, once in
    /// some 600 boots, and to fail its own assertion (`iotlb_to_section`), twice in some 200.
    pub fn emulation_may_fail(&self, age: Duration) -> bool {
        self.emulates() && age < EARLY
    }

    /// Returns whether several CPUs are emulated at once.
    fn emulates(&self) -> bool {
        self.accelerator == Accelerator::Tcg && self.engine.machine.cpus > 1
    }

    /// Returns whether the accelerator keeps the hypervisor from starting.
    pub fn fails_to_start(&self, error: &StartError) -> bool {
        match error {
            StartError::Silent { .. } => true,
            StartError::Ended(_) => self.is_blamed(),
            StartError::Io { .. } => false,
        }
    }

    /// Returns whether the hypervisor's last messages are about the accelerator.
    pub fn is_blamed(&self) -> bool {
        let messages = file::last_lines(&self.engine.log, usize::MAX);
        accelerator::is_blamed(self.accelerator, messages.iter().map(String::as_str))
    }
}

/// A running machine.
pub struct Running<'a> {
    pub attempt: &'a Attempt<'a>,
    orders: Orders<'a>,
    /// A task of its own: a guest that doesn't read its console blocks nothing else.
    _typing: JoinSet<()>,
    pub hypervisor: Ready<Control>,
    pub helpers: HelperSet,
    pub removals: Removals,
    /// Devices came or went since the start.
    pub was_changed: bool,
    pub ports: Vec<Forward>,
    /// How the accelerator before this one failed, until this one has run the guest.
    earlier_failure: Option<&'a str>,
    started: Instant,
    /// The start, or the guest's last reset.
    boot_began: Instant,
    pub state: RunState,
    pub way: Way,
    /// The time limit for the guest's next message about its freeze.
    pub freeze_limit: Option<Instant>,
    /// The beginning of such a message.
    pub freeze_lines: Vec<u8>,
}

enum Happening {
    Report(Option<Report>),
    Output(Output),
    HelperEnded(End),
    Order(Order),
    Silence,
    Quiet,
    FreezeLimit,
    UnplugLimit,
    Look,
    Deadline,
    Exit(Result<(), Failure>),
}

impl<'a> Running<'a> {
    /// Tells the listener that the machine runs, and begins to type on its console.
    pub async fn new(
        attempt: &'a Attempt<'a>,
        orders: Orders<'a>,
        mut hypervisor: Ready<Control>,
        helpers: HelperSet,
        way: Way,
    ) -> Self {
        let (engine, accelerator) = (attempt.engine, attempt.accelerator);
        let (ssh_port, ports) = (attempt.ssh_port.get(), attempt.forwards.borrow().clone());
        let (resumed, woken) = (matches!(way, Way::Resume(_)), matches!(way, Way::Wake));
        let machine = way.machine(engine);
        let vsock = hypervisor.control.vsock(machine.devices.vsock.as_ref());
        attempt
            .tell(Event::Started {
                accelerator,
                ssh_port,
                vsock,
                ports: ports.clone(),
                resumed,
                woken,
            })
            .await;
        let started = Instant::now();
        // A kernel that the hypervisor loads writes to this console. Firmware may boot something
        // silent.
        let boots = !resumed && !woken;
        let must_write =
            accelerator.is_hardware() && boots && matches!(machine.boot, Boot::Kernel { .. });
        let silence_limit = must_write.then(|| started + SILENCE);
        let mut state = RunState::new(
            hypervisor.control.reports_shutdown(),
            silence_limit,
            attempt.emulates(),
        );
        if !boots {
            state.reach(Phase::ProgramsSeen);
        }
        let mut _typing = JoinSet::new();
        if let (Some(input), Some(console)) =
            (engine.input.clone(), hypervisor.process.take_console())
        {
            _typing.spawn(console_input::feed(input, console.0));
        }
        let earlier_failure = attempt.earlier_failure.as_deref();
        let mut running = Self {
            attempt,
            orders,
            _typing,
            hypervisor,
            helpers,
            removals: Removals::default(),
            was_changed: false,
            ports,
            earlier_failure,
            started,
            boot_began: started,
            state,
            way,
            freeze_limit: None,
            freeze_lines: vec![],
        };
        running.watch_way();
        running
    }

    /// Runs the machine until it ends, and returns the way in which it began.
    pub async fn finish(mut self) -> (Outcome, Way) {
        loop {
            match self.next().await {
                Happening::Report(report) => self.on_report(report).await,
                Happening::Output(output) => self.on_output(output).await,
                Happening::HelperEnded(end) => self.on_helper_end(end).await,
                Happening::Order(order) => self.on_order(order).await,
                Happening::Silence => self.on_silence().await,
                Happening::Quiet => {
                    let action = self.state.on_quiet();
                    self.act(action).await;
                }
                Happening::FreezeLimit => self.on_freeze_limit().await,
                Happening::UnplugLimit => self.on_unplug_limit().await,
                Happening::Look => self.on_look().await,
                Happening::Deadline => self.on_deadline().await,
                Happening::Exit(exit) => return self.on_exit(exit).await,
            }
        }
    }

    /// Waits for what happens next. Of several, the first in this list comes first: what the
    /// hypervisor and the guest said before the exit.
    async fn next(&mut self) -> Happening {
        let (silence_limit, deadline) = (self.state.silence_limit, self.state.deadline);
        let look_at = self.state.look_at;
        let prompt = self.state.prompt.as_ref().map(|(time, _)| *time);
        let freeze_limit = self.freeze_limit;
        let unplug_limit = self.removals.overdue();
        let Ready {
            process,
            reports,
            output,
            ..
        } = &mut self.hypervisor;
        tokio::select! {
            biased;
            report = reports.recv(), if !self.state.reports_closed => Happening::Report(report),
            Some(output) = output.recv() => Happening::Output(output),
            end = self.helpers.next_end() => Happening::HelperEnded(end),
            Some(order) = self.orders.next() => Happening::Order(order),
            () = at(silence_limit) => Happening::Silence,
            () = at(prompt) => Happening::Quiet,
            () = at(freeze_limit) => Happening::FreezeLimit,
            () = at(unplug_limit) => Happening::UnplugLimit,
            () = at(look_at) => Happening::Look,
            () = at(deadline) => Happening::Deadline,
            exit = process.wait() => Happening::Exit(exit),
        }
    }

    pub(super) async fn on_report(&mut self, report: Option<Report>) {
        match report {
            Some(Report::Stop) => match self.hypervisor.control.stopped().await {
                Ok(Some(Stopped::InternalError)) => {
                    let name = self.attempt.accelerator.name();
                    let action = self
                        .state
                        .on_accelerator_failure(format!("{name} internal error"));
                    self.act(action).await;
                }
                Ok(Some(Stopped::NoSpace)) => self.attempt.tell(Event::NoSpace).await,
                // Someone else paused the machine, or the hypervisor exited.
                Ok(None) | Err(_) => {}
            },
            Some(Report::Unplugged(device)) => self.on_unplugged(&device).await,
            Some(Report::NoSpace) => self.attempt.tell(Event::NoSpace).await,
            Some(report) => {
                self.state.on_report(&report);
                if let Report::Reset { by_guest } = report {
                    self.boot_began = Instant::now();
                    self.attempt.tell(Event::Reset).await;
                    if by_guest {
                        self.on_reset_while_made().await;
                    }
                }
            }
            None => self
                .state
                .on_reports_closed(self.hypervisor.control.reports_shutdown()),
        }
    }

    fn emulation_may_fail(&self) -> bool {
        self.attempt.emulation_may_fail(self.boot_began.elapsed())
    }

    async fn on_output(&mut self, output: Output) {
        match output {
            Output::Console(bytes) => {
                let may_fail = self.emulation_may_fail();
                let action = self.state.on_console(&bytes, may_fail);
                if let Some(failure) = self.earlier_failure.take() {
                    self.attempt.remember_failure(failure);
                }
                // First the lines, then what they mean.
                self.attempt.tell(Event::Console(bytes)).await;
                self.act(action).await;
            }
            Output::Channel(index, bytes) => {
                self.reach(Phase::ProgramsSeen);
                if self.is_freeze_channel(index) {
                    self.on_freeze_channel(&bytes).await;
                } else {
                    self.attempt.tell(Event::Channel(index, bytes)).await;
                }
            }
        }
    }

    fn reach(&mut self, phase: Phase) {
        if self.state.reach(phase) {
            self.attempt.forget_failure();
        }
    }

    async fn on_helper_end(&mut self, end: End) {
        if self.removals.explains(&end.name) {
            return;
        }
        // Helpers exit together with QEMU, which is not a problem.
        if timeout(HELPER_GRACE, self.hypervisor.process.wait())
            .await
            .is_err()
        {
            self.attempt.tell(Event::Problem(end.message)).await;
        }
    }

    async fn on_order(&mut self, order: Order) {
        let Ready {
            process, control, ..
        } = &self.hypervisor;
        match order {
            Order::PowerButton => {
                self.state.end_ordered = true;
                log_error("can't press the power button", control.power_button().await);
            }
            Order::Quit => {
                let action = self.state.on_quit_order();
                self.act(action).await;
            }
            // The state of a template must not run on.
            Order::Resume if self.state.saved => {}
            Order::Resume => log_error("can't resume the machine", control.resume().await),
            Order::GuestIsUp => self.reach(Phase::Up),
            Order::Channel(index, bytes) => {
                if !process.write_channel(index, bytes) {
                    tracing::debug!(index, "can't write to a channel");
                }
            }
            Order::Change(number, change) => self.on_change(number, change).await,
            Order::Save(number, file) => self.save(number, &file).await,
            Order::Plug(number, addition) => self.on_plug(number, &addition).await,
            Order::Unplug {
                number,
                device,
                helper,
            } => self.on_unplug(number, device, helper).await,
        }
    }

    async fn on_silence(&mut self) {
        self.state.silence_limit = None;
        let seconds = SILENCE.as_secs();
        let reason = format!("the guest's kernel wrote nothing to its console within {seconds} s");
        let action = self.state.on_accelerator_failure(reason);
        self.act(action).await;
    }

    async fn on_look(&mut self) {
        let halted = self.hypervisor.control.is_halted().await;
        let action = self.state.on_look(halted.unwrap_or(false));
        self.act(action).await;
    }

    async fn on_deadline(&mut self) {
        let action = self.state.on_deadline();
        self.act(action).await;
        // A slow order to quit must not shorten the time to obey it, and a killed process can need
        // time, too. When this time is over, the hypervisor is killed, again if need be.
        self.state.deadline = Some(Instant::now() + self.hypervisor.control.quit_time());
    }

    async fn on_exit(mut self, exit: Result<(), Failure>) -> (Outcome, Way) {
        // A machine that starts once more has the devices of the start, and no template's disk.
        let differs = self.was_changed || matches!(self.way, Way::Abandoned);
        let may_fail = self.emulation_may_fail() && !differs;
        self.state.on_exit(&exit, may_fail);
        // The pipes end with the hypervisor. If not, another process holds them, and nothing more
        // comes.
        let _ = timeout(LAST_WORDS, self.read_last_words()).await;
        self.helpers.finish().await;
        let on_trial = self.attempt.is_on_trial(self.started.elapsed());
        let resumes = matches!(self.way, Way::Resume(_)) && self.freeze_limit.is_some();
        let may_start_cold = resumes && !self.state.end_ordered;
        let outcome = self
            .state
            .outcome(exit, on_trial, || self.attempt.is_blamed());
        match may_start_cold {
            true => (outcome.while_resuming(), self.way),
            false => (outcome, self.way),
        }
    }

    /// Reads what the hypervisor left in its pipes.
    async fn read_last_words(&mut self) {
        while let Some(output) = self.hypervisor.output.recv().await {
            let Output::Console(bytes) = output else {
                continue;
            };
            self.state.on_last_console(&bytes);
            self.attempt.tell(Event::Console(bytes)).await;
        }
        while let Some(report) = self.hypervisor.reports.recv().await {
            self.state.on_report(&report);
        }
    }

    pub async fn act(&mut self, action: Action) {
        let Ready {
            process, control, ..
        } = &mut self.hypervisor;
        match action {
            Action::Nothing => {}
            Action::TellHopeless(reason) => self.attempt.tell(Event::Hopeless(reason)).await,
            Action::Kill => process.kill(),
            Action::Reset(reason) => {
                self.attempt.tell(Event::Restarting { reason }).await;
                log_error("can't reset the machine", control.reset().await);
            }
            Action::Quit => {
                self.state.deadline = Some(Instant::now() + control.quit_time());
                if let Err(error) = control.quit().await {
                    tracing::debug!(%error, "the hypervisor refuses to quit");
                    process.kill();
                }
            }
        }
    }
}

fn log_error(message: &str, result: Result<(), ControlError>) {
    if let Err(error) = result {
        tracing::debug!(%error, "{message}");
    }
}

/// Waits until `time`. Without a time it waits forever.
pub async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}
