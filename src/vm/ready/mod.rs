//! Waits until a VM's machine runs, its sshd answers, or the VM is ready.

mod boot;
mod login;
mod setup;

use std::future::pending;
use std::time::Duration;

use futures::FutureExt;
use futures::future::LocalBoxFuture;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::supervisor::client::Client;
use super::supervisor::protocol::{Message, Request};
use super::{Error, Vm, lifecycle};
use crate::guest::ssh::endpoint::{Connection, Routes};
use crate::guest::ssh::session;
use crate::hypervisor::accelerator::{self, Accelerator};
use crate::text::Stage;
pub use boot::{Boot, Wanted};
use login::Attempts;
pub use login::Ready;
pub use setup::Fault;

/// The default of `--timeout` under hardware acceleration.
pub const READY_TIME: Duration = Duration::from_secs(5 * 60);
/// The default of `--timeout` under emulation.
pub const READY_TIME_EMULATED: Duration = Duration::from_secs(20 * 60);

/// Waits until the machine runs.
///
/// # Errors
/// The machine ends, or the tool is interrupted.
pub async fn wait_started(client: &mut Client, note: impl Fn(&str)) -> Result<(), Error> {
    loop {
        match client.next().await? {
            Message::Started { .. } => return Ok(()),
            Message::Fallback { reason } => note(&accelerator::fallback_message(&reason)),
            Message::Problem { text } => note(&text),
            _ => {}
        }
    }
}

/// Waits until the VM is ready: its sshd answers and accepts our key.
///
/// `time` is the user's `--timeout`; without it, the accelerator decides. `wanted` says which boot
/// of the guest the session must be in.
///
/// # Errors
/// The VM ends, is not ready in time or has another host key, or the tool is interrupted.
pub async fn wait_ready(
    client: &mut Client,
    vm: &Vm,
    user: &str,
    time: Option<Duration>,
    stage: Option<&dyn Stage>,
    wanted: &Wanted,
) -> Result<Ready, Error> {
    let attempts = Attempts::new(vm, stage);
    let log_in = |routes, sshd_started| {
        attempts
            .log_in(user, wanted, routes, sshd_started)
            .boxed_local()
    };
    let types = vm.keys().types();
    let ready = wait_for(client, time, &attempts, log_in).await;
    if vm.keys().types() != types
        && let Err(error) = lifecycle::write_ssh_config(vm)
    {
        // OpenSSH then offers a key first that the guest refuses.
        tracing::warn!(
            error = crate::text::error_chain(&error),
            "can't update the VM's ssh_config"
        );
    }
    let accepted = match &ready {
        Ok(_) => Some(true),
        Err(Error::Session(session::Error::Refused { .. })) => Some(false),
        Err(_) => None,
    };
    // Other users' files say nothing about that of the VM's user.
    if let Some(accepted) = accepted.filter(|_| user == vm.spec.user) {
        if !accepted && vm.record().authorized.is_some() {
            attempts
                .note("the guest has lost our key: it gets the key again at the VM's next start");
        }
        let _ = client.send(&Request::Authorized { accepted }).await;
    }
    let ready = ready?;
    // The next request notices a supervisor that has exited.
    let _ = client.send(&Request::Ready).await;
    Ok(ready)
}

/// Waits until the VM's sshd answers.
///
/// # Errors
/// The VM ends, nothing answers in time, or the tool is interrupted.
pub async fn wait_answering(client: &mut Client, vm: &Vm) -> Result<Connection, Error> {
    let attempts = Attempts::new(vm, None);
    let answer = |routes, sshd_started| attempts.answer(routes, sshd_started).map(Ok).boxed_local();
    wait_for(client, Some(READY_TIME_EMULATED), &attempts, answer).await
}

/// Waits for the result of `begin`, which this function calls whenever the machine starts.
async fn wait_for<'a, T>(
    client: &mut Client,
    time: Option<Duration>,
    attempts: &Attempts<'_>,
    begin: impl Fn(Routes, watch::Receiver<bool>) -> LocalBoxFuture<'a, Result<T, session::Error>>,
) -> Result<T, Error> {
    let start = Instant::now();
    let mut limit = time.unwrap_or(READY_TIME);
    let sshd_started = watch::Sender::new(false);
    // Pending until the machine runs, also when another accelerator starts it again.
    let mut result = pending().boxed_local();
    let mut machine = None;
    loop {
        tokio::select! {
            message = client.next() => match message? {
                Message::Started { accelerator, ssh_port, vsock } => {
                    if time.is_none() && accelerator == Accelerator::Tcg {
                        limit = READY_TIME_EMULATED;
                    }
                    let routes = machine.insert(Routes { tcp: ssh_port, vsock });
                    result = begin(routes.clone(), sshd_started.subscribe());
                }
                // What has begun reaches the previous boot.
                Message::Rebooted => {
                    sshd_started.send_replace(false);
                    if let Some(routes) = &machine {
                        result = begin(routes.clone(), sshd_started.subscribe());
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
                Message::Console { line } => attempts.update(&line),
                Message::SshSettled => { sshd_started.send_replace(true); }
                Message::Problem { text } => attempts.note(&text),
                _ => {}
            },
            result = &mut result => return Ok(result?),
            () = sleep_until(start + limit) => return Err(attempts.timeout(start.elapsed())),
        }
    }
}
