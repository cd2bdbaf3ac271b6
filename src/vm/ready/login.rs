//! Logs in to a guest that is booting, and retries until that succeeds.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep};

use super::setup::{Fault, set_up};
use crate::guest::ssh::endpoint::{self, Connection, Endpoint, Routes};
use crate::guest::ssh::session::{Error, Login, Session};
use crate::image::KEY_CREDENTIAL;
use crate::text::Stage;
use crate::vm::boot::{self, Boot, Wanted};
use crate::vm::guest_state::GuestState;
use crate::vm::store::instance::Door;
use crate::vm::{self, Vm};

/// Time limit for each answer of an SSH server that has sent its first bytes. Emulated ones are
/// slow.
pub(super) const SSH_TIME: Duration = Duration::from_secs(60);
/// Time between a failed login and the next one.
const RETRY: Duration = Duration::from_millis(200);
/// Time between two looks at a system that is shutting down.
const ENDING_RETRY: Duration = Duration::from_secs(1);
/// Time after which the guest's refusal of the key is final.
const REFUSAL_TIME: Duration = Duration::from_secs(10);

/// Time after which the guest's decision to turn the user away is final. While a guest boots, PAM
/// lets only root in.
const TURNED_AWAY_TIME: Duration = Duration::from_secs(30);

/// A VM that is ready.
pub struct Ready {
    /// A session that is logged in.
    pub session: Session,
    /// The endpoint that the session uses.
    pub endpoint: Endpoint,
    /// The guest's boot, if the wanted one had to be found.
    pub boot: Option<Boot>,
    /// The parts of the guest's setup that failed.
    pub faults: Vec<Fault>,
}

/// The attempts to reach a VM, and their progress so far.
pub struct Attempts<'a> {
    vm: &'a Vm,
    stage: Option<&'a dyn Stage>,
    /// An SSH server has answered.
    answered: Cell<bool>,
    /// The guest's processor is emulated.
    emulated: Cell<bool>,
    /// Refusals of the guest's own sshd without another answer in between.
    refusals: Cell<u32>,
    /// The error of the last login.
    failure: RefCell<Option<String>>,
    /// What the agent reports, and the number of its reports.
    guest: RefCell<(GuestState, u64)>,
    /// The door that is known to work. The supervisor's record has it.
    door: Cell<Option<Door>>,
    /// Tells [`Attempts::asked`] to ask the agent.
    ask: Notify,
}

impl<'a> Attempts<'a> {
    pub fn new(vm: &'a Vm, stage: Option<&'a dyn Stage>) -> Self {
        Self {
            vm,
            stage,
            answered: Cell::default(),
            emulated: Cell::default(),
            refusals: Cell::default(),
            failure: RefCell::default(),
            guest: RefCell::default(),
            door: Cell::default(),
            ask: Notify::new(),
        }
    }

    /// Reports what is happening right now.
    pub fn update(&self, message: &str) {
        self.stage.iter().for_each(|stage| stage.update(message));
    }

    /// Reports a message that is worth keeping.
    pub fn note(&self, message: &str) {
        self.stage.iter().for_each(|stage| stage.note(message));
    }

    pub fn vm(&self) -> &Vm {
        self.vm
    }

    pub fn set_emulated(&self, emulated: bool) {
        self.emulated.set(emulated);
    }

    pub fn is_emulated(&self) -> bool {
        self.emulated.get()
    }

    /// Begins anew: the guest boots, perhaps once more.
    pub fn boot_begins(&self) {
        self.door.set(self.vm.record().ssh_door);
        self.answered.take();
        self.refusals.take();
        self.guest.take();
    }

    /// Keeps what the agent reports.
    pub fn set_guest(&self, state: GuestState) {
        let mut guest = self.guest.borrow_mut();
        *guest = (state, guest.1 + 1);
    }

    /// Returns what the agent has reported.
    pub fn guest(&self) -> GuestState {
        self.guest.borrow().0.clone()
    }

    /// Returns true if an agent runs in the guest.
    pub fn has_agent(&self) -> bool {
        !self.guest.borrow().0.boot_id.is_empty()
    }

    /// Returns the number of reports so far that tell the state of the SSH units.
    pub fn answers(&self) -> u64 {
        let guest = self.guest.borrow();
        if guest.0.ssh_units.is_empty() {
            0
        } else {
            guest.1
        }
    }

    /// Returns the door through which a client has logged in during this run.
    pub fn door(&self) -> Option<Door> {
        self.door.get()
    }

    pub fn has_answered(&self) -> bool {
        self.answered.get()
    }

    pub fn is_refused(&self) -> bool {
        // `MaxAuthTries 1` refuses the first key before it sees the second one.
        self.refusals.get() > 1
    }

    /// Asks the agent for the guest's state.
    pub fn ask(&self) {
        self.ask.notify_one();
    }

    /// Waits for [`Self::ask`].
    pub async fn asked(&self) {
        self.ask.notified().await;
    }

    /// Keeps the error of a login for the timeout's.
    pub fn failed(&self, error: &Error) {
        *self.failure.borrow_mut() = Some(crate::text::error_chain(error));
    }

    /// Waits a moment for the guest's next boot.
    pub async fn not_rebooted(&self) {
        self.update("waiting for the guest's next boot");
        *self.failure.borrow_mut() = Some("the system has not rebooted".to_owned());
        sleep(ENDING_RETRY).await;
    }

    /// Waits until the guest's sshd answers.
    pub async fn answer(&self, routes: Routes, sshd_started: watch::Receiver<bool>) -> Connection {
        // A client that has logged in proves the network.
        let network_is_up = self.door.get() == Some(Door::Guest);
        endpoint::connect(
            &routes,
            sshd_started,
            expects_signal(self.vm),
            network_is_up,
        )
        .await
    }

    /// Waits for the guest's sshd, logs in and completes the setup. Dropping the future ends the
    /// attempt.
    ///
    /// # Errors
    /// The host key is not the pinned one, our keys can't be used, or the guest refuses them for
    /// long.
    pub async fn log_in(
        &self,
        user: &str,
        wanted: &Wanted,
        routes: Routes,
        sshd_started: watch::Receiver<bool>,
    ) -> Result<Ready, Error> {
        let vm = self.vm;
        let login = vm.login(user);
        let mut refused: Option<Instant> = None;
        loop {
            let answer = self.answer(routes.clone(), sshd_started.clone()).await;
            self.answered.set(true);
            self.update("logging in over ssh");
            let error = match log_in_once(vm, &login, wanted, answer).await {
                Err(error) => error,
                Ok(Some(ready)) => return Ok(ready),
                Ok(None) => {
                    self.not_rebooted().await;
                    continue;
                }
            };
            self.refusals.set(match error {
                Error::Refused { .. } => self.refusals.get() + 1,
                _ => 0,
            });
            match error {
                Error::HostKey(_) | Error::Keys(_) | Error::NoScript(_) => return Err(error),
                // A guest may start sshd before it writes the key.
                Error::Refused { .. }
                    if refused.get_or_insert_with(Instant::now).elapsed() > REFUSAL_TIME =>
                {
                    return Err(error);
                }
                Error::TurnedAway { .. }
                    if refused.get_or_insert_with(Instant::now).elapsed() > TURNED_AWAY_TIME =>
                {
                    return Err(error);
                }
                // sshd may be about to restart.
                _ => self.failed(&error),
            }
            sleep(RETRY).await;
        }
    }

    /// Returns the error for a VM that is not ready after this time.
    pub fn timeout(&self, time: Duration) -> vm::Error {
        let why = if !self.vm.spec.sshd {
            "its image has no sshd; install openssh-server in it and enable its service".to_owned()
        } else if let Some(failure) = &*self.failure.borrow() {
            format!("sshd answers, but {failure}")
        } else if self.answered.get() {
            "sshd answers, but login or guest setup (shares, hostname) didn't finish".to_owned()
        } else {
            "sshd doesn't answer. Check that the image enables its service and that the network comes up; \
             `podman-bootc logs` shows the console"
                .to_owned()
        };
        let story = self.guest().story();
        let why = if story.is_empty() {
            why
        } else {
            format!("{why}. {story}")
        };
        vm::Error::timeout(self.vm, time.as_secs(), why)
    }
}

/// Returns what a login through the second door needs, whose host key is ours.
pub(super) fn second_login(vm: &Vm, user: &str) -> Login {
    Login {
        keys: vm.keys().for_door(),
        ..vm.login(user)
    }
}

/// Returns nothing when the session is in another boot than the wanted one.
pub(super) async fn log_in_once(
    vm: &Vm,
    login: &Login,
    wanted: &Wanted,
    Connection { endpoint, stream }: Connection,
) -> Result<Option<Ready>, Error> {
    let session = Session::open(stream, login, SSH_TIME).await?;
    let mut boot = None;
    if *wanted != Wanted::Any {
        let seen = boot::look(&session).await?;
        if !wanted.accepts(&seen) {
            session.close().await;
            return Ok(None);
        }
        boot = Some(seen.boot);
    }
    let faults = set_up(vm, &session).await?;
    Ok(Some(Ready {
        session,
        endpoint,
        boot,
        faults,
    }))
}

/// True when the guest has an agent, and says when its SSH servers have settled.
pub(super) fn expects_signal(vm: &Vm) -> bool {
    // A direct boot contains the units; elsewhere, systemd takes them from credentials, or the guest
    // asks for them.
    vm.features().channels
        && (vm.spec.is_ephemeral()
            || vm
                .spec
                .systemd
                .is_some_and(|version| version >= KEY_CREDENTIAL))
}
