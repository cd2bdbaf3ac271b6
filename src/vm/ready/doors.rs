//! The choice between the two SSH doors: the guest's own sshd, and an sshd that its agent starts
//! for us.

use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use super::login::{Attempts, Ready, log_in_once, second_login};
use super::reason::{Failure, has_cause, is_active, is_reached, is_starting, reason};
use crate::guest::ssh::endpoint::{self, Connection, Endpoint, Routes};
use crate::guest::ssh::session::Error;
use crate::vm::boot::Wanted;
use crate::vm::spec::settings::Ssh;
use crate::vm::store::instance::Door;

/// Time between two looks at what is known of the guest, and between two attempts.
const TICK: Duration = Duration::from_millis(100);
/// Time for a greeting of an sshd that has settled, before we ask the guest about it.
const GREETING_TIME: Duration = Duration::from_secs(1);
/// Time after which an sshd that runs counts as silent. Its first greeting is slow under emulation:
/// four seconds were too few on a busy host. One that our connections reach gets [`STUCK_TIME`].
const SILENT_TIME: Duration = Duration::from_secs(4);
const SILENT_TIME_EMULATED: Duration = Duration::from_secs(15);
/// Time after which an sshd that answers counts as stuck.
const STUCK_TIME: Duration = Duration::from_secs(60);
/// Time until the guest is asked again whether its devices are set up.
const DEVICES_TIME: Duration = Duration::from_secs(3);
/// Time for the reason of a refusal to arrive, which the guest's journal and settings tell.
const REASON_TIME: Duration = Duration::from_secs(2);
const REASON_TIME_EMULATED: Duration = Duration::from_secs(10);
/// Time for the second of two causes, when one is known.
const CAUSES_TIME: Duration = Duration::from_secs(1);
/// Time from an agent's start until the second door is used even if the system hasn't come far.
const EARLY_TIME: Duration = Duration::from_secs(20);
/// Time limit for a greeting of the second door.
const DOOR_TIME: Duration = Duration::from_secs(30);
/// Time between two attempts of a user whom the guest doesn't let in yet.
const USER_RETRY: Duration = Duration::from_secs(1);

/// What the choice between the doors needs beside the attempts.
pub struct Doors {
    pub choice: Ssh,
    /// The second door's socket. None if the guest can't have an agent.
    pub socket: Option<PathBuf>,
    /// True once the guest's SSH servers have settled.
    pub settled: watch::Receiver<bool>,
    pub routes: Routes,
}

/// The way that is left when the first door fails.
enum Way {
    First(Box<Result<Ready, Error>>),
    Second(Failure),
}

impl Doors {
    /// Returns true if only the second door is left, whatever the first one does.
    fn only_second(&self, attempts: &Attempts, user: &str) -> bool {
        let first_exists = self.routes.tcp != 0 || self.routes.vsock.is_some();
        match self.choice {
            Ssh::Guest => false,
            Ssh::Direct => true,
            Ssh::Auto => {
                // The door of the VM's user says nothing about other users.
                let known = attempts.door().filter(|_| user == attempts.vm().spec.user);
                self.socket.is_some() && (!first_exists || known == Some(Door::Direct))
            }
        }
    }

    /// Waits until the guest lets us in through one of the doors. Dropping the future ends the
    /// attempt.
    ///
    /// # Errors
    /// The host key is not the expected one, our keys can't be used, or no door lets us in.
    pub async fn log_in(
        &self,
        attempts: &Attempts<'_>,
        user: &str,
        wanted: &Wanted,
    ) -> Result<Ready, Error> {
        if self.only_second(attempts, user) {
            return self.second(attempts, user, wanted).await;
        }
        let first = attempts.log_in(user, wanted, self.routes.clone(), self.settled.clone());
        // Without a second door, no agent tells more.
        if self.socket.is_none() {
            return first.await;
        }
        let way = tokio::select! {
            first = first => Way::First(first.into()),
            failure = self.first_is_closed(attempts, wanted) => Way::Second(failure),
        };
        let failure = match way {
            Way::First(result) => match *result {
                Err(Error::Refused { .. }) if attempts.has_agent() => Failure::Refused,
                result => return result,
            },
            Way::Second(failure) => failure,
        };
        let why = reason(failure, &attempts.guest());
        if self.choice == Ssh::Guest {
            return Err(Error::DoorClosed { why });
        }
        attempts.note(&format!("the guest's {why}; using the direct SSH door"));
        self.second(attempts, user, wanted).await
    }

    /// Waits until an SSH server answers at one of the doors.
    pub async fn answer(&self, attempts: &Attempts<'_>) -> Connection {
        if !self.only_second(attempts, &attempts.vm().spec.user) {
            let first = attempts.answer(self.routes.clone(), self.settled.clone());
            if self.choice == Ssh::Guest || self.socket.is_none() {
                return first.await;
            }
            tokio::select! {
                first = first => return first,
                _ = self.first_fails(attempts, &Wanted::Any) => {}
            }
        }
        loop {
            self.until_open(attempts).await;
            if let Some(connection) = self.connect().await {
                return connection;
            }
            sleep(TICK).await;
        }
    }

    /// Waits until the first door is not worth more time. Without a second door, a server that is
    /// slow to answer may still do so, but not in a guest that stays without an address.
    async fn first_is_closed(&self, attempts: &Attempts<'_>, wanted: &Wanted) -> Failure {
        let mut had_no_address = false;
        loop {
            let failure = self.first_fails(attempts, wanted).await;
            let may_open = matches!(failure, Failure::Silent | Failure::Stuck);
            let has_no_address = attempts.guest().addresses.is_empty();
            if self.choice != Ssh::Guest || !may_open || (had_no_address && has_no_address) {
                return failure;
            }
            had_no_address = has_no_address;
        }
    }

    /// Waits until it is known that the guest doesn't let us in through the first door.
    async fn first_fails(&self, attempts: &Attempts<'_>, wanted: &Wanted) -> Failure {
        let (mut settled_at, mut answered_at) = (None, None);
        let mut devices_awaited: Option<Instant> = None;
        // The time of our question, and the number of the state that was the newest then.
        let mut asked: Option<(Instant, u64)> = None;
        let (silent_time, reason_time) = match attempts.is_emulated() {
            true => (SILENT_TIME_EMULATED, REASON_TIME_EMULATED),
            false => (SILENT_TIME, REASON_TIME),
        };
        loop {
            sleep(TICK).await;
            // A refusal before that may only be too early for our key.
            if !attempts.has_agent() || !*self.settled.borrow() {
                (settled_at, asked) = (None, None);
                continue;
            }
            let since: Instant = *settled_at.get_or_insert_with(Instant::now);
            // Its SSH servers end with it. The next boot tells anew.
            if wanted.is_to_come(&attempts.guest()) {
                (answered_at, asked) = (None, None);
                continue;
            }
            let refused = attempts.is_refused();
            if attempts.has_answered() && !refused {
                let answered_at: &mut Instant = answered_at.get_or_insert_with(Instant::now);
                if answered_at.elapsed() > STUCK_TIME {
                    return Failure::Stuck;
                }
                continue;
            }
            let Some((asked_at, number)) = asked else {
                if refused || since.elapsed() > GREETING_TIME {
                    attempts.ask();
                    asked = Some((Instant::now(), attempts.answers()));
                }
                continue;
            };
            let is_answered = attempts.answers() > number;
            if refused {
                let time = asked_at.elapsed();
                let is_known = has_cause(&attempts.guest()) && time > CAUSES_TIME;
                if is_answered || is_known || time > reason_time {
                    return Failure::Refused;
                }
                continue;
            }
            let state = attempts.guest();
            if is_answered && !is_active(&state) && !is_starting(&state) {
                return Failure::NotRunning;
            }
            // One of them may be its network card. udev may also never be done.
            if is_answered && state.sets_up_devices {
                let begun = *devices_awaited.get_or_insert_with(Instant::now);
                if begun.elapsed() < STUCK_TIME {
                    (settled_at, asked) = (None, None);
                    sleep(DEVICES_TIME).await;
                    continue;
                }
            }
            let limit = match is_reached(&state) {
                true => STUCK_TIME,
                false => silent_time,
            };
            if is_answered && is_active(&state) && since.elapsed() > limit {
                return Failure::Silent;
            }
            if is_answered && asked_at.elapsed() > silent_time {
                asked = None;
            }
        }
    }

    /// Waits until the second door can be opened, and the system is far enough for a session.
    async fn until_open(&self, attempts: &Attempts<'_>) {
        let mut there_at = None;
        loop {
            if attempts.has_agent() {
                let there_at: &mut Instant = there_at.get_or_insert_with(Instant::now);
                if *self.settled.borrow() || there_at.elapsed() > EARLY_TIME {
                    return;
                }
            }
            sleep(TICK).await;
        }
    }

    /// Connects to the second door. Returns none if no sshd answers there.
    async fn connect(&self) -> Option<Connection> {
        let endpoint = Endpoint::Door(self.socket.clone()?);
        match timeout(DOOR_TIME, endpoint::connect_to(endpoint)).await {
            Ok(Ok(connection)) => Some(connection),
            Ok(Err(error)) => {
                tracing::debug!(%error, "no sshd at the second door");
                None
            }
            Err(_) => None,
        }
    }

    async fn second(
        &self,
        attempts: &Attempts<'_>,
        user: &str,
        wanted: &Wanted,
    ) -> Result<Ready, Error> {
        let vm = attempts.vm();
        let login = second_login(vm, user);
        let mut refused: Option<u64> = None;
        loop {
            self.until_open(attempts).await;
            let Some(connection) = self.connect().await else {
                if attempts.guest().has_sshd == Some(false) {
                    return Err(Error::NoSshd);
                }
                sleep(TICK).await;
                continue;
            };
            attempts.update("logging in over the direct SSH door");
            let error = match log_in_once(vm, &login, wanted, connection).await {
                Err(error) => error,
                Ok(Some(ready)) => return Ok(ready),
                Ok(None) => {
                    attempts.not_rebooted().await;
                    continue;
                }
            };
            let is_final = match &error {
                Error::HostKey(_) | Error::Keys(_) | Error::NoScript(_) => true,
                // The boot may make the user later.
                Error::Refused { .. } | Error::TurnedAway { .. } => {
                    let is_final = refused.is_some_and(|number| {
                        attempts.answers() > number
                            && !matches!(
                                &*attempts.guest().system,
                                "" | "initializing" | "starting"
                            )
                    });
                    attempts.ask();
                    refused = Some(attempts.answers());
                    is_final
                }
                _ => false,
            };
            if is_final {
                return Err(error);
            }
            attempts.failed(&error);
            sleep(USER_RETRY).await;
        }
    }
}
