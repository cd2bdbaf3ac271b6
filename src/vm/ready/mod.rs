//! Waits for a VM: until its machine runs, its sshd answers, or it is ready.

mod login_attempt;

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::supervisor::client::Client;
use super::supervisor::protocol::{Message, Request};
use super::{Error, Vm};
use crate::guest::boot::credentials::UNIT_CREDENTIALS;
use crate::guest::boot::shares;
use crate::guest::ssh::endpoint::{Answer, Ways};
use crate::guest::ssh::session;
use crate::guest::ssh::session::{Login, Session};
use crate::hypervisor::accelerator::{self, Accelerator};
use crate::text::Stage;
pub use login_attempt::Ready;
use login_attempt::{Attempt, Step};

/// `--timeout` when it is not given, under hardware acceleration.
pub const READY_TIME: Duration = Duration::from_secs(5 * 60);
/// The same under emulation.
pub const READY_TIME_EMULATED: Duration = Duration::from_secs(20 * 60);
/// The time until the next login after one that was refused.
const LOGIN_RETRY: Duration = Duration::from_millis(200);
/// A key that is refused for so long is not taken later.
const REFUSAL_TIME: Duration = Duration::from_secs(10);

/// Something that was asked of the guest and can't be had, though it is up.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// It can't be given its name.
    #[error("VM {name} is up, but can't be called {hostname}: {why}")]
    Hostname {
        /// The VM.
        name: String,
        /// What it was to be called.
        hostname: String,
        /// What the guest said.
        why: String,
    },
    /// It can't mount its shares.
    #[error("VM {name} is up, but {why}")]
    Shares {
        /// The VM.
        name: String,
        /// What failed.
        why: String,
    },
}

/// Waits until the machine itself runs; `note` gets what the user should know.
///
/// # Errors
/// It ends before.
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

/// Waits until the VM is ready: its sshd answers and takes our key.
///
/// `time` is the user's `--timeout`; without it the accelerator decides.
///
/// # Errors
/// It ends, is not ready in time, has another host key, or the tool is interrupted.
pub async fn wait_ready(
    client: &mut Client,
    vm: &Vm,
    user: &str,
    time: Option<Duration>,
    stage: &mut dyn Stage,
) -> Result<Ready, Error> {
    let mut wait = Wait::new(vm, time);
    let login = Login { user: user.to_owned(), keys: vm.keys(), alias: vm.spec.name.to_string() };
    let (signal, signal_receiver) = watch::channel(false);
    let expected = expects_signal(vm);
    let mut ways = None;
    let mut attempt = Attempt::default();
    loop {
        tokio::select! {
            message = client.next() => match message? {
                Message::Started { accelerator, ssh_port, vsock } => {
                    if time.is_none() && accelerator == Accelerator::Tcg {
                        wait.time = READY_TIME_EMULATED;
                    }
                    let all = ways.insert(Ways { tcp: ssh_port, vsock }).clone();
                    attempt = Attempt::begin(all, signal_receiver.clone(), expected, Duration::ZERO);
                }
                Message::Fallback { reason } => {
                    stage.note(&accelerator::fallback_message(&reason));
                    attempt = Attempt::default();
                }
                Message::Console { line } => stage.update(&line),
                Message::SshStarted => { signal.send_replace(true); }
                Message::Problem { text } => stage.note(&text),
                _ => {}
            },
            step = attempt.next() => match (step, &ways) {
                (Step::Answers(answer), _) => {
                    wait.answered = true;
                    stage.update("logging in over ssh");
                    let vm = vm.clone();
                    attempt = Attempt::log_in(answer, login.clone(), Box::new(move |session| set_up(&vm, session)));
                }
                (Step::LoggedIn(ready), _) => {
                    // A supervisor that is gone by now will be noticed by what comes next.
                    let _ = client.send(&Request::Ready).await;
                    return Ok(*ready);
                }
                (Step::Failed(error @ (session::Error::HostKey(_) | session::Error::Keys(_))), _) => {
                    return Err(error.into());
                }
                // A guest that starts sshd before it has written the key is soon done with it.
                (Step::Failed(error @ session::Error::Refused { .. }), _)
                    if wait.refused.is_some_and(|since| since.elapsed() > REFUSAL_TIME) =>
                {
                    return Err(error.into());
                }
                (Step::Failed(error), Some(ways)) => {
                    // sshd may be about to start anew, too.
                    if matches!(error, session::Error::Refused { .. }) {
                        wait.refused.get_or_insert_with(Instant::now);
                    }
                    wait.refusal = Some(crate::text::error_chain(&error));
                    attempt = Attempt::begin(ways.clone(), signal_receiver.clone(), expected, LOGIN_RETRY);
                }
                // Nothing is tried before there is an endpoint.
                (_, None) => attempt = Attempt::default(),
            },
            () = tokio::time::sleep_until(wait.begin + wait.time) => return Err(wait.timeout()),
        }
    }
}

/// Makes sure of what was asked of the guest; returns what can't be had.
fn set_up(vm: &Vm, session: &Session) -> Result<Vec<Fault>, session::Error> {
    let mut faults = Vec::new();
    faults.extend(mount_shares(vm, session)?);
    faults.extend(set_hostname(vm, session)?);
    Ok(faults)
}

/// Mounts the shares that are not mounted: an older systemd leaves that to us.
fn mount_shares(vm: &Vm, session: &Session) -> Result<Option<Fault>, session::Error> {
    let shares = &vm.spec.settings.shares;
    if shares.is_empty() {
        return Ok(None);
    }
    let way = vm.features().shares;
    let (code, output) = session.capture(&shares::mount_line(shares, way))?;
    let mut failures = shares::failures(shares, way, &output);
    if failures.is_empty() && code != 0 {
        failures.push(format!(
            "user {} may not mount the shares in the VM (`sudo -n` fails): {}",
            vm.spec.user,
            crate::text::plain(&output)
        ));
    }
    let fault = || Fault::Shares { name: vm.spec.name.to_string(), why: failures.join("; ") };
    Ok((!failures.is_empty()).then(fault))
}

/// Makes sure that the guest is called as asked: an image's own name, or an older systemd, may be in the way.
fn set_hostname(vm: &Vm, session: &Session) -> Result<Option<Fault>, session::Error> {
    let Some(hostname) = &vm.spec.settings.hostname else { return Ok(None) };
    Ok(match session.capture(&hostname.shell_line())? {
        (0, _) => None,
        (_, why) => Some(Fault::Hostname {
            name: vm.spec.name.to_string(),
            hostname: hostname.to_string(),
            why: crate::text::plain(&why),
        }),
    })
}

/// True when the guest will say that it started its sshd.
fn expects_signal(vm: &Vm) -> bool {
    // A direct boot brings the unit along, whatever the guest's systemd takes from credentials.
    vm.features().channels
        && (vm.spec.is_ephemeral() || vm.spec.systemd.is_some_and(|version| version >= UNIT_CREDENTIALS))
}

/// What is known while we wait, for the error that may come of it.
struct Wait<'a> {
    vm: &'a Vm,
    time: Duration,
    begin: Instant,
    refusal: Option<String>,
    /// When the key was refused first.
    refused: Option<Instant>,
    answered: bool,
}

impl<'a> Wait<'a> {
    fn new(vm: &'a Vm, time: Option<Duration>) -> Self {
        let time = time.unwrap_or(READY_TIME);
        Self { vm, time, begin: Instant::now(), refusal: None, refused: None, answered: false }
    }

    fn timeout(&self) -> Error {
        let why = if !self.vm.spec.sshd {
            "its image has no sshd; install openssh-server in it and enable its service".to_owned()
        } else if let Some(refusal) = &self.refusal {
            format!("sshd answers, but {refusal}")
        } else if self.answered {
            "sshd answers, but the login, or what has to be done then, doesn't come to its end".to_owned()
        } else {
            "sshd doesn't answer; is its service enabled in the image, and does the network come up? \
             `podman-bootc logs` shows the whole console"
                .to_owned()
        };
        let seconds = self.begin.elapsed().as_secs();
        Error::timeout(self.vm, seconds, why)
    }
}

/// Waits until the VM's sshd answers.
///
/// # Errors
/// The VM ends, nothing answers for long, or the tool is interrupted.
pub async fn wait_answering(client: &mut Client, vm: &Vm) -> Result<Answer, Error> {
    let mut wait = Wait::new(vm, Some(READY_TIME_EMULATED));
    let (signal, receiver) = watch::channel(false);
    let mut attempt = Attempt::default();
    loop {
        tokio::select! {
            message = client.next() => match message? {
                Message::Started { ssh_port, vsock, .. } => {
                    let ways = Ways { tcp: ssh_port, vsock };
                    attempt = Attempt::begin(ways, receiver.clone(), expects_signal(vm), Duration::ZERO);
                }
                Message::Fallback { .. } => attempt = Attempt::default(),
                Message::SshStarted => { signal.send_replace(true); }
                _ => {}
            },
            step = attempt.next() => match step {
                Step::Answers(answer) => return Ok(answer),
                Step::Failed(error) => {
                    wait.refusal = Some(crate::text::error_chain(&error));
                    return Err(wait.timeout());
                }
                // Nobody logs in here.
                Step::LoggedIn(..) => {}
            },
            () = tokio::time::sleep_until(wait.begin + wait.time) => return Err(wait.timeout()),
        }
    }
}
