//! What can be done with a VM: create, start, wait until it is ready, stop, remove.

use std::io::{self, BufRead, BufReader};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::attempt::{Attempt, Step};
use super::client::Client;
use super::control::{Change, Hello, Message, Request};
use super::spec::Spec;
use super::store::{self, End};
use super::{State, Store, Vm, console};
use crate::disk;
use crate::guest::credentials::UNIT_CREDENTIALS;
use crate::guest::endpoint::Endpoint;
use crate::guest::keys;
use crate::guest::session::{self, Login, Session};
use crate::guest::shares;
use crate::guest::ssh_config::HostBlock;
use crate::host::interrupt::{self, Interrupted};
use crate::host::{file, process};
use crate::hypervisor::Forward;
use crate::hypervisor::accelerator::{self, Accelerator};
use crate::ui::Stage;

/// `--timeout` when it is not given, under hardware acceleration.
pub const READY_TIME: Duration = Duration::from_secs(5 * 60);
/// The same under emulation.
pub const READY_TIME_EMULATED: Duration = Duration::from_secs(20 * 60);
/// The time until the next login after one that was refused.
const LOGIN_RETRY: Duration = Duration::from_millis(200);
/// A key that is refused for so long is not taken later.
const REFUSAL_TIME: Duration = Duration::from_secs(10);
/// Lines of the console that an error quotes.
const CONSOLE_LINES: usize = 12;

/// Something can't be done with a VM.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store of VMs fails.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// A key can't be made or used.
    #[error(transparent)]
    Keys(#[from] keys::Error),
    /// The overlay can't be made.
    #[error(transparent)]
    Overlay(#[from] disk::QemuImgError),
    /// A disk of its own can't be made.
    #[error(transparent)]
    OwnDisk(#[from] disk::OwnDiskError),
    /// The disk cache fails.
    #[error(transparent)]
    Cache(#[from] disk::Error),
    /// The disk image that it stands on can't be used.
    #[error(transparent)]
    Import(#[from] disk::ImportError),
    /// The base disk that it stands on is gone.
    #[error(
        "VM {name} can't start: the base disk that it stands on, {file}, is gone (was the cache emptied?); \
         `podman-bootc rm {name}` removes what is left of the VM"
    )]
    NoBase {
        /// The VM.
        name: String,
        /// The base disk.
        file: PathBuf,
    },
    /// The user is not in the image.
    #[error("image {image} has no user {user}; `--user` takes one of: {known}")]
    NoUser {
        /// The image's name.
        image: String,
        /// The user.
        user: String,
        /// Users that it has.
        known: String,
    },
    /// The image is too old for a setting.
    #[error("{origin} has systemd {version}; {flag} needs systemd {UNIT_CREDENTIALS} or newer in it")]
    OldSystemd {
        /// The image.
        origin: String,
        /// Its systemd.
        version: u32,
        /// What was asked for.
        flag: &'static str,
    },
    /// The firmware that was asked for can't be had.
    #[error(transparent)]
    Firmware(#[from] crate::hypervisor::qemu::firmware::Unavailable),
    /// The user's files can't be kept.
    #[error(transparent)]
    Extras(#[from] super::extras::Error),
    /// The machine can't be made.
    #[error(transparent)]
    Machine(#[from] super::machine::Error),
    /// The guest can't be given its name.
    #[error("VM {name} is up, but can't be called {hostname}: {why}")]
    Hostname {
        /// The VM.
        name: String,
        /// What it was to be called.
        hostname: String,
        /// What the guest said.
        why: String,
    },
    /// A file can't be used.
    #[error("can't use {path}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The supervisor can't be started or reached.
    #[error("can't start VM {name}: {reason}")]
    Start {
        /// The VM.
        name: String,
        /// What it said.
        reason: String,
    },
    /// It is running.
    #[error("VM {0} is running; stop it first, or use `rm -f`")]
    IsRunning(String),
    /// It is not running.
    #[error("VM {name} is not running ({state}); `podman-bootc start {name}` starts it")]
    NotRunning {
        /// The VM.
        name: String,
        /// Its state.
        state: String,
    },
    /// The VM ended before it was ready, or while it was used.
    #[error("VM {name} ended: {}{}", .end.reason, quoted(.console))]
    Ended {
        /// The VM.
        name: String,
        /// How it ended.
        end: End,
        /// The last lines of its console.
        console: Vec<String>,
    },
    /// It took too long.
    #[error("VM {name} was not ready after {seconds} s: {why}{}", quoted(.console))]
    Timeout {
        /// The VM.
        name: String,
        /// The time that it was given.
        seconds: u64,
        /// What was missing, and what to do.
        why: String,
        /// The last lines of its console.
        console: Vec<String>,
    },
    /// The guest can't mount its shares.
    #[error("VM {name} is up, but {why}")]
    Shares {
        /// The VM.
        name: String,
        /// What failed.
        why: String,
    },
    /// A change of the running machine failed.
    #[error("VM {name}: {why}")]
    Change {
        /// The VM.
        name: String,
        /// What the supervisor said.
        why: String,
    },
    /// The guest answers with another host key, or its like.
    #[error(transparent)]
    Session(#[from] session::Error),
    /// The tool was interrupted.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

fn quoted(lines: &[String]) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let lines: String = lines.iter().map(|line| format!("\n  | {line}")).collect();
    format!("\nThe end of its console:{lines}")
}

/// Starts a VM's supervisor and attaches to it.
///
/// # Errors
/// It runs already, or can't be started.
pub async fn start(vm: &Vm, store: &Store, lease: bool) -> Result<Client, Error> {
    let name = vm.spec.name.to_string();
    let failed = |reason: String| Error::Start { name: name.clone(), reason };
    let io = |e: io::Error| failed(e.to_string());
    check_base(vm, store)?;
    let log = file::create_private(&vm.supervisor_log())
        .map_err(|source| Error::Io { path: vm.supervisor_log(), source })?;
    write_ssh_config(vm)?;
    let program = process::myself().map_err(io)?;
    let mut command = Command::new(program);
    command.args(["--log-level", &tracing::level_filters::LevelFilter::current().to_string()]);
    command.args(["internal-supervise", &name]);
    // Not in the way of whoever wants to unmount the folder that we happen to be in.
    command.current_dir("/").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
    process::detach(&mut command);
    let mut child = command.spawn().map_err(io)?;
    let mut line = String::new();
    if let Some(stdout) = child.stdout.take() {
        BufReader::new(stdout).read_line(&mut line).map_err(io)?;
    }
    match serde_json::from_str(&line) {
        Ok(Hello::Listening) => {}
        Ok(Hello::Refused { reason }) => {
            // It ends by itself; waited for so that it is no zombie.
            let _ = child.wait();
            return Err(failed(reason));
        }
        Err(_) => {
            let _ = child.wait();
            return Err(failed(file::last_lines(&vm.supervisor_log(), 3).join("; ")));
        }
    }
    let mut client = Client::attach(vm, store.dirs(), lease).await.map_err(io)?;
    client.adopt(child);
    Ok(client)
}

/// Waits until the machine itself runs; `note` gets what the user should know.
///
/// # Errors
/// It ends before.
pub async fn wait_started(client: &mut Client, vm: &Vm, note: impl Fn(&str)) -> Result<(), Error> {
    let wait = Wait::new(vm, None);
    loop {
        tokio::select! {
            message = client.next() => match message {
                Some(Message::Started { .. }) => return Ok(()),
                Some(Message::Fallback { reason }) => note(&accelerator::fallback_message(&reason)),
                Some(Message::Ended { end }) => return Err(wait.ended(end)),
                Some(Message::Problem { text }) => note(&text),
                Some(Message::Console { .. } | Message::SshStarted | Message::Answer { .. }) => {}
                None => return Err(wait.lost()),
            },
            signal = interrupt::wait() => return Err(signal.into()),
        }
    }
}

/// Makes sure that what the VM's overlay stands on is still there.
fn check_base(vm: &Vm, store: &Store) -> Result<(), Error> {
    if !vm.features().layers() {
        return Ok(());
    }
    if let Some(import) = vm.spec.import() {
        import.check()?;
    }
    if let Some(key) = vm.spec.base() {
        let file = disk::Cache::open(&store.dirs().disks())?.file(key);
        if !file.exists() {
            return Err(Error::NoBase { name: vm.spec.name.to_string(), file });
        }
    }
    Ok(())
}

/// Attaches to a VM that runs.
///
/// # Errors
/// It doesn't.
pub async fn attach(vm: &Vm, store: &Store) -> Result<Client, Error> {
    match Client::attach(vm, store.dirs(), false).await {
        Ok(client) => Ok(client),
        Err(_) => {
            let state = match vm.state() {
                State::Crashed(reason) => format!("crashed: {reason}"),
                other => other.name().to_owned(),
            };
            Err(Error::NotRunning { name: vm.spec.name.to_string(), state })
        }
    }
}

/// Where a ready VM is reached.
pub struct Ready {
    /// A session that is logged in.
    pub session: Session,
    /// How it was reached.
    pub endpoint: Endpoint,
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
    stage: &mut Stage,
) -> Result<Ready, Error> {
    let mut wait = Wait::new(vm, time);
    let login = Login { user: user.to_owned(), keys: vm.keys(), alias: vm.spec.name.to_string() };
    let (signal, signal_receiver) = watch::channel(false);
    let expected = expects_signal(vm);
    let mut endpoint = None;
    let mut attempt = Attempt::default();
    loop {
        tokio::select! {
            message = client.next() => match message {
                Some(Message::Started { accelerator, ssh_port }) => {
                    if time.is_none() && accelerator == Accelerator::Tcg {
                        wait.time = READY_TIME_EMULATED;
                    }
                    let reach = Endpoint::Tcp(ssh_port);
                    endpoint = Some(reach);
                    attempt = Attempt::begin(reach, signal_receiver.clone(), expected, Duration::ZERO);
                }
                Some(Message::Fallback { reason }) => {
                    stage.note(&accelerator::fallback_message(&reason));
                    attempt = Attempt::default();
                }
                Some(Message::Console { line }) => stage.update(&line),
                Some(Message::SshStarted) => { signal.send_replace(true); }
                Some(Message::Problem { text }) => stage.note(&text),
                Some(Message::Answer { .. }) => {}
                Some(Message::Ended { end }) => return Err(wait.ended(end)),
                None => return Err(wait.lost()),
            },
            step = attempt.next() => match (step, endpoint) {
                (Step::Answers(stream), _) => {
                    wait.answered = true;
                    stage.update("logging in over ssh");
                    attempt = Attempt::log_in(stream, login.clone());
                }
                (Step::LoggedIn(session), Some(endpoint)) => {
                    // A supervisor that is gone by now will be noticed by what comes next.
                    let _ = client.send(&Request::Ready).await;
                    mount_shares(vm, &session)?;
                    set_hostname(vm, &session)?;
                    return Ok(Ready { session: *session, endpoint });
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
                (Step::Failed(error), Some(endpoint)) => {
                    // sshd may be about to start anew, too.
                    if matches!(error, session::Error::Refused { .. }) {
                        wait.refused.get_or_insert_with(Instant::now);
                    }
                    wait.refusal = Some(crate::ui::error_chain(&error));
                    attempt = Attempt::begin(endpoint, signal_receiver.clone(), expected, LOGIN_RETRY);
                }
                // Nothing is tried before there is an endpoint.
                (_, None) => attempt = Attempt::default(),
            },
            () = tokio::time::sleep_until(wait.begin + wait.time) => return Err(wait.timeout()),
            signal = interrupt::wait() => return Err(signal.into()),
        }
    }
}

/// Makes sure that the shares are mounted: an older systemd leaves that to us.
fn mount_shares(vm: &Vm, session: &Session) -> Result<(), Error> {
    let shares = &vm.spec.settings.shares;
    if shares.is_empty() {
        return Ok(());
    }
    let way = vm.features().shares;
    let (code, output) = session.capture(&shares::mount_line(shares, way))?;
    let mut failures = shares::failures(shares, way, &output);
    if failures.is_empty() && code != 0 {
        failures.push(format!(
            "user {} may not mount the shares in the VM (`sudo -n` fails): {}",
            vm.spec.user,
            crate::ui::plain(&output)
        ));
    }
    if failures.is_empty() {
        return Ok(());
    }
    Err(Error::Shares { name: vm.spec.name.to_string(), why: failures.join("; ") })
}

/// Makes sure that the guest is called as asked: an image's own name, or an older systemd, may be in the way.
fn set_hostname(vm: &Vm, session: &Session) -> Result<(), Error> {
    let Some(hostname) = &vm.spec.settings.hostname else { return Ok(()) };
    match session.capture(&hostname.shell_line())? {
        (0, _) => Ok(()),
        (_, why) => Err(Error::Hostname {
            name: vm.spec.name.to_string(),
            hostname: hostname.to_string(),
            why: crate::ui::plain(&why),
        }),
    }
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

    fn console(&self) -> Vec<String> {
        console::last_words(&self.vm.console_log(), CONSOLE_LINES)
    }

    fn ended(&self, end: End) -> Error {
        Error::Ended { name: self.vm.spec.name.to_string(), end, console: self.console() }
    }

    fn lost(&self) -> Error {
        let reason = file::last_lines(&self.vm.supervisor_log(), 3).join("; ");
        let reason = format!("its supervisor died {reason}");
        let end = End { at: jiff::Timestamp::now(), how: store::How::Failure, reason };
        self.ended(end)
    }

    fn timeout(&self) -> Error {
        let why = if !self.vm.spec.sshd {
            "its image has no sshd; install openssh-server in it and enable its service".to_owned()
        } else if let Some(refusal) = &self.refusal {
            format!("sshd answers, but {refusal}")
        } else if self.answered {
            "sshd answers, but the login doesn't come to its end".to_owned()
        } else {
            "sshd doesn't answer; is its service enabled in the image, and does the network come up? \
             `podman-bootc logs` shows the whole console"
                .to_owned()
        };
        let seconds = self.begin.elapsed().as_secs();
        Error::Timeout { name: self.vm.spec.name.to_string(), seconds, why, console: self.console() }
    }
}

/// Shuts a VM down, and powers it off when that takes longer than `seconds`. One that doesn't run is fine.
///
/// # Errors
/// Its supervisor can't be reached although it runs, or the tool is interrupted.
pub async fn stop(vm: &Vm, store: &Store, seconds: u64) -> Result<(), Error> {
    let Ok(mut client) = Client::attach(vm, store.dirs(), false).await else {
        return match vm.state() {
            State::Running => Err(Error::Start {
                name: vm.spec.name.to_string(),
                reason: "its supervisor doesn't answer".into(),
            }),
            State::Creating => Err(store::Error::Creating(vm.spec.name.to_string()).into()),
            State::Stopped | State::Crashed(_) => Ok(()),
        };
    };
    // A supervisor that is gone has done what we want.
    let _ = client.send(&Request::Stop { seconds }).await;
    tokio::select! {
        _ = client.ended() => Ok(()),
        signal = interrupt::wait() => Err(signal.into()),
    }
}

/// Removes a VM with its disk; one that runs only with `force`.
///
/// # Errors
/// It runs, or a file can't be removed.
pub async fn remove(vm: &Vm, store: &Store, force: bool) -> Result<(), Error> {
    let name = || vm.spec.name.to_string();
    if force {
        stop(vm, store, 0).await?;
    }
    if vm.state() == State::Creating {
        return Err(store::Error::Creating(name()).into());
    }
    match vm.take() {
        Ok(Some(taken)) => Ok(vm.remove(taken)?),
        Ok(None) => Err(Error::IsRunning(name())),
        // `--rm`: it went with its end.
        Err(_) if !vm.folder.exists() => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// [`remove`] with force, also after the tool was interrupted.
///
/// # Errors
/// A file can't be removed.
pub async fn remove_now(vm: &Vm, store: &Store) -> Result<(), Error> {
    if let Ok(mut client) = Client::attach(vm, store.dirs(), false).await {
        // A supervisor that is gone has done what we want.
        let _ = client.send(&Request::Stop { seconds: 0 }).await;
        client.ended().await;
    }
    remove(vm, store, false).await
}

/// Changes a running machine; returns the ports that are forwarded then.
///
/// # Errors
/// It doesn't run, or the hypervisor refuses.
pub async fn change(vm: &Vm, store: &Store, change: Change) -> Result<Vec<Forward>, Error> {
    let mut client = attach(vm, store).await?;
    let number = store::random_number();
    let failed = |why: String| Error::Change { name: vm.spec.name.to_string(), why };
    client.send(&Request::Change { number, change }).await.map_err(|e| failed(e.to_string()))?;
    loop {
        tokio::select! {
            message = client.next() => match message {
                Some(Message::Answer { number: answered, error, ports }) if answered == number => {
                    return error.map_or(Ok(ports), |error| Err(failed(error)));
                }
                Some(Message::Ended { end }) => return Err(failed(format!("it ended: {}", end.reason))),
                Some(_) => {}
                None => return Err(failed("its supervisor is gone".into())),
            },
            signal = interrupt::wait() => return Err(signal.into()),
        }
    }
}

/// Waits until the VM's sshd answers; returns the connection, nothing read from it yet.
///
/// # Errors
/// The VM ends, nothing answers for long, or the tool is interrupted.
pub async fn wait_answering(client: &mut Client, vm: &Vm) -> Result<TcpStream, Error> {
    let mut wait = Wait::new(vm, Some(READY_TIME_EMULATED));
    let (signal, receiver) = watch::channel(false);
    let mut attempt = Attempt::default();
    loop {
        tokio::select! {
            message = client.next() => match message {
                Some(Message::Started { ssh_port, .. }) => {
                    let endpoint = Endpoint::Tcp(ssh_port);
                    attempt = Attempt::begin(endpoint, receiver.clone(), expects_signal(vm), Duration::ZERO);
                }
                Some(Message::Fallback { .. }) => attempt = Attempt::default(),
                Some(Message::SshStarted) => { signal.send_replace(true); }
                Some(Message::Ended { end }) => return Err(wait.ended(end)),
                Some(_) => {}
                None => return Err(wait.lost()),
            },
            step = attempt.next() => match step {
                Step::Answers(stream) => return Ok(stream),
                Step::Failed(error) => {
                    wait.refusal = Some(crate::ui::error_chain(&error));
                    return Err(wait.timeout());
                }
                // Nobody logs in here.
                Step::LoggedIn(_) => {}
            },
            () = tokio::time::sleep_until(wait.begin + wait.time) => return Err(wait.timeout()),
            signal = interrupt::wait() => return Err(signal.into()),
        }
    }
}

/// What OpenSSH has to know of this VM.
///
/// # Errors
/// Our own path is not known.
pub fn host_block(vm: &Vm) -> Result<HostBlock, Error> {
    let program =
        std::env::current_exe().map_err(|source| Error::Io { path: "our own program".into(), source })?;
    let Spec { name, user, .. } = &vm.spec;
    Ok(HostBlock { name: name.to_string(), user: user.clone(), keys: vm.keys(), program })
}

/// Writes the VM's file for OpenSSH, which `ssh-config --install` makes it read.
///
/// # Errors
/// The file can't be written.
pub fn write_ssh_config(vm: &Vm) -> Result<(), Error> {
    let path = vm.ssh_config();
    let text = host_block(vm)?.text();
    let write = || io::Write::write_all(&mut file::create_private(&path)?, text.as_bytes());
    write().map_err(|source| Error::Io { path: path.clone(), source })
}
