//! What can be done with a VM: start, stop, change, remove. `ready` waits for what comes of a start.

use std::io;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Child;

use super::spec::Spec;
use super::store::instance::End;
use super::supervisor::client::Client;
use super::supervisor::protocol::{Hello, Message, Request};
use super::{State, Store, Vm};
use super::{store, supervisor};
use crate::disk;
use crate::engine::Change;
use crate::guest::boot::credentials::UNIT_CREDENTIALS;
use crate::guest::ssh::config::HostBlock;
use crate::guest::ssh::keys;
use crate::guest::ssh::session;
use crate::host::fs::file;
use crate::host::fs::lock::Lock;
use crate::host::process;
use crate::host::process::interrupt;
use crate::host::process::interrupt::Interrupted;
use crate::hypervisor::Forward;

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
    /// The firmware that it starts with is gone.
    #[error(
        "VM {name} can't start: its firmware, {file}, is gone; install it again, or if an upgrade moved it, put \
         a link there"
    )]
    NoFirmware {
        /// The VM.
        name: String,
        /// The firmware's code.
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
    UserFiles(#[from] super::spec::user_files::Error),
    /// The machine can't be made.
    #[error(transparent)]
    Machine(#[from] super::hardware::Error),
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
    /// It is running, and what is to be done can't be done then.
    #[error("VM {0} is running; `podman-bootc stop {0}` stops it")]
    MustStop(String),
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
    if vm.state() == State::Running {
        // Its supervisor writes to the log that is emptied below.
        return Err(failed(supervisor::Error::Taken(name.clone()).to_string()));
    }
    let log = file::create_private(&vm.supervisor_log())
        .map_err(|source| Error::Io { path: vm.supervisor_log(), source })?;
    write_ssh_config(vm)?;
    let program = process::current_program().map_err(io)?;
    let mut command = Command::new(program);
    command.args(["--log-level", &tracing::level_filters::LevelFilter::current().to_string()]);
    command.args(["internal-supervise", &name]);
    // Not in the way of whoever wants to unmount the folder that we happen to be in.
    command.current_dir("/").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
    process::detach(&mut command);
    let mut child = tokio::process::Command::from(command).spawn().map_err(io)?;
    let hello = tokio::select! {
        hello = hello(&mut child) => hello.map_err(io)?,
        signal = interrupt::wait() => {
            // Without a hello it has nothing yet to end in order. An error means that it has ended by itself.
            let _ = child.kill().await;
            return Err(signal.into());
        }
    };
    match hello {
        Some(Hello::Listening) => {}
        Some(Hello::Refused { reason }) => return Err(failed(reason)),
        None => return Err(failed(died(vm))),
    }
    let mut client = Client::attach(vm, store.dirs(), lease).await.map_err(io)?;
    client.adopt(child);
    Ok(client)
}

/// What a supervisor says when it is ready, or nothing; one that says no more than that is waited for, as no zombie.
async fn hello(child: &mut Child) -> io::Result<Option<Hello>> {
    let mut line = String::new();
    if let Some(stdout) = child.stdout.take() {
        BufReader::new(stdout).read_line(&mut line).await?;
    }
    let hello = serde_json::from_str(&line).ok();
    if !matches!(hello, Some(Hello::Listening)) {
        child.wait().await?;
    }
    Ok(hello)
}

/// Says that the VM's supervisor died, with the last lines of its log.
pub(super) fn died(vm: &Vm) -> String {
    let last = file::last_lines(&vm.supervisor_log(), 3).join("; ");
    format!("its supervisor died{}", crate::text::colon(&last))
}

/// Makes sure that what the VM stands on is still there.
fn check_base(vm: &Vm, store: &Store) -> Result<(), Error> {
    if let Some(file) = vm.spec.firmware().filter(|file| !file.exists()) {
        return Err(Error::NoFirmware { name: vm.spec.name.to_string(), file: file.to_owned() });
    }
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

/// Takes a VM that doesn't run, so that nobody starts or changes it meanwhile.
///
/// # Errors
/// It runs, or is being made.
pub fn take(vm: &Vm) -> Result<Lock, Error> {
    let name = || vm.spec.name.to_string();
    match (vm.state(), vm.take()?) {
        (State::Creating, _) => Err(store::Error::Creating(name()).into()),
        (_, Some(taken)) => Ok(taken),
        (_, None) => Err(Error::MustStop(name())),
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
        Ok(Some(taken)) => {
            // A supervisor that was killed has left its sockets.
            let runtime = store.dirs().runtime_of(&vm.spec.id);
            file::remove_dir(&runtime).map_err(|source| Error::Io { path: runtime, source })?;
            Ok(vm.remove(taken)?)
        }
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
    let number = super::random::random_number();
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
