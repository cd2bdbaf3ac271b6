//! The life of a supervisor: prepare, begin, supervise.

use std::io::{self, Write};
use std::sync::Arc;

use tokio::sync::mpsc;

use super::agent::Agent;
use super::clients::{self, Broadcaster};
use super::console::{self, Console};
use super::doors::{self, Doors};
use super::helpers;
use super::problems::Problems;
use super::protocol::{Hello, Message, SOCKET, VERSION};
use super::supervision::{Logs, Restart, Supervision};
use super::told::Told;
use crate::disk;
use crate::engine::console_text::NewestLine;
use crate::engine::log::Log;
use crate::engine::{Ended, Engine, Wake, Warm};
use crate::guest::boot::units::{AGENT_CHANNEL, JOURNAL_CHANNEL};
use crate::host::fs::dirs::Dirs;
use crate::host::fs::file;
use crate::host::fs::lock::Lock;
use crate::host::net::socket::{self, Listener};
use crate::host::process::interrupt;
use crate::host::{Os, fault};
use crate::hypervisor::{self, Hypervisor, accelerator};
use crate::text;
use crate::vm::events::{self, Event, Kind};
use crate::vm::snapshots::{self, Content};
use crate::vm::store::instance::{EndKind, RunRecord};
use crate::vm::suspend::{self, Suspended};
use crate::vm::{State, Store, Vm, authorization, credentials, hardware, ports, store, warm};

/// The supervisor can't do its work.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("VM {0} is already running or is being removed")]
    Taken(String),
    /// The VM or its host is not ready for a run. The client gets only the text.
    #[error(transparent)]
    Prepare(#[from] Box<dyn std::error::Error + Send + Sync>),
    #[error("can't supervise the VM: {0}")]
    Io(#[from] io::Error),
}

/// Runs a VM to its end. Prints one [`Hello`] on standard output.
///
/// # Errors
/// The VM can't be run. The hello has the reason.
pub fn run(store: &Store, name: &str) -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    interrupt::finish_in_any_case();
    let supervising = async {
        let prepared = Supervisor::prepare(store, name).map_err(Error::Prepare);
        let (supervisor, taken) = refuse_on_error(prepared)?;
        let begun = refuse_on_error(supervisor.begin().await)?;
        Ok(supervisor.supervise(taken, begun).await?)
    };
    runtime.block_on(supervising)
}

/// Prints the hello that tells why the VM can't run.
fn refuse_on_error<T>(result: Result<T, Error>) -> Result<T, Error> {
    result.inspect_err(|error| {
        print(&Hello::Refused {
            reason: text::error_chain(error),
        })
    })
}

fn print(hello: &Hello) {
    if let Ok(line) = serde_json::to_string(hello) {
        // The VM runs even if the process that started it has died.
        let _ = writeln!(io::stdout(), "{line}");
    }
}

/// The VM that is taken, and all that its machine needs.
struct Supervisor {
    vm: Vm,
    /// The hash of the credential that authorizes our keys.
    authorization: Option<String>,
    machine: hypervisor::Machine,
    /// The answer to a guest that asks for the agent.
    bootstrap: Option<String>,
    /// The machine that loads the state of one that had resumed from a template.
    copy: Option<hypervisor::Machine>,
    /// What a warm start needs, or the reason why there is none.
    warm: Result<Option<Warm>, String>,
    helpers: Vec<hypervisor::Helper>,
    hypervisor: Hypervisor,
    accelerators: accelerator::Candidates,
    /// The state of a suspended VM.
    wake: Option<Wake>,
    dirs: Dirs,
    events: events::Record,
}

/// The open sockets and logs of a supervisor that is about to say hello.
struct Begun {
    listener: Listener,
    console_listener: Listener,
    record: RunRecord,
    logs: Logs,
    door_listener: Option<Listener>,
}

impl Supervisor {
    /// Takes the VM and looks for all that its machine needs.
    fn prepare(
        store: &Store,
        name: &str,
    ) -> Result<(Self, Lock), Box<dyn std::error::Error + Send + Sync>> {
        let found = store.find(name)?;
        let taken = found.take()?.ok_or_else(|| Error::Taken(name.to_owned()))?;
        // Read again: the spec may have changed before the VM was taken.
        let vm = Vm::open(&found.folder)?;
        let dirs = store.dirs().clone();
        let runtime = dirs.runtime_of(&vm.spec.id);
        file::remove_dir(&runtime).map_err(Error::Io)?;
        file::create_private_dir(&runtime).map_err(Error::Io)?;
        Ok((Self::with(vm, dirs, None)?, taken))
    }

    /// Looks for all that the VM's machine needs, for its start or its restart.
    fn with(
        mut vm: Vm,
        dirs: Dirs,
        restart: Option<&Restart>,
    ) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let reboots = restart == Some(&Restart::Reboot);
        if vm.spec.replaced().is_some() {
            vm.change_spec(|spec| {
                spec.begin_anew(reboots);
                Ok::<_, store::Error>(())
            })?;
        }
        if vm.record().lacks_identity {
            warm::leave_template(&vm, &dirs)?;
        }
        let (os, arch) = (Os::current(), vm.spec.arch);
        let features = vm.features();
        // A VM of an older version has none.
        vm.keys().ensure_door_key(&vm.spec.name.to_string())?;
        let mut machine = hardware::machine_for(&vm, &dirs, &features)?;
        if reboots && vm.overlay().exists() {
            machine
                .disks
                .iter_mut()
                .for_each(|disk| disk.fresh_over = None);
        }
        vm.spec.settings.check()?;
        let helpers = helpers::helpers(&vm, &dirs, &features)?;
        if vm.spec.shared_root().is_some() {
            file::create_private_dir(&helpers::root_folder(&vm, &dirs)).map_err(Error::Io)?;
        }
        ports::check(&vm.spec.settings.ports)?;
        let hypervisor = Hypervisor::find(vm.spec.hypervisor, arch, os)?;
        let mut accelerators =
            hypervisor.accelerators(vm.spec.accelerator, arch, os, &dirs.cache)?;
        let suspended = match restart {
            None | Some(Restart::Restore { .. }) => Suspended::read(&vm)?,
            Some(Restart::Fresh | Restart::Reboot) => None,
        };
        let wake = match &suspended {
            Some(suspended) => {
                suspended.check(&vm, &machine, &hypervisor)?;
                accelerators = vec![suspended.accelerator].into();
                machine.wakes = true;
                machine.generation_id = suspended.generation_id;
                for disk in &mut machine.disks {
                    disk.fresh_over = None;
                }
                let (state, record) = (vm.suspended_state(), vm.suspended());
                Some(Wake { state, record })
            }
            None => {
                suspend::remove_state(&vm).map_err(Error::Io)?;
                if restart.is_none()
                    && let Err(error) = snapshots::sweep(&vm)
                {
                    tracing::warn!(%error, "can't remove a half-made snapshot");
                }
                None
            }
        };
        let copy = suspended
            .filter(|suspended| suspended.warm)
            .map(|_| warm::copy(&vm.spec, &machine));
        let warm = match reboots || wake.is_some() {
            true => Ok(None),
            false => warm::warm(&vm, &dirs, &features, &hypervisor, &machine),
        };
        Ok(Self {
            authorization: authorization::credential(&vm, &features)?.map(|(_, hash)| hash),
            bootstrap: credentials::bootstrap(&vm, &features)?,
            vm,
            machine,
            copy,
            warm,
            wake,
            helpers,
            hypervisor,
            accelerators,
            events: events::Record::of(&dirs),
            dirs,
        })
    }

    /// Looks again for all that the machine needs, after its end.
    fn again(&self, restart: &Restart) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let mut vm = Vm::open(&self.vm.folder)?;
        if let Restart::Restore { name, .. } = restart {
            snapshots::restore(&vm, name, Content::All)?;
            vm = Vm::open(&self.vm.folder)?;
        }
        Self::with(vm, self.dirs.clone(), Some(restart))
    }

    /// Opens the sockets and logs, the last step that can fail before the hello.
    async fn begin(&self) -> Result<Begun, Error> {
        let runtime = self.dirs.runtime_of(&self.vm.spec.id);
        let listener = socket::listen(&runtime.join(SOCKET))?;
        let console_listener = socket::listen(&runtime.join(console::SOCKET))?;
        let previous = self.vm.record();
        if let State::Crashed(reason) = self.vm.state_after_end() {
            self.events.add_crash(&self.vm, &reason);
            disk::wait_until_free(&self.vm.overlay());
        }
        let record = RunRecord {
            end: None,
            started: Some(jiff::Timestamp::now()),
            authorized: previous.kept_keys().cloned(),
            ..previous
        };
        let door_listener = match self.machine.doors.is_empty() {
            true => None,
            // A client needs a socket that it can use without our runtime. On a Windows without
            // Unix sockets QEMU can't start either, and its error tells more.
            false => socket::listen_for_program(&runtime.join(doors::SOCKET))
                .inspect_err(|error| tracing::warn!(%error, "can't open the second SSH door"))
                .ok(),
        };
        self.vm
            .set_record(&record)
            .map_err(|error| Error::Prepare(error.into()))?;
        let journal = match self
            .machine
            .channels
            .iter()
            .position(|c| c.name == JOURNAL_CHANNEL)
        {
            Some(index) => Some((index, Log::open(&self.vm.journal_log())?)),
            None => None,
        };
        let logs = Logs {
            console: Log::open(&self.vm.console_log())?,
            journal,
        };
        Ok(Begun {
            listener,
            console_listener,
            record,
            logs,
            door_listener,
        })
    }

    async fn supervise(mut self, taken: Lock, begun: Begun) -> io::Result<()> {
        let runtime = self.dirs.runtime_of(&self.vm.spec.id);
        let Begun {
            listener,
            console_listener,
            mut record,
            mut logs,
            door_listener,
        } = begun;
        let clients = Arc::new(Broadcaster::default());
        let (console, input) = Console::new(Arc::clone(&clients));
        let console = Arc::new(console);
        print(&Hello::Listening { version: VERSION });
        fault::point("supervisor-listens");

        let (orders, mut order_receiver) = mpsc::unbounded_channel();
        let (event_sender, mut events) = mpsc::channel(64);
        let (request_sender, mut requests) = mpsc::channel(16);
        let doors = Arc::new(Doors::default());
        let agent_index = self
            .machine
            .channels
            .iter()
            .position(|c| c.name == AGENT_CHANNEL);
        let ports = agent_index.map(|agent| doors::Ports {
            sockets: self
                .machine
                .doors
                .iter()
                .map(|c| c.socket.clone())
                .collect(),
            agent,
            orders: orders.clone(),
        });
        let output = Arc::clone(&console);
        let mut servers = vec![
            tokio::spawn(clients::serve(
                listener,
                Arc::clone(&clients),
                request_sender,
            )),
            tokio::spawn(async move { output.serve(console_listener).await }),
        ];
        if let (Some(listener), Some(ports)) = (door_listener, ports) {
            let doors = Arc::clone(&doors);
            servers.push(tokio::spawn(doors::serve(listener, doors, ports)));
        }
        let mut restoring = None;
        let end = loop {
            let warm = match std::mem::replace(&mut self.warm, Ok(None)) {
                Ok(warm) => warm,
                Err(reason) => {
                    clients.publish(Message::Cold { reason });
                    None
                }
            };
            if self.wake.is_some() {
                record.warm = self.copy.is_some();
            }
            let engine = Engine {
                hypervisor: &self.hypervisor,
                machine: self.copy.as_ref().unwrap_or(&self.machine),
                accelerators: self.accelerators.clone(),
                cache: &self.dirs.cache,
                log: self.vm.qemu_log(),
                ssh_port: self.machine.network.then(|| record.ssh_port.unwrap_or(0)),
                forwards: ports::keep_chosen(&self.vm.spec.settings.ports, &record.ports),
                helpers: self.helpers.clone(),
                input: Some(input.clone()),
                wake: self.wake.take(),
                warm,
            };
            let mut supervision = Supervision {
                events: Told::new(self.events.clone()),
                vm: &self.vm,
                dirs: &self.dirs,
                machine: &self.machine,
                clients: Arc::clone(&clients),
                record,
                agent: Agent::new(
                    &self.vm,
                    &self.dirs,
                    &self.machine,
                    orders.clone(),
                    Arc::clone(&clients),
                    Arc::clone(&doors),
                    self.bootstrap.clone(),
                ),
                authorization: self.authorization.clone(),
                orders: orders.clone(),
                problems: Problems::new(&self.vm, &self.dirs),
                hypervisor: &self.hypervisor,
                plugged: false,
                has_identity: false,
                suspending: None,
                shutdown: None,
                restart: None,
                restoring: restoring.take(),
                cut_after: None,
                routes: None,
                logs,
                newest: NewestLine::default(),
                console: Arc::clone(&console),
            };
            let run = engine.run(event_sender.clone(), &mut order_receiver);
            let ended = supervision.supervise(run, &mut events, &mut requests).await;
            let Some(restart) = supervision.restart_after(&ended) else {
                break supervision.record_end(ended);
            };
            // They were for the old machine.
            while order_receiver.try_recv().is_ok() {}
            match self.again(&restart) {
                Ok(again) => {
                    (record, logs) = (supervision.record, supervision.logs);
                    if let Restart::Restore { number, .. } = restart {
                        record.authorized = again.vm.record().authorized;
                        restoring = Some(number);
                    }
                    self = again;
                }
                Err(error) => {
                    let reason = text::error_chain(&*error);
                    break supervision.record_end(Ok(Ended::Failed(reason)));
                }
            }
        };
        clients.wait_for_first().await;
        servers.iter().for_each(tokio::task::JoinHandle::abort);
        if self.vm.spec.scratch().is_some() && end.kind != EndKind::Suspend {
            let overlay = self.vm.overlay();
            if let Err(error) = std::fs::remove_file(&overlay) {
                tracing::warn!(%error, path = %overlay.display(), "can't remove the scratch disk");
            }
        }
        let removes = self.vm.spec.remove && end.kind != EndKind::Suspend;
        let removed = match removes {
            true => self.vm.remove(taken),
            false => {
                drop(taken);
                Ok(())
            }
        };
        // A later command sweeps the rest. A client that waits for the end must hear of it even so.
        if let Err(error) = removed {
            tracing::error!(error = text::error_chain(&error), "can't remove the VM");
        } else if removes {
            self.events
                .add(&Event::now(Kind::Removed, &self.vm.spec, None));
        }
        // The sockets of the next supervisor, which may run by now, have the same names.
        let taken = match removes {
            true => None,
            false => Some(self.vm.take()),
        };
        if !matches!(taken, Some(Ok(None)))
            && let Err(error) = file::remove_dir(&runtime)
        {
            tracing::error!(%error, path = %runtime.display(), "can't remove the VM's sockets");
        }
        drop(taken);
        // The last message comes after all cleanup, so that its receiver can rely on that.
        clients.publish(Message::Ended { end });
        clients.wait_until_gone().await;
        Ok(())
    }
}
