//! Waits until a VM's machine runs, its sshd answers, or the VM is ready.

mod condition;
mod doors;
mod forwarding;
mod login;
mod reason;
mod setup;

use std::cell::RefCell;
use std::future::pending;
use std::path::Path;
use std::time::Duration;

use futures::FutureExt;
use futures::future::LocalBoxFuture;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::lifecycle;
use super::store::instance::Door;
use super::supervisor::client::Client;
use super::supervisor::protocol::{Message, Request};
use super::{Error, Vm};
use crate::engine::at;
use crate::guest::shell;
use crate::guest::ssh::endpoint::{Connection, Endpoint, Routes};
use crate::guest::ssh::session::{self, Session};
use crate::hypervisor::accelerator::{self, Accelerator};
use crate::text::Stage;
use crate::vm::boot::Wanted;
pub use condition::Condition;
use doors::Doors;
pub use forwarding::{GuestPort, forward_from_guest};
use login::Attempts;
pub use login::Ready;
pub use setup::Fault;

/// The default of `--timeout` under hardware acceleration.
pub const READY_TIME: Duration = Duration::from_secs(5 * 60);
/// The default of `--timeout` under emulation.
pub const READY_TIME_EMULATED: Duration = Duration::from_secs(20 * 60);
/// The guest's agent is asked this long before the end what the guest is doing.
const ASK_TIME: Duration = Duration::from_secs(10);
/// The guest gets this long for the lines that explain why it is hopeless.
const LAST_LINES: Duration = Duration::from_millis(500);

/// Waits until the machine runs.
///
/// # Errors
/// The machine ends, or the tool is interrupted.
pub async fn wait_started(client: &mut Client, note: impl Fn(&str)) -> Result<(), Error> {
    loop {
        match client.next().await? {
            Message::Started { .. } => return Ok(()),
            Message::Fallback { reason } => note(&accelerator::fallback_message(&reason)),
            Message::Cold { reason } => note(&cold_message(&reason)),
            Message::Problem { text } => note(&text),
            _ => {}
        }
    }
}

/// Returns true if the user's file has our key, which a later start then must not append again.
/// None where that doesn't matter, is known, or can't be seen.
async fn keeps_our_key(vm: &Vm, session: &Session) -> Option<bool> {
    if vm.spec.is_ephemeral() || vm.record().authorized.is_some() {
        return None;
    }
    let keys = vm.keys().public_lines().ok()?;
    let key = shell::quote(keys.lines().next()?);
    let look = format!("grep -qxF -e {key} ~/.ssh/authorized_keys");
    let (code, _) = session.capture_script(&look).await.ok()?;
    (code == 0).then_some(true)
}

/// Waits until the VM is ready (an sshd answers and accepts our key), and then for the condition.
///
/// `time` limits both; without it, the accelerator decides. `wanted` selects the boot of the guest
/// that the session must be in.
///
/// # Errors
/// The VM ends, is hopeless, is not ready in time or has another host key, the condition can't be
/// met, or the tool is interrupted.
pub async fn wait_until(
    client: &mut Client,
    vm: &Vm,
    user: &str,
    time: Option<Duration>,
    stage: Option<&dyn Stage>,
    wanted: &Wanted,
    condition: &Condition,
) -> Result<Ready, Error> {
    let attempts = Attempts::new(vm, stage);
    let socket = client.door();
    let log_in = |routes, settled| {
        let (doors, attempts) = (doors(vm, &socket, routes, settled), &attempts);
        async move { doors.log_in(attempts, user, wanted).await }.boxed_local()
    };
    let types = vm.keys().types();
    let ready = wait_for(client, vm, time, &attempts, log_in).await;
    let accepted = match &ready {
        // The second door has the keys of its own, so the user's file must tell.
        Ok((
            Ready {
                endpoint: Endpoint::Door(_),
                session,
                ..
            },
            _,
        )) => keeps_our_key(vm, session).await,
        Ok(_) => Some(true),
        Err(Error::Session(session::Error::Refused { .. })) => Some(false),
        Err(_) => None,
    };
    // Only a login of the VM's user shows whether that user's file has our key.
    if let Some(accepted) = accepted.filter(|_| user == vm.spec.user) {
        if !accepted && vm.record().authorized.is_some() {
            attempts
                .note("the guest has lost our key: it gets the key again at the VM's next start");
        }
        let _ = client.send(&Request::Authorized { accepted }).await;
    }
    let (ready, limit) = ready?;
    client.in_boot(ready.boot.clone());
    // The next request notices a supervisor that has exited.
    let _ = client.send(&Request::Ready).await;
    let door = match ready.endpoint {
        Endpoint::Door(_) => Door::Direct,
        Endpoint::Tcp(_) | Endpoint::Vsock(_) => Door::Guest,
    };
    // The record and ssh_config describe the door of the VM's user, so other users don't count.
    let is_new = user == vm.spec.user && attempts.door() != Some(door);
    if is_new {
        let _ = client.send(&Request::Door { door }).await;
    }
    // OpenSSH must know the door's host key, and offer first the key that the guest accepts.
    if (is_new || user == vm.spec.user && vm.keys().types() != types)
        && let Err(error) = lifecycle::write_ssh_config(vm, door)
    {
        tracing::warn!(
            error = crate::text::error_chain(&error),
            "can't update the VM's ssh_config"
        );
    }
    if *condition != Condition::Ssh {
        wait_for_condition(client, vm, &ready, &limit, condition, &attempts).await?;
    }
    Ok(ready)
}

fn cold_message(reason: &str) -> String {
    format!("cold start: {reason}")
}

fn doors(vm: &Vm, socket: &Path, routes: Routes, settled: watch::Receiver<bool>) -> Doors {
    // The systemd of an imported disk is unknown. Without an agent in it, no door opens.
    let may_have_agent = login::expects_signal(vm) || vm.spec.systemd.is_none();
    Doors {
        choice: vm.spec.settings.ssh,
        socket: (vm.features().channels && may_have_agent).then(|| socket.to_owned()),
        settled,
        routes,
    }
}

async fn wait_for_condition(
    client: &mut Client,
    vm: &Vm,
    ready: &Ready,
    limit: &Limit,
    condition: &Condition,
    attempts: &Attempts<'_>,
) -> Result<(), Error> {
    attempts.update(&format!("waiting for {condition}"));
    let newest = RefCell::new(format!("it waits for {condition}"));
    let met = condition::wait(&ready.session, condition, |what| {
        attempts.update(what);
        what.clone_into(&mut newest.borrow_mut());
    });
    tokio::pin!(met);
    loop {
        tokio::select! {
            // An interrupt ends the session, too: the client's word for it comes first.
            biased;
            message = client.next() => match message? {
                Message::Problem { text } => attempts.note(&text),
                Message::Rebooted { .. } => {
                    return Err(Error::condition(vm, format!("it restarted before {condition} came")));
                }
                _ => {}
            },
            result = &mut met => return match result {
                Ok(()) => Ok(()),
                Err(condition::Failure::NotMet(why)) => Err(Error::condition(vm, why)),
                Err(condition::Failure::Session(error)) => Err(error.into()),
            },
            () = sleep_until(limit.end) => {
                let why = newest.borrow().clone();
                let story = condition::ask(&ready.session).await.story();
                let story = if story.is_empty() { story } else { format!("; {story}") };
                let seconds = limit.start.elapsed().as_secs();
                return Err(Error::timeout(vm, seconds, format!("{why}{story}")));
            }
        }
    }
}

/// Waits until the VM's sshd answers.
///
/// # Errors
/// The VM ends, nothing answers in time, or the tool is interrupted.
pub async fn wait_answering(client: &mut Client, vm: &Vm) -> Result<Connection, Error> {
    let attempts = Attempts::new(vm, None);
    let socket = client.door();
    let answer = |routes, settled| {
        let (doors, attempts) = (doors(vm, &socket, routes, settled), &attempts);
        async move { Ok(doors.answer(attempts).await) }.boxed_local()
    };
    let time = Some(READY_TIME_EMULATED);
    let (connection, _) = wait_for(client, vm, time, &attempts, answer).await?;
    Ok(connection)
}

/// The time of a wait.
struct Limit {
    start: Instant,
    end: Instant,
}

/// Waits for the result of `begin`, which this function calls whenever the machine starts.
async fn wait_for<'a, T>(
    client: &mut Client,
    vm: &Vm,
    time: Option<Duration>,
    attempts: &Attempts<'_>,
    begin: impl Fn(Routes, watch::Receiver<bool>) -> LocalBoxFuture<'a, Result<T, session::Error>>,
) -> Result<(T, Limit), Error> {
    let start = Instant::now();
    let mut limit = time.unwrap_or(READY_TIME);
    let settled = watch::Sender::new(false);
    // Pending until the machine runs, also when another accelerator starts it again.
    let mut result = pending().boxed_local();
    let mut machine = None;
    let mut hopeless: Option<(Instant, String)> = None;
    let mut asked = false;
    loop {
        // A short time has no room for the question.
        let ask_at = start + limit.saturating_sub(ASK_TIME).max(limit / 2);
        let last_line = hopeless.as_ref().map(|(time, _)| *time);
        tokio::select! {
            message = client.next() => match message? {
                Message::Started { accelerator, ssh_port, vsock } => {
                    if time.is_none() && accelerator == Accelerator::Tcg {
                        limit = READY_TIME_EMULATED;
                    }
                    attempts.set_emulated(accelerator == Accelerator::Tcg);
                    attempts.boot_begins();
                    let routes = machine.insert(Routes { tcp: ssh_port, vsock });
                    result = begin(routes.clone(), settled.subscribe());
                }
                // What has begun reaches the previous boot.
                Message::Rebooted { .. } => {
                    settled.send_replace(false);
                    attempts.boot_begins();
                    hopeless = None;
                    if let Some(routes) = &machine {
                        result = begin(routes.clone(), settled.subscribe());
                    }
                }
                Message::Fallback { reason } => {
                    // Others learned nothing that they can change.
                    if client.started_vm() {
                        attempts.note(&accelerator::fallback_message(&reason));
                    }
                    machine = None;
                    result = pending().boxed_local();
                }
                Message::Cold { reason } if client.started_vm() => {
                    attempts.note(&cold_message(&reason));
                }
                Message::Console { line } => attempts.update(&line),
                Message::SshSettled => { settled.send_replace(true); }
                Message::Hopeless { reason } => {
                    hopeless.get_or_insert((Instant::now() + LAST_LINES, reason));
                }
                Message::Problem { text } => attempts.note(&text),
                Message::Guest { state } => attempts.set_guest(state),
                _ => {}
            },
            () = attempts.asked() => {
                let _ = client.send(&Request::AskGuest).await;
            }
            result = &mut result => return Ok((result?, Limit { start, end: start + limit })),
            () = at(last_line) => {
                let reason = hopeless.map(|(_, reason)| reason).unwrap_or_default();
                return Err(Error::hopeless(vm, reason));
            }
            () = sleep_until(ask_at), if !asked => {
                asked = true;
                // The next request notices a supervisor that has exited.
                let _ = client.send(&Request::AskGuest).await;
            }
            () = sleep_until(start + limit) => return Err(attempts.timeout(start.elapsed())),
        }
    }
}
