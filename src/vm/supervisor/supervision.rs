//! The decisions of a supervisor: its reactions to the engine's events, clients' requests and
//! signals.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::time::Instant;

use super::agent::Agent;
use super::clients::{Broadcaster, ClientRequest};
use super::console::Console;
use super::devices;
use super::power_off;
use super::problems::Problems;
use super::protocol::{Message, Request};
use super::shutdown::{Shutdown, Step};
use super::told::Told;
use crate::engine::console_text::NewestLine;
use crate::engine::log::Log;
use crate::engine::{self, Ended, Order, at};
use crate::guest::ssh::endpoint::Routes;
use crate::host::fault;
use crate::host::fs::dirs::Dirs;
use crate::host::process::interrupt;
use crate::hypervisor::{Devices, Hypervisor, Machine};
use crate::vm::events::Kind;
use crate::vm::store::instance::{End, EndKind, RunRecord};
use crate::vm::{Name, Vm};

/// Seconds that a guest gets to shut down when a signal ends the supervisor.
const SIGNAL_STOP_SECONDS: u64 = 30;

/// The logs of what the guest writes.
pub struct Logs {
    pub console: Log,
    /// The index of the journal's channel in the machine, and its log.
    pub journal: Option<(usize, Log)>,
}

/// The way in which a machine starts anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Restart {
    /// As after a stop.
    Fresh,
    /// After a reboot of the guest, which keeps its scratch disk.
    Reboot,
    /// From this snapshot, which has the machine's memory. The client's request has the number.
    Restore { number: u64, name: Name },
}

/// How far a suspension is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suspending {
    /// The machine is being saved.
    Saving,
    /// The state counts, and the machine ends.
    Saved,
}

/// The state of a supervisor while its machine runs.
pub struct Supervision<'a> {
    pub events: Told,
    pub vm: &'a Vm,
    pub dirs: &'a Dirs,
    pub machine: &'a Machine,
    pub hypervisor: &'a Hypervisor,
    /// The machine has got or lost a device since its start.
    pub plugged: bool,
    /// The engine answers a guest that waits for its identity.
    pub has_identity: bool,
    /// A client has asked to suspend the VM.
    pub suspending: Option<Suspending>,
    pub clients: Arc<Broadcaster>,
    pub record: RunRecord,
    /// The hash of the credential that authorizes our keys.
    pub authorization: Option<String>,
    pub orders: mpsc::UnboundedSender<Order>,
    pub problems: Problems,
    /// The shutdown that a client or a signal ordered.
    pub shutdown: Option<Shutdown>,
    /// The machine starts anew when it has ended.
    pub restart: Option<Restart>,
    /// The number of the request whose snapshot the machine is about to run on from.
    pub restoring: Option<u64>,
    /// The seconds that a guest had to shut down before its power was cut.
    pub cut_after: Option<u64>,
    /// The ways to the guest's sshd while the machine runs.
    pub routes: Option<Routes>,
    pub logs: Logs,
    pub newest: NewestLine,
    pub console: Arc<Console>,
    pub agent: Agent,
}

impl Supervision<'_> {
    /// Reacts to all that happens until the machine ends.
    pub async fn supervise(
        &mut self,
        run: impl Future<Output = Result<Ended, engine::Error>>,
        events: &mut mpsc::Receiver<engine::Event>,
        requests: &mut mpsc::Receiver<ClientRequest>,
    ) -> Result<Ended, engine::Error> {
        tokio::pin!(run);
        let mut signalled = false;
        loop {
            let next_step = self.shutdown.as_ref().map(Shutdown::next);
            let space_check = self.problems.next_check();
            let agent = self.agent.next();
            tokio::select! {
                ended = &mut run => {
                    while let Ok(event) = events.try_recv() {
                        self.on_event(event);
                    }
                    return ended;
                }
                Some(event) = events.recv() => self.on_event(event),
                Some(request) = requests.recv() => self.on_request(request),
                () = at(next_step) => self.shut_down(),
                () = at(space_check) => {
                    // A machine that is saved must not run on. One that can't be saved does.
                    if self.problems.check_space() && self.suspending.is_none() {
                        self.order(Order::Resume);
                    }
                }
                () = at(agent) => self.agent.act(),
                // The host shuts down, or a user ends the supervisor.
                _ = interrupt::wait(), if !signalled => {
                    signalled = true;
                    self.on_request(ClientRequest::Request(Request::Stop { seconds: SIGNAL_STOP_SECONDS }));
                }
            }
        }
    }

    fn on_event(&mut self, event: engine::Event) {
        match event {
            engine::Event::Started {
                accelerator,
                ssh_port,
                vsock,
                ports,
                resumed,
                woken,
            } => {
                fault::point("supervisor-runs");
                self.agent.reset();
                self.record.ssh_door = None;
                self.record.accelerator = Some(accelerator);
                self.record.ssh_port = ssh_port;
                self.record.ports = ports;
                self.has_identity = resumed;
                // A woken machine is what it was.
                self.record.warm = resumed || (woken && self.record.warm);
                self.record.lacks_identity = resumed;
                self.save_record();
                let kind = if woken { Kind::Resumed } else { Kind::Started };
                self.events.add(kind, self.vm, None);
                match woken {
                    true => self.on_woken(),
                    false => self.forget_host_key(),
                }
                if let Some(number) = self.restoring.take() {
                    self.answer(number, None);
                }
                let ssh_port = ssh_port.unwrap_or(0);
                self.routes = Some(Routes {
                    tcp: ssh_port,
                    vsock: vsock.clone(),
                });
                self.clients.publish(Message::Started {
                    accelerator,
                    ssh_port,
                    vsock,
                });
            }
            engine::Event::Cold { reason } => self.clients.publish(Message::Cold { reason }),
            engine::Event::Problem(text) => {
                self.problems.add(&text);
                self.clients.publish(Message::Problem { text });
            }
            engine::Event::Changed {
                number,
                error,
                ports,
            } => {
                self.record.ports.clone_from(&ports);
                self.save_record();
                self.clients.publish(Message::Answer {
                    number,
                    error,
                    ports,
                });
            }
            engine::Event::Saved(number, saved) => self.on_saved(number, saved),
            engine::Event::HasIdentity => {
                self.record.lacks_identity = false;
                self.save_record();
            }
            engine::Event::Unpaused => self.agent.set_clock(),
            engine::Event::Restarting { reason } => self.clients.publish(Message::Problem {
                text: engine::restart_message(&reason),
            }),
            engine::Event::Reset => {
                self.newest = NewestLine::default();
                self.agent.reset();
                self.forget_host_key();
                self.problems.set_hopeless(None);
                self.events.add(Kind::Rebooted, self.vm, None);
                self.clients.publish(Message::REBOOTED);
                self.on_reset();
            }
            engine::Event::Hopeless(reason) => {
                self.problems.set_hopeless(Some(&reason));
                self.clients.publish(Message::Hopeless { reason });
            }
            engine::Event::Fallback { reason } => {
                self.clients.publish(Message::Fallback { reason })
            }
            engine::Event::NoSpace => {
                let problem = self.problems.no_space(self.machine);
                tracing::warn!("{problem}");
                self.clients.publish(Message::Console {
                    line: problem.to_owned(),
                });
            }
            engine::Event::Console(bytes) => {
                self.logs.console.write(&bytes);
                self.console.show(&bytes);
                if let Some(line) = self.newest.push(&bytes) {
                    self.clients.publish(Message::Console {
                        line: line.to_owned(),
                    });
                }
            }
            engine::Event::Channel(index, bytes) => match &mut self.logs.journal {
                Some((journal, log)) if *journal == index => log.write(&bytes),
                _ => self.agent.on_channel(index, &bytes),
            },
        }
    }

    fn on_request(&mut self, request: ClientRequest) {
        match request {
            ClientRequest::Request(Request::Ready) => {
                self.events.add(Kind::Ready, self.vm, None);
                // Later clients need no message about the accelerator that failed.
                self.clients.forget(|message| {
                    matches!(message, Message::Fallback { .. } | Message::Hopeless { .. })
                });
                self.problems.set_hopeless(None);
                self.order(Order::GuestIsUp);
                self.agent.on_login();
            }
            ClientRequest::Request(Request::AskGuest) => self.agent.ask(),
            ClientRequest::Request(Request::Authorized { accepted }) => {
                let authorized = self.authorization.clone().filter(|_| accepted);
                if self.record.authorized != authorized && !self.vm.spec.remove {
                    self.record.authorized = authorized;
                    self.save_record();
                }
            }
            ClientRequest::Request(Request::Door { door }) => {
                self.record.ssh_door = Some(door);
                self.save_record();
            }
            ClientRequest::LeaseEnded => self.stop(0),
            ClientRequest::Request(Request::Stop { seconds }) => self.stop(seconds),
            ClientRequest::Request(Request::Restart { seconds }) => {
                // A machine that somebody stops stays off, and one that is saved.
                let is_saved = self.suspending == Some(Suspending::Saved);
                if self.shutdown.is_none() && !is_saved {
                    self.stop(seconds);
                    self.restart = Some(Restart::Fresh);
                }
            }
            ClientRequest::Request(Request::Suspend { number }) => self.suspend(number),
            ClientRequest::Request(Request::Snapshot { number, name }) => {
                self.snapshot(number, &name);
            }
            ClientRequest::Request(Request::Restore { number, name }) => {
                self.restore(number, name);
            }
            ClientRequest::Request(Request::UserspaceRestarts) => self.agent.restarts(),
            // It would be missing in the state, or change a disk that the state counts on.
            ClientRequest::Request(
                Request::Change { number, .. }
                | Request::Plug { number, .. }
                | Request::Unplug { number, .. },
            ) if self.suspending.is_some() => {
                self.answer(number, Some("it is being suspended".into()));
            }
            ClientRequest::Request(Request::Change { number, change }) => {
                self.order(Order::Change(number, change));
            }
            ClientRequest::Request(Request::Plug { number, device }) => {
                // A machine that resumed without shares maps its template's memory.
                let Devices {
                    shared_memory,
                    shares,
                    ..
                } = &self.machine.devices;
                let takes_shares = *shared_memory && (!self.record.warm || !shares.is_empty());
                match devices::addition(self.vm, self.dirs, takes_shares, &device) {
                    Ok(addition) => {
                        self.plugged = true;
                        self.order(Order::Plug(number, Box::new(addition)));
                    }
                    Err(error) => self.answer(number, Some(crate::text::error_chain(&error))),
                }
            }
            ClientRequest::Request(Request::Unplug { number, device }) => {
                // A device that it never had can't go.
                self.plugged |= self.machine.devices.has(&device);
                let helper = devices::helper_name(self.vm, &device);
                self.order(Order::Unplug {
                    number,
                    device,
                    helper,
                });
            }
            ClientRequest::Request(Request::Attach { .. } | Request::EndLease) => {}
        }
    }

    /// Ends the machine for good.
    fn stop(&mut self, seconds: u64) {
        self.restart = None;
        self.suspending = self.suspending.filter(|state| *state == Suspending::Saved);
        if seconds == 0 {
            self.cut_power();
        } else {
            let shutdown = Shutdown::begin(Instant::now(), seconds);
            self.shutdown = Some(shutdown.or_earlier(self.shutdown));
        }
    }

    /// The guest's firmware starts again. The machine knows only the image that it started with.
    fn on_reset(&mut self) {
        let differs = Vm::open(&self.vm.folder).is_ok_and(|vm| !vm.spec.boots_as(&self.vm.spec));
        let is_ephemeral = self.vm.spec.is_ephemeral();
        // A machine that began with a template waits again for its identity. The engine has one for a
        // machine without a disk, whose /etc is new, unless it woke since.
        let waits = self.record.warm && !(is_ephemeral && self.has_identity);
        if (differs || waits) && self.shutdown.is_none() {
            self.restart = Some(Restart::Reboot);
            self.order(Order::Quit);
        }
    }

    /// Returns the way in which the machine starts anew after this end, if it does.
    pub fn restart_after(&mut self, ended: &Result<Ended, engine::Error>) -> Option<Restart> {
        let restart = self.restart.take()?;
        if !matches!(ended, Ok(Ended::ByGuest | Ended::ByOrder)) {
            return None;
        }
        self.clients
            .forget(|message| matches!(message, Message::Started { .. }));
        if !matches!(restart, Restart::Restore { .. }) {
            self.events.add(Kind::Rebooted, self.vm, None);
        }
        self.clients.publish(Message::REBOOTED);
        self.forget_host_key();
        Some(restart)
    }

    /// An ephemeral VM's host key was in memory.
    fn forget_host_key(&self) {
        if self.vm.spec.is_ephemeral()
            && let Err(error) = self.vm.keys().forget_host(self.vm.spec.name.as_str())
        {
            tracing::error!(%error, "can't forget the host key of the previous boot");
        }
    }

    /// Takes the next step of the shutdown.
    fn shut_down(&mut self) {
        let Some(shutdown) = &mut self.shutdown else {
            return;
        };
        match shutdown.step(Instant::now()) {
            Step::PressPowerButton => self.order(Order::PowerButton),
            Step::Ask => {
                self.agent.power_off();
                if let Some(routes) = self.routes.clone() {
                    tokio::spawn(power_off::over_ssh(self.vm.clone(), routes));
                }
            }
            Step::CutPower => {
                self.cut_after = Some(shutdown.seconds);
                self.shutdown = None;
                self.cut_power();
            }
        }
    }

    fn cut_power(&mut self) {
        // What the guest wrote last may be lost, and our keys with it.
        self.record.authorized = None;
        self.order(Order::Quit);
    }

    /// Answers a request with this number.
    pub(super) fn answer(&self, number: u64, error: Option<String>) {
        self.clients.publish(Message::Answer {
            number,
            error,
            ports: self.record.ports.clone(),
        });
    }

    pub(super) fn order(&self, order: Order) {
        // An engine that has ended needs no orders.
        let _ = self.orders.send(order);
    }

    /// Writes the end to the record, and returns it.
    pub fn record_end(&mut self, ended: Result<Ended, engine::Error>) -> End {
        let saved = self.suspending == Some(Suspending::Saved);
        let (mut kind, reason) = match ended {
            _ if saved => (EndKind::Suspend, "it was suspended".to_owned()),
            Ok(Ended::ByGuest) => (EndKind::Guest, "the guest shut itself down".to_owned()),
            Ok(Ended::ByOrder) => {
                let reason = match self.cut_after {
                    Some(seconds) => {
                        format!(
                            "the guest didn't shut down within {seconds} s, so its power was cut"
                        )
                    }
                    None => "it was stopped".to_owned(),
                };
                (EndKind::Stop, reason)
            }
            Ok(Ended::Panic(reason)) => (EndKind::Panic, format!("kernel panic: {reason}")),
            Ok(Ended::Failed(reason)) => (EndKind::Failure, reason),
            Err(error) => (EndKind::Failure, crate::text::error_chain(&error)),
        };
        // One that failed to wake, or that ended before it did, is as suspended as before.
        if self.vm.suspended().exists() {
            kind = EndKind::Suspend;
        }
        let end = End {
            at: jiff::Timestamp::now(),
            kind,
            power_cut: kind == EndKind::Stop && self.cut_after.is_some(),
            reason,
        };
        self.record.end = Some(end.clone());
        self.save_record();
        let event = match kind {
            EndKind::Guest | EndKind::Stop => Kind::Stopped,
            EndKind::Suspend => Kind::Suspended,
            EndKind::Panic | EndKind::Failure => Kind::Crashed,
        };
        self.events.add(event, self.vm, Some(&end.reason));
        end
    }

    fn save_record(&self) {
        if let Err(error) = self.vm.set_record(&self.record) {
            tracing::error!(%error, "can't write the VM's state");
        }
    }
}
