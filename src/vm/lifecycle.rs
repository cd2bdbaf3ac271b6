//! What can be done with a VM: start, stop, change, remove. `ready` waits for what comes of a start.

use std::io;
use std::process::{Command, Stdio};

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Child;

use super::error::died;
use super::spec::Spec;
use super::supervisor::client::Client;
use super::supervisor::protocol::{Hello, Message, Request};
use super::{Error, State, Store, Vm};
use super::{store, supervisor};
use crate::disk;
use crate::engine::Change;
use crate::guest::ssh::config::HostBlock;
use crate::host::fs::file;
use crate::host::fs::lock::Lock;
use crate::host::process::{self, interrupt};
use crate::hypervisor::Forward;

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
            State::Running => Err(Error::Change {
                name: vm.spec.name.to_string(),
                why: "its supervisor doesn't answer".into(),
            }),
            State::Creating => Err(store::Error::Creating(vm.spec.name.to_string()).into()),
            State::Stopped | State::Crashed(_) => Ok(()),
        };
    };
    // A supervisor that is gone has done what we want.
    let _ = client.send(&Request::Stop { seconds }).await;
    tokio::select! {
        () = client.ended() => Ok(()),
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
        match client.next().await? {
            Message::Answer { number: answered, error, ports } if answered == number => {
                return error.map_or(Ok(ports), |error| Err(failed(error)));
            }
            _ => {}
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
