//! The loop: passes events to the state machine, and carries out its actions.

use std::collections::VecDeque;
use std::future::pending;
use std::path::PathBuf;

use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinHandle, spawn_blocking};

use super::alert::Alert;
use super::build::{Builder, Failure};
use super::cycle::{Action, Built, Cause, Event, Machine, State};
use super::files::{Files, Report};
use super::progress::Told;
use super::report::{Layers, Outcome};
use super::screen::{Screen, Shown};
use super::sources::Sources;
use super::vms::{Order, Setup, Vms};
use crate::host::process::interrupt::{self, Interrupted};
use crate::host::process::{self, current_program};
use crate::host::terminal::Keys;

/// A loop that has not begun.
#[derive(Debug)]
pub struct Watch {
    pub sources: Sources,
    /// Use no events.
    pub poll: bool,
    pub builder: Builder,
    pub setup: Setup,
    pub alert: Alert,
}

/// The loop can't go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("can't start a thread")]
    Thread(#[source] std::io::Error),
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

type BuildResult = Result<Built, Failure>;

struct Loop {
    watch: Watch,
    machine: Machine,
    events: VecDeque<Event>,
    screen: Screen,
    files: Files,
    vms: Vms,
    build: Option<JoinHandle<BuildResult>>,
    lines: mpsc::UnboundedReceiver<String>,
    line_sender: mpsc::UnboundedSender<String>,
    cancel: Option<oneshot::Sender<()>>,
    /// What the newest image has new.
    layers: Option<JoinHandle<Option<Layers>>>,
    last_image: Option<String>,
    vm_name: Option<String>,
}

/// Watches until the user quits.
///
/// # Errors
/// A thread can't start, or a signal ended the loop.
pub async fn run(watch: Watch, screen: Screen, keys: Option<Keys>) -> Result<(), Error> {
    let checks = &watch.setup.checks;
    let machine = Machine::new(!checks.is_empty());
    // The checks' files are watched, too.
    let mut sources = watch.sources.clone();
    sources.more.extend(check_files(&watch).cloned());
    let files = Files::watch(sources, watch.poll);
    let vms = Vms::start(watch.setup.clone()).map_err(Error::Thread)?;
    let (line_sender, lines) = mpsc::unbounded_channel();
    screen.show(&Shown::Watching {
        context: &watch.sources.context,
    });
    let mut state = Loop {
        watch,
        machine,
        events: [Event::Changed(Cause::other("start"))].into(),
        screen,
        files,
        vms,
        build: None,
        lines,
        line_sender,
        cancel: None,
        layers: None,
        last_image: None,
        vm_name: None,
    };
    let quits = {
        // The terminal is as before while the VM ends.
        let mut keys = keys;
        state.turn(&mut keys).await
    };
    state.end().await;
    match quits {
        true => Ok(()),
        false => Ok(interrupt::check()?),
    }
}

fn check_files(watch: &Watch) -> impl Iterator<Item = &PathBuf> {
    let checks = &watch.setup.checks;
    checks.scripts.iter().chain(&checks.folders)
}

impl Loop {
    /// Returns true if the user quits, false after a signal.
    async fn turn(&mut self, keys: &mut Option<Keys>) -> bool {
        loop {
            while let Some(event) = self.events.pop_front() {
                for action in self.machine.handle(event) {
                    self.act(action).await;
                }
            }
            if self.machine.state() == State::Idle {
                let vm = self.vm_name.as_deref().unwrap_or("none yet");
                self.screen.idle(&format!("watching · VM {vm}"));
            }
            let key = async {
                match keys {
                    Some(keys) => keys.next().await,
                    None => pending().await,
                }
            };
            let build = async {
                match &mut self.build {
                    Some(build) => build.await,
                    None => pending().await,
                }
            };
            tokio::select! {
                biased;
                _ = interrupt::wait() => return false,
                key = key => match key {
                    'q' | '\u{4}' => return true,
                    key => self.key(key, keys).await,
                },
                Some(told) = self.vms.told.recv() => self.told(told),
                Some(line) = self.lines.recv() => self.screen.stage("build", &line),
                Some(report) = self.files.reports.recv() => self.report(report),
                built = build => {
                    self.build = None;
                    let built = built.unwrap_or_else(|error| Err(Failure {
                        message: error.to_string(),
                        output: vec![],
                    }));
                    self.built(built).await;
                }
            }
        }
    }

    async fn act(&mut self, action: Action) {
        match action {
            Action::Build => {
                let cycle = self.machine.cycle();
                self.screen.show(&Shown::Build {
                    cycle: cycle.number,
                    cause: &cycle.cause,
                });
                self.screen.stage("build", &cycle.cause);
                let (builder, lines) = (self.watch.builder.clone(), self.line_sender.clone());
                self.build = Some(spawn_blocking(move || {
                    builder.run(|line| {
                        // An error means that the loop has ended.
                        let _ = lines.send(line.to_owned());
                    })
                }));
            }
            Action::Bring { image, fresh } => {
                self.screen.show(&Shown::Vm { image: &image });
                self.screen.stage("vm", "");
                self.order(Order::Bring { image, fresh });
            }
            Action::Check => {
                self.screen.stage("check", "");
                let (cancel, cancelled) = oneshot::channel();
                self.cancel = Some(cancel);
                self.order(Order::Check { cancel: cancelled });
            }
            Action::CancelChecks => self.cancel = None,
            Action::Report(mut cycle) => {
                if let Some(layers) = self.layers.take() {
                    cycle.layers = layers.await.ok().flatten();
                }
                self.screen.show(&Shown::Cycle(&cycle));
                if cycle.outcome != Outcome::Superseded {
                    self.watch.alert.cycle(&cycle);
                }
            }
            Action::OwnWrites(files) => self.screen.show(&Shown::OwnWrites { files: &files }),
        }
    }

    fn order(&mut self, order: Order) {
        if self.vms.orders.send(order).is_err() {
            // The thread has panicked, which left its message.
            interrupt::request();
        }
    }

    async fn built(&mut self, built: BuildResult) {
        // What changed before the end of the build is in the queue before its result.
        self.files.settle().await;
        while let Ok(report) = self.files.reports.try_recv() {
            self.report(report);
        }
        match built {
            Ok(built) => {
                self.compare_layers(&built);
                self.events.push_back(Event::Built(Ok(built)));
            }
            Err(failure) => {
                if interrupt::check().is_ok() {
                    self.screen.failure(&failure);
                }
                let built = Event::Built(Err(failure.message));
                self.events.push_back(built);
            }
        }
    }

    /// Compares the new image with the one before it, while the VM comes to it.
    fn compare_layers(&mut self, built: &Built) {
        let new = built.image.clone();
        let old = self.last_image.replace(new.clone());
        if let Some(old) = old.filter(|old| *old != new) {
            let builder = self.watch.builder.clone();
            self.layers = Some(spawn_blocking(move || builder.layers(&old, &new)));
        }
    }

    fn told(&mut self, told: Told) {
        match told {
            Told::Stage(name, message) => self.screen.stage(name, &message),
            Told::Note(message) => self.screen.show(&Shown::Note { message: &message }),
            Told::Name(name) => {
                if self.vm_name.as_ref() != Some(&name) {
                    self.screen.show(&Shown::Name { name: &name });
                }
                self.vm_name = Some(name);
            }
            Told::Case(case) => {
                let commands = &self.watch.setup.checks.commands;
                self.screen.case(&case, commands.contains(&case.name));
            }
            Told::Event(event) => self.events.push_back(event),
        }
    }

    fn report(&mut self, report: Report) {
        let mut cause = match report {
            Report::Note(message) => {
                return self.screen.show(&Shown::Note { message: &message });
            }
            Report::Changed(cause) => cause,
        };
        // Reports that waited, while a shell had the terminal, lead to one build.
        while let Ok(Report::Changed(more)) = self.files.reports.try_recv() {
            cause.merge(more);
        }
        let is_check = cause
            .paths
            .iter()
            .any(|path| check_files(&self.watch).any(|check| path.starts_with(check)));
        self.events.push_back(Event::Changed(cause));
        if is_check {
            self.events.push_back(Event::Test);
        }
    }

    async fn key(&mut self, key: char, keys: &Option<Keys>) {
        match key {
            'r' => {
                let cause = Cause::other("key r");
                self.events.push_back(Event::Changed(cause));
            }
            't' if self.watch.setup.checks.is_empty() => self.note("there are no checks"),
            't' if !self.machine.can_test() => self.note("no VM runs"),
            't' => self.events.push_back(Event::Test),
            'f' if !self.machine.can_renew() => self.note("no image has been built yet"),
            'f' => self.events.push_back(Event::Fresh),
            's' => self.program(&["ssh"], keys).await,
            'l' => self.program(&["logs"], keys).await,
            _ => {}
        }
    }

    fn note(&self, message: &str) {
        self.screen.show(&Shown::Note { message });
    }

    /// Runs a command of ours for the VM on the terminal. The loop waits for its end.
    async fn program(&mut self, words: &[&str], keys: &Option<Keys>) {
        let (Some(name), Some(keys)) = (self.vm_name.clone(), keys) else {
            return self.note("no VM runs");
        };
        let program = match current_program() {
            Ok(program) => program,
            Err(error) => return self.note(&error.to_string()),
        };
        let mut command = std::process::Command::new(program);
        command.args(words).arg(name);
        keys.pause();
        let ended = self.screen.suspend(process::on_terminal(command)).await;
        // An error means that the terminal is closed.
        let _ = keys.resume();
        if let Err(error) = ended {
            self.note(&crate::text::error_chain(&error));
        }
    }

    /// Ends what runs.
    async fn end(mut self) {
        interrupt::request();
        self.screen.stage("end", "");
        if let Some(build) = self.build.take() {
            // Its result doesn't matter any more.
            let _ = build.await;
        }
        self.cancel = None;
        let Vms { orders, mut told } = self.vms;
        drop(orders);
        while let Some(told) = told.recv().await {
            match told {
                Told::Stage(name, message) => self.screen.stage(name, &message),
                Told::Note(message) => self.screen.show(&Shown::Note { message: &message }),
                Told::Name(name) => self.vm_name = Some(name),
                Told::Case(_) | Told::Event(_) => {}
            }
        }
        if let Some(name) = self.vm_name.as_ref().filter(|_| self.watch.setup.keep) {
            let message = format!("VM {name} is kept; remove it with `podman-bootc rm -f {name}`");
            self.screen.show(&Shown::Note { message: &message });
        }
        self.screen.show(&Shown::End);
    }
}
