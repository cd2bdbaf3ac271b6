//! The VM of the loop. A thread of its own makes it, brings it to each image, and runs the checks.

use std::time::{Duration, Instant};

use tokio::runtime::Runtime;
use tokio::sync::{mpsc, oneshot};

use super::checks::ChecksSetup;
use super::cycle::{Brought, Checked, Event};
use super::error::Error;
use super::progress::{Teller, Told};
use super::report::{Checks, Layers, VmAction, VmChange};
use crate::direct_boot::Transport;
use crate::guest::ssh::session::Session;
use crate::host::fs::dirs::Dirs;
use crate::host::process::interrupt;
use crate::provision::{Boot, ImageSource, InstallChoices, Provisioner};
use crate::replace;
use crate::testing::checks::{Case, Environment, Outcome, Ran, run_all};
use crate::text::Progress as _;
use crate::upgrade::{After, ImageWish, Job, NextBoot, Wish};
use crate::vm::boot::Wanted;
use crate::vm::create::NewVm;
use crate::vm::ready::{self, Condition};
use crate::vm::supervisor::client::Client;
use crate::vm::{Name, State, Store, Vm, lifecycle};

/// What the thread needs to know.
#[derive(Debug, Clone)]
pub struct Setup {
    pub dirs: Dirs,
    /// Bytes; see [`Provisioner`].
    pub cache_limit: Option<u64>,
    pub name: Option<Name>,
    pub new: NewVm,
    pub way: Way,
    pub choices: InstallChoices,
    /// How a direct boot gets the image's files.
    pub transport: Transport,
    /// The image as podman knows it; its name is empty if each image is known by its ID.
    pub source: ImageSource,
    pub timeout: Option<Duration>,
    /// Leave the VM running at the end.
    pub keep: bool,
    pub checks: ChecksSetup,
}

/// How a VM comes to a new image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// A VM without a disk restarts from the new layers.
    Replace,
    /// A VM with a disk upgrades itself.
    Upgrade,
    /// A new VM takes its place.
    Fresh,
}

/// Work for the thread. It answers each order with one event.
#[derive(Debug)]
pub enum Order {
    Bring {
        image: String,
        fresh: bool,
    },
    /// The checks end early when `cancel` is used or dropped.
    Check {
        cancel: oneshot::Receiver<()>,
    },
}

/// The running thread.
#[derive(Debug)]
pub struct Vms {
    pub orders: mpsc::UnboundedSender<Order>,
    pub told: mpsc::UnboundedReceiver<Told>,
}

struct Thread {
    setup: Setup,
    store: Store,
    runtime: Runtime,
    teller: Teller,
    live: Option<Live>,
}

/// The VM that runs.
struct Live {
    vm: Vm,
    /// The client that started the VM, which ends with it, once `client` is another one.
    lease: Option<Client>,
    client: Client,
    /// None after a loss, and while the VM is not ready.
    session: Option<Session>,
    /// The image that it runs, or nothing if that is unknown.
    image: String,
    /// How it came to it, for the checks.
    phase: &'static str,
    /// Counts from 1.
    boot: u32,
}

impl Live {
    /// Takes a new client in the place of the old one.
    fn arrive(&mut self, client: Client, session: Option<Session>) {
        let old = std::mem::replace(&mut self.client, client);
        self.lease.get_or_insert(old);
        self.session = session;
    }

    /// Notes that it isn't known what the VM runs: the next image gets a new VM.
    fn forget_unless(&mut self, keeps_old: bool) {
        if !keeps_old {
            self.image.clear();
        }
    }
}

impl Vms {
    /// Starts the thread. It ends, and removes the VM unless the user keeps it, when `orders` is
    /// dropped; then `told` ends.
    ///
    /// # Errors
    /// The system can't start a runtime.
    pub fn start(setup: Setup) -> std::io::Result<Self> {
        let (orders, received) = mpsc::unbounded_channel();
        let (sender, told) = mpsc::unbounded_channel();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let thread = Thread {
            store: Store::new(&setup.dirs),
            teller: Teller::new(sender),
            setup,
            runtime,
            live: None,
        };
        std::thread::Builder::new()
            .name("vm".into())
            .spawn(move || thread.run(received))?;
        Ok(Self { orders, told })
    }
}

impl Thread {
    fn run(mut self, mut orders: mpsc::UnboundedReceiver<Order>) {
        while let Some(order) = self.next(&mut orders) {
            let event = match order {
                Order::Bring { image, fresh } => Event::Brought(self.bring(&image, fresh)),
                Order::Check { cancel } => Event::Checked(self.check(cancel)),
            };
            self.teller.tell(Told::Event(event));
        }
        if !self.setup.keep
            && let Err(error) = self.remove()
        {
            self.teller.note(&crate::text::error_chain(&error));
        }
    }

    /// Waits for an order, and sees the end of the VM meanwhile.
    fn next(&mut self, orders: &mut mpsc::UnboundedReceiver<Order>) -> Option<Order> {
        let Some(live) = &mut self.live else {
            return orders.blocking_recv();
        };
        let order = self.runtime.block_on(async {
            tokio::select! {
                order = orders.recv() => Some(order),
                () = ended(&mut live.client) => None,
            }
        });
        if let Some(order) = order {
            return order;
        }
        let name = live.vm.spec.name.clone();
        self.live = None;
        self.teller.tell(Told::Note(format!(
            "VM {name} has ended: the next build makes a new one"
        )));
        self.teller.tell(Told::Event(Event::VmEnded));
        self.next(orders)
    }

    fn bring(&mut self, image: &str, fresh: bool) -> Brought {
        let start = Instant::now();
        let old = self.live.as_ref().map(|live| live.image.clone());
        let is_ready = self
            .live
            .as_ref()
            .is_some_and(|live| !live.image.is_empty());
        let brought = match self.setup.way {
            Way::Upgrade if is_ready && !fresh => self.upgrade(image),
            Way::Replace if is_ready && !fresh => self.replace(image),
            Way::Replace | Way::Upgrade | Way::Fresh => {
                self.renew(image).map(|()| (VmAction::New, None))
            }
        };
        let running = self.live.as_ref().map(|live| live.image.clone());
        match brought {
            Ok((action, layers)) => Brought {
                running,
                change: Ok(VmChange {
                    name: self.name(),
                    action,
                    seconds: start.elapsed().as_secs_f64(),
                    layers,
                }),
            },
            Err(error) => Brought {
                // The last good VM stays, if it still runs.
                running: running.filter(|image| !image.is_empty()).and(old),
                change: Err(crate::text::error_chain(&error)),
            },
        }
    }

    fn name(&self) -> String {
        let live = self.live.as_ref();
        live.map(|live| live.vm.spec.name.to_string())
            .unwrap_or_default()
    }

    /// Puts a new VM in the place of the old one.
    fn renew(&mut self, image: &str) -> Result<(), Error> {
        self.remove()?;
        let setup = &self.setup;
        let provisioner = self.provisioner();
        let boot = match setup.way {
            Way::Upgrade => Boot::Disk(&setup.choices),
            Way::Replace | Way::Fresh => Boot::Direct {
                transport: setup.transport,
                kargs: &setup.choices.kargs,
            },
        };
        let source = self.source(image);
        let made = provisioner.vm_from_image(setup.name.clone(), &source, boot, setup.new.clone());
        let (vm, creating) = made?;
        let lease = !setup.keep;
        let started = self
            .runtime
            .block_on(lifecycle::start(&vm, &self.store, lease));
        drop(creating);
        let client = match started {
            Ok(client) => client,
            Err(error) => {
                self.runtime
                    .block_on(lifecycle::remove_now(&vm, &self.store))?;
                return Err(error.into());
            }
        };
        // The VMs of one loop share a name.
        self.setup.name = Some(vm.spec.name.clone());
        self.teller.tell(Told::Name(vm.spec.name.to_string()));
        self.live = Some(Live {
            vm,
            lease: None,
            client,
            session: None,
            image: String::new(),
            phase: "boot",
            boot: 1,
        });
        self.log_in(&Wanted::Any)?;
        if let Some(live) = &mut self.live {
            live.image = image.to_owned();
        }
        Ok(())
    }

    /// Waits until a VM that has been ready before is ready again. Only a new client hears what
    /// the supervisor told the old one about the machine.
    fn log_in_again(&mut self) -> Result<(), Error> {
        let live = self.live.as_mut().ok_or(Error::NoVm)?;
        let attached = lifecycle::attach(&live.vm, &self.store);
        live.arrive(self.runtime.block_on(attached)?, None);
        self.log_in(&Wanted::Lasting)
    }

    /// Waits until the VM is ready.
    fn log_in(&mut self, wanted: &Wanted) -> Result<(), Error> {
        let live = self.live.as_mut().ok_or(Error::NoVm)?;
        let stage = self.teller.stage("boot");
        let ready = self.runtime.block_on(ready::wait_until(
            &mut live.client,
            &live.vm,
            &self.setup.new.user,
            self.setup.timeout,
            Some(&*stage),
            wanted,
            &Condition::Ssh,
        ))?;
        let faults = ready.faults.iter();
        faults.for_each(|fault| stage.note(&fault.to_string()));
        live.session = Some(ready.session);
        Ok(())
    }

    fn replace(&mut self, image: &str) -> Result<(VmAction, Option<Layers>), Error> {
        let source = self.source(image);
        let provisioner = self.provisioner();
        let found = provisioner.find_image(&source)?;
        let (boot, _lease) = provisioner.boot_image(&found, self.setup.transport)?;
        let live = self.live.as_mut().ok_or(Error::NoVm)?;
        live.session = None;
        let mut job = replace::Job {
            vm: &mut live.vm,
            store: &self.store,
            user: &self.setup.new.user,
            progress: &self.teller,
            timeout: self.setup.timeout,
        };
        let wish = replace::Wish {
            image: &found.image,
            boot: &boot,
            restart: false,
        };
        let replaced = self.runtime.block_on(job.run(&wish));
        let (report, arrived) =
            replaced.inspect_err(|error| live.forget_unless(error.keeps_old()))?;
        live.image = image.to_owned();
        live.phase = "upgrade";
        live.boot += 1;
        match arrived {
            Some(arrived) => live.arrive(arrived.client, Some(arrived.session)),
            None => self.log_in_again()?,
        }
        let action = match report.way {
            "machine" => VmAction::Machine,
            _ => VmAction::Userspace,
        };
        // The machine gets groups of layers, which the loop's own count doesn't know.
        Ok((action, None))
    }

    fn upgrade(&mut self, image: &str) -> Result<(VmAction, Option<Layers>), Error> {
        let source = self.source(image);
        let found = self.provisioner().find_image(&source)?;
        let setup = &self.setup;
        let live = self.live.as_mut().ok_or(Error::NoVm)?;
        live.session = None;
        let own = live.vm.spec.running_image();
        let own = own.map(|image| image.reference.clone());
        // The guest may know the VM's image by another name, which it keeps.
        let reference =
            (own.as_ref() != Some(&found.image.reference)).then(|| found.image.reference.clone());
        let wish = Wish::Image(ImageWish {
            podman: &found.podman,
            image: &found.image,
            reference: reference.as_deref(),
        });
        let mut job = Job {
            vm: &mut live.vm,
            store: &self.store,
            user: &setup.new.user,
            progress: &self.teller,
            after: After::Reboot(NextBoot {
                soft: true,
                ..NextBoot::default()
            }),
            timeout: setup.timeout,
        };
        let upgraded = self.runtime.block_on(job.run(&wish));
        let report = upgraded.inspect_err(|error| live.forget_unless(error.keeps_old()))?;
        live.image = image.to_owned();
        live.phase = "upgrade";
        live.boot += 1;
        self.log_in_again()?;
        let action = match report.soft_reboot {
            true => VmAction::UpgradedUserspace,
            false => VmAction::Upgraded,
        };
        let layers = (report.layers > 0).then_some(Layers {
            new: report.fetched,
            total: report.layers,
            bytes: Some(report.sent),
        });
        Ok((action, layers))
    }

    fn provisioner(&self) -> Provisioner<'_> {
        Provisioner {
            dirs: &self.setup.dirs,
            store: &self.store,
            progress: &self.teller,
            cache_limit: self.setup.cache_limit,
            replaced: None,
        }
    }

    fn source(&self, image: &str) -> ImageSource {
        let source = self.setup.source.clone();
        match source.name.is_empty() {
            true => ImageSource {
                name: image.to_owned(),
                ..source
            },
            false => source,
        }
    }

    fn check(&mut self, cancel: oneshot::Receiver<()>) -> Checked {
        match self.try_check(cancel) {
            Ok(Some(checks)) => Checked::Done(checks),
            Ok(None) => Checked::Cancelled,
            Err(error) => Checked::Failed(crate::text::error_chain(&error)),
        }
    }

    /// Returns none if the checks ended early.
    fn try_check(&mut self, cancel: oneshot::Receiver<()>) -> Result<Option<Checks>, Error> {
        let start = Instant::now();
        let checks = self.setup.checks.read()?;
        if self
            .live
            .as_ref()
            .is_some_and(|live| live.session.is_none())
        {
            self.log_in_again()?;
        }
        let live = self.live.as_mut().ok_or(Error::NoVm)?;
        let session = live.session.take().ok_or(Error::NoVm)?;
        let spec = &live.vm.spec;
        let environment = Environment {
            phase: live.phase,
            image: spec
                .running_image()
                .map_or_else(|| live.image.clone(), |image| image.reference.clone()),
            boot: live.boot,
        };
        let teller = &self.teller;
        teller.tell(Told::Stage("check", String::new()));
        let limit = self.setup.checks.limit;
        let tell = |case: &Case| teller.tell(Told::Case(case.clone()));
        let work = run_all(
            &mut live.client,
            &session,
            &checks,
            environment,
            limit,
            tell,
        );
        let cases = self.runtime.block_on(async {
            tokio::select! {
                cases = work => Some(cases),
                _ = cancel => None,
            }
        });
        let Some(cases) = cases else {
            // What still runs in the guest ends with the session.
            self.runtime.block_on(session.close());
            return Ok(None);
        };
        let Ran { cases, lost } = cases?;
        if lost.is_none() {
            live.session = Some(session);
        }
        let failures = cases.iter().filter(|case| !case.outcome.is_good());
        let failures: Vec<String> = failures.map(|case| case.name.clone()).collect();
        let passed = cases.iter().filter(|case| case.outcome == Outcome::Passed);
        Ok(Some(Checks {
            passed: passed.count(),
            failed: failures.len(),
            failures,
            seconds: start.elapsed().as_secs_f64(),
        }))
    }

    fn remove(&mut self) -> Result<(), Error> {
        let Some(live) = self.live.take() else {
            return Ok(());
        };
        if live.vm.state() == State::Running {
            self.teller.tell(Told::Stage("remove", "the old VM".into()));
        }
        drop(live.session);
        let removed = lifecycle::remove_now(&live.vm, &self.store);
        Ok(self.runtime.block_on(removed)?)
    }
}

/// Waits until the machine ends. An interrupt is not its end.
async fn ended(client: &mut Client) {
    while client.next().await.is_ok() {}
    if interrupt::check().is_err() {
        std::future::pending::<()>().await;
    }
}
