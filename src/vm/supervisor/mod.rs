//! The one background process of a running VM: owns the hypervisor, writes the logs, answers clients.

pub mod client;
mod clients;
pub mod console;
mod helpers;
pub mod problems;
pub mod protocol;
mod serial_ssh;

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use super::store;
use super::store::instance::{End, EndKind, RunRecord};
use super::{Store, Vm, hardware};
use crate::engine;
use crate::engine::console_text::NewestLine;
use crate::engine::log::Log;
use crate::engine::{Ended, Engine, Event, Order, at};
use crate::guest::boot::units::JOURNAL_CHANNEL;
use crate::host::fs::file;
use crate::host::fs::lock::Lock;
use crate::host::net::socket;
use crate::host::net::socket::Listener;
use crate::host::process::interrupt;
use crate::host::{Os, fault};
use crate::hypervisor::{self, Hypervisor, accelerator};
use clients::{ClientRequest, Hub};
use console::Console;
use problems::{Due, NO_SPACE, Problems};
use protocol::{Hello, Message, Request, SOCKET};
use serial_ssh::Bridge;

/// The supervisor can't do its work.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another one has the VM.
    #[error("VM {0} is running already, or being removed")]
    Taken(String),
    /// The VM can't be read.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// Its machine can't be made.
    #[error(transparent)]
    Machine(#[from] hardware::Error),
    /// Its hypervisor can't be had.
    #[error(transparent)]
    Hypervisor(#[from] hypervisor::FindError),
    /// The accelerator that was asked for is not there.
    #[error(transparent)]
    Accelerator(#[from] accelerator::Unavailable),
    /// What it needs of the host is not there.
    #[error(transparent)]
    Missing(#[from] super::spec::settings::Missing),
    /// A helper can't be had.
    #[error(transparent)]
    Helper(#[from] helpers::Error),
    /// A port can't be forwarded.
    #[error(transparent)]
    Port(#[from] super::ports::Unavailable),
    /// Sockets, logs or the runtime can't be made.
    #[error("can't supervise the VM: {0}")]
    Io(#[from] io::Error),
}

/// Runs a VM to its end. Says [`Hello`] on standard output, once.
///
/// # Errors
/// It can't be run; said in the hello, too, if that was not said before.
pub fn run(store: &Store, name: &str) -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let supervising = async {
        let supervisor = refuse_with(Supervisor::prepare(store, name))?;
        let begun = refuse_with(supervisor.begin().await)?;
        supervisor.supervise(begun).await
    };
    runtime.block_on(supervising)
}

/// Says why there will be no hello.
fn refuse_with<T>(result: Result<T, Error>) -> Result<T, Error> {
    if let Err(error) = &result {
        say(&Hello::Refused { reason: crate::text::error_chain(error) });
    }
    result
}

fn say(hello: &Hello) {
    if let Ok(line) = serde_json::to_string(hello) {
        // Who started us may be gone; the VM runs all the same.
        let _ = writeln!(io::stdout(), "{line}");
    }
}

/// What a supervisor has when it says hello.
struct Begun {
    listener: Listener,
    record: RunRecord,
    logs: Logs,
    console: Listener,
    bridge: Option<Bridge>,
}

/// What the guest says goes there.
struct Logs {
    console: Log,
    /// The place of the journal's channel among the machine's, and its log.
    journal: Option<(usize, Log)>,
}

/// All that is needed before the machine starts.
struct Supervisor {
    vm: Vm,
    taken: Lock,
    machine: hypervisor::Machine,
    helpers: Vec<hypervisor::Helper>,
    hypervisor: Hypervisor,
    accelerators: accelerator::Candidates,
    dirs: crate::host::fs::dirs::Dirs,
}

impl Supervisor {
    fn prepare(store: &Store, name: &str) -> Result<Self, Error> {
        let found = store.find(name)?;
        let taken = found.take()?.ok_or_else(|| Error::Taken(name.to_owned()))?;
        // Read again: it may have changed before it was ours.
        let vm = Vm::open(&found.folder)?;
        let dirs = store.dirs().clone();
        let runtime = dirs.runtime_of(&vm.spec.id);
        file::remove_dir(&runtime)?;
        file::create_private_dir(&runtime)?;
        let (os, arch) = (Os::current(), vm.spec.arch);
        let features = vm.features();
        let machine = hardware::machine_for(&vm, &dirs, &features)?;
        vm.spec.settings.check()?;
        let helpers = helpers::helpers(&vm, &dirs, &features)?;
        if vm.spec.shared_root().is_some() {
            file::create_private_dir(&helpers::root_folder(&vm, &dirs))?;
        }
        super::ports::check(&vm.spec.settings.ports)?;
        let hypervisor = Hypervisor::find(vm.spec.hypervisor, arch, os)?;
        let accelerators = hypervisor.accelerators(vm.spec.accelerator, arch, os, &dirs.cache)?;
        Ok(Self { vm, taken, machine, helpers, hypervisor, accelerators, dirs })
    }

    /// All that may fail before anything runs.
    async fn begin(&self) -> Result<Begun, Error> {
        let runtime = self.dirs.runtime_of(&self.vm.spec.id);
        let listener = socket::listen(&runtime.join(SOCKET))?;
        let console = socket::listen(&runtime.join(console::SOCKET))?;
        let bridge = match &self.machine.devices.ssh {
            Some(ssh) => {
                Some(Bridge::open(self.vm.record().ssh_port, socket::listen_for_program(&ssh.socket)?).await?)
            }
            None => None,
        };
        let record = RunRecord { end: None, started: Some(jiff::Timestamp::now()), ..self.vm.record() };
        self.vm.set_record(&record)?;
        let is_journal = |channel: &crate::hypervisor::Channel| channel.name == JOURNAL_CHANNEL;
        let journal = match self.machine.channels.iter().position(is_journal) {
            Some(index) => Some((index, Log::open(&self.vm.journal_log())?)),
            None => None,
        };
        let logs = Logs { console: Log::open(&self.vm.console_log())?, journal };
        Ok(Begun { listener, record, logs, console, bridge })
    }

    async fn supervise(self, begun: Begun) -> Result<(), Error> {
        let runtime = self.dirs.runtime_of(&self.vm.spec.id);
        let Begun { listener, record, logs, console: console_listener, bridge } = begun;
        let bridge_port = bridge.as_ref().map(Bridge::port).transpose()?;
        let (console, input) = Console::new();
        let console = Arc::new(console);
        say(&Hello::Listening);
        fault::point("supervisor-listens");

        let (orders, order_receiver) = mpsc::unbounded_channel();
        let (event_sender, events) = mpsc::channel(64);
        let (requests, request_receiver) = mpsc::channel(16);
        let hub = Arc::new(Hub::default());
        let engine = Engine {
            hypervisor: &self.hypervisor,
            machine: &self.machine,
            accelerators: self.accelerators.clone(),
            cache: &self.dirs.cache,
            log: self.vm.qemu_log(),
            // Without a network the bridge has the port.
            ssh_port: bridge_port.is_none().then(|| record.ssh_port.unwrap_or(0)),
            forwards: super::ports::keep_chosen(&self.vm.spec.settings.ports, &record.ports),
            helpers: self.helpers.clone(),
            input: Some(input),
        };
        let run = engine.run(event_sender, order_receiver);
        let mut desk = Desk {
            vm: &self.vm,
            hub: Arc::clone(&hub),
            record,
            orders,
            problems: Problems::new(&self.vm, &self.dirs),
            power_off: None,
            logs,
            newest: NewestLine::default(),
            console: Arc::clone(&console),
            bridge_port,
        };
        let mut serving = vec![
            tokio::spawn(clients::serve(listener, Arc::clone(&hub), requests)),
            tokio::spawn(async move { console.serve(console_listener).await }),
        ];
        serving.extend(bridge.map(|bridge| tokio::spawn(bridge.run())));
        let ended = desk.attend(run, events, request_receiver).await;
        hub.first_client().await;
        serving.iter().for_each(tokio::task::JoinHandle::abort);

        let end = desk.end(ended);
        let removed = match self.vm.spec.remove {
            true => self.vm.remove(self.taken),
            false => {
                drop(self.taken);
                Ok(())
            }
        };
        // What stays is swept by those who come later; who waits for the end has to hear of it all the same.
        if let Err(error) = removed {
            tracing::error!(error = crate::text::error_chain(&error), "the VM can't be removed");
        }
        if let Err(error) = file::remove_dir(&runtime) {
            tracing::error!(%error, path = %runtime.display(), "the VM's sockets can't be removed");
        }
        // The news goes out last: who hears it may rely on all being done.
        hub.publish(Message::Ended { end });
        hub.drain().await;
        Ok(())
    }
}

/// Where events, requests and the machine's end come together.
struct Desk<'a> {
    vm: &'a Vm,
    hub: Arc<Hub>,
    record: RunRecord,
    orders: mpsc::UnboundedSender<Order>,
    problems: Problems,
    /// When a guest that was asked to shut down loses its power.
    power_off: Option<Instant>,
    logs: Logs,
    newest: NewestLine,
    console: Arc<Console>,
    /// The port on loopback that leads to the guest's serial port.
    bridge_port: Option<u16>,
}

impl Desk<'_> {
    async fn attend(
        &mut self,
        run: impl Future<Output = Result<Ended, engine::Error>>,
        mut events: mpsc::Receiver<Event>,
        mut requests: mpsc::Receiver<ClientRequest>,
    ) -> Result<Ended, engine::Error> {
        tokio::pin!(run);
        let mut signalled = false;
        loop {
            let (power_off, problems) = (self.power_off, self.problems.next());
            tokio::select! {
                ended = &mut run => {
                    while let Ok(event) = events.try_recv() {
                        self.hear(event);
                    }
                    return ended;
                }
                Some(event) = events.recv() => self.hear(event),
                Some(request) = requests.recv() => self.obey(request),
                () = at(power_off) => {
                    self.power_off = None;
                    self.order(Order::Quit);
                }
                () = at(problems) => match self.problems.due() {
                    Due::Resume => self.order(Order::Resume),
                    Due::Nothing => {}
                },
                // The system goes down, or someone wants us gone: in order, then.
                _ = interrupt::wait(), if !signalled => {
                    signalled = true;
                    self.obey(ClientRequest::Request(Request::Stop { seconds: 30 }));
                }
            }
        }
    }

    fn hear(&mut self, event: Event) {
        match event {
            Event::Started { accelerator, ssh_port, vsock, ports } => {
                fault::point("supervisor-runs");
                let ssh_port = self.bridge_port.or(ssh_port);
                self.record.accelerator = Some(accelerator);
                self.record.ssh_port = ssh_port;
                self.record.ports = ports;
                self.keep_record();
                let ssh_port = ssh_port.unwrap_or(0);
                self.hub.publish(Message::Started { accelerator, ssh_port, vsock });
            }
            Event::Problem(text) => {
                self.problems.add(&text);
                self.hub.publish(Message::Problem { text });
            }
            Event::Changed { number, error, ports } => {
                self.record.ports.clone_from(&ports);
                self.keep_record();
                self.hub.publish(Message::Answer { number, error, ports });
            }
            Event::Restarting => self.hub.publish(Message::Console { line: engine::RESTARTING.into() }),
            Event::Fallback { reason } => self.hub.publish(Message::Fallback { reason }),
            Event::NoSpace => {
                self.hub.publish(Message::Console { line: NO_SPACE.into() });
                tracing::warn!("{NO_SPACE}");
                self.problems.no_space();
            }
            Event::Console(bytes) => {
                self.logs.console.write(&bytes);
                self.console.show(&bytes);
                if let Some(line) = self.newest.push(&bytes) {
                    self.hub.publish(Message::Console { line: line.to_owned() });
                }
            }
            Event::Channel(index, bytes) => match &mut self.logs.journal {
                Some((journal, log)) if *journal == index => log.write(&bytes),
                _ => self.hub.publish(Message::SshStarted),
            },
        }
    }

    fn obey(&mut self, request: ClientRequest) {
        match request {
            ClientRequest::Request(Request::Ready) => {
                // How it came to its accelerator is no news to those who come later.
                self.hub.forget(|message| matches!(message, Message::Fallback { .. }));
                self.order(Order::GuestIsUp);
            }
            ClientRequest::Request(Request::Stop { seconds: 0 }) | ClientRequest::LeaseEnded => {
                self.order(Order::Quit);
            }
            ClientRequest::Request(Request::Stop { seconds }) => {
                let deadline = Instant::now() + Duration::from_secs(seconds.min(86_400));
                self.power_off = Some(self.power_off.map_or(deadline, |set| set.min(deadline)));
                self.order(Order::PowerButton);
            }
            ClientRequest::Request(Request::Change { number, change }) => {
                self.order(Order::Change(number, change));
            }
            ClientRequest::Request(Request::Attach { .. } | Request::EndLease) => {}
        }
    }

    fn order(&self, order: Order) {
        // An engine that is gone needs no orders.
        let _ = self.orders.send(order);
    }

    fn end(&mut self, ended: Result<Ended, engine::Error>) -> End {
        let (kind, reason) = match ended {
            Ok(Ended::ByGuest) => (EndKind::Guest, "the guest shut itself down".to_owned()),
            Ok(Ended::ByOrder) => (EndKind::Stop, "it was stopped".to_owned()),
            Ok(Ended::Panic(reason)) => (EndKind::Panic, format!("kernel panic: {reason}")),
            Ok(Ended::Failed(reason)) => (EndKind::Failure, reason),
            Err(error) => (EndKind::Failure, crate::text::error_chain(&error)),
        };
        let end = End { at: jiff::Timestamp::now(), kind, reason };
        self.record.end = Some(end.clone());
        self.keep_record();
        end
    }

    fn keep_record(&self) {
        if let Err(error) = self.vm.set_record(&self.record) {
            tracing::error!(%error, "the VM's state can't be kept");
        }
    }
}
