//! Operations on a VM: start, stop, change, remove. `ready` waits until a started VM can be used.

use std::io;
use std::process::{Command, Stdio};

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Child;

use super::error::died;
use super::events::{Event, Kind};
use super::spec::Spec;
use super::store::instance::{Door, End, EndKind};
use super::supervisor::client::Client;
use super::supervisor::protocol::{Hello, Message, Request};
use super::{Error, State, Store, Vm, store, supervisor, suspend};
use crate::disk;
use crate::engine::Change;
use crate::guest::ssh::config::HostBlock;
use crate::host::fs::file;
use crate::host::fs::lock::Lock;
use crate::host::process::{self, interrupt};
use crate::hypervisor::Forward;
use crate::hypervisor::accelerator::Accelerator;

/// Starts a VM's supervisor and attaches to it.
///
/// # Errors
/// The VM runs already, or its supervisor fails.
pub async fn start(vm: &Vm, store: &Store, lease: bool) -> Result<Client, Error> {
    let name = vm.spec.name.to_string();
    let failed = |reason: String| Error::Start {
        name: name.clone(),
        reason,
    };
    let io = |e: io::Error| failed(e.to_string());
    check_base(vm, store)?;
    if vm.state() == State::Running {
        // Its supervisor writes to the log that this function empties.
        return Err(failed(supervisor::Error::Taken(name.clone()).to_string()));
    }
    let log = file::create_private(&vm.supervisor_log()).map_err(|source| Error::Io {
        path: vm.supervisor_log(),
        source,
    })?;
    write_ssh_config(vm, Door::Guest)?;
    let program = process::current_program().map_err(io)?;
    let mut command = Command::new(program);
    command.args([
        "--log-level",
        &tracing::level_filters::LevelFilter::current().to_string(),
    ]);
    command.args(["internal-supervise", &name]);
    // A supervisor in the current folder would prevent an unmount there.
    command
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log);
    process::detach(&mut command);
    let mut child = tokio::process::Command::from(command).spawn().map_err(io)?;
    let hello = tokio::select! {
        hello = hello(&mut child) => hello.map_err(io)?,
        signal = interrupt::wait() => {
            // Before its hello, a supervisor has nothing to shut down. An error means that it has
            // exited.
            let _ = child.kill().await;
            return Err(signal.into());
        }
    };
    match hello {
        Some(Hello::Listening { .. }) => {}
        Some(Hello::Refused { reason }) => return Err(failed(reason)),
        None => return Err(failed(died(vm))),
    }
    // A supervisor that listened a moment ago and can't be reached has died since.
    let mut client = Client::attach(vm, store.dirs(), lease)
        .await
        .map_err(|_| failed(died(vm)))?;
    client.adopt(child);
    Ok(client)
}

/// Returns a supervisor's hello, or none if it exits without one. Reaps a supervisor that doesn't
/// listen.
async fn hello(child: &mut Child) -> io::Result<Option<Hello>> {
    let mut line = String::new();
    if let Some(stdout) = child.stdout.take() {
        BufReader::new(stdout).read_line(&mut line).await?;
    }
    let hello = serde_json::from_str(&line).ok();
    if !matches!(hello, Some(Hello::Listening { .. })) {
        child.wait().await?;
    }
    Ok(hello)
}

/// Checks that the files under the VM's own disk still exist.
fn check_base(vm: &Vm, store: &Store) -> Result<(), Error> {
    if let Some(file) = vm.spec.firmware().filter(|file| !file.exists()) {
        return Err(Error::NoFirmware {
            name: vm.spec.name.to_string(),
            file: file.to_owned(),
        });
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
            return Err(Error::NoBase {
                name: vm.spec.name.to_string(),
                file,
            });
        }
    }
    Ok(())
}

/// Attaches to a running VM.
///
/// # Errors
/// The VM is not running.
pub async fn attach(vm: &Vm, store: &Store) -> Result<Client, Error> {
    match Client::attach(vm, store.dirs(), false).await {
        Ok(client) => Ok(client),
        Err(_) => {
            let state = match vm.state() {
                State::Suspended => return Err(Error::Suspended(vm.spec.name.to_string())),
                State::Crashed(reason) => format!("crashed: {reason}"),
                other => other.name().to_owned(),
            };
            Err(Error::NotRunning {
                name: vm.spec.name.to_string(),
                state,
            })
        }
    }
}

/// Shuts a VM down, and powers it off when that takes longer than `seconds`. Returns how the VM
/// ended; nothing if it doesn't run.
///
/// # Errors
/// The VM's supervisor doesn't answer, the VM is still being made, or the tool is interrupted.
pub async fn stop(vm: &Vm, store: &Store, seconds: u64) -> Result<Option<End>, Error> {
    let Ok(mut client) = Client::attach(vm, store.dirs(), false).await else {
        return match vm.state() {
            State::Running => Err(Error::Change {
                name: vm.spec.name.to_string(),
                why: "its supervisor doesn't answer".into(),
            }),
            State::Creating => Err(store::Error::Creating(vm.spec.name.to_string()).into()),
            State::Stopped | State::Suspended | State::Crashed(_) => Ok(None),
        };
    };
    // A supervisor that has exited has stopped the VM.
    let _ = client.send(&Request::Stop { seconds }).await;
    tokio::select! {
        end = client.ended() => Ok(end),
        signal = interrupt::wait() => Err(signal.into()),
    }
}

/// Returns the seconds that a running VM's guest has to shut down, where the user names none. An
/// emulated guest that finishes a staged upgrade on its way down needs minutes.
pub fn stop_time(vm: &Vm) -> u64 {
    match vm.record().accelerator {
        Some(Accelerator::Tcg) => 300,
        _ => 60,
    }
}

/// Locks a VM that doesn't run, so that no other process starts or changes it.
///
/// # Errors
/// The VM runs, or is still being made.
pub fn take(vm: &Vm) -> Result<Lock, Error> {
    // What it has in memory belongs to its disks and devices as they are.
    match (vm.state(), take_suspended(vm)?) {
        (State::Suspended, _) => Err(Error::Suspended(vm.spec.name.to_string())),
        (_, taken) => Ok(taken),
    }
}

/// Locks a VM as [`take`] does, also a suspended one.
///
/// # Errors
/// As for [`take`].
pub fn take_suspended(vm: &Vm) -> Result<Lock, Error> {
    let name = || vm.spec.name.to_string();
    match (vm.state(), vm.take()?) {
        (State::Creating, _) => Err(store::Error::Creating(name()).into()),
        (_, Some(taken)) => Ok(taken),
        (_, None) => Err(Error::MustStop(name())),
    }
}

/// Saves a running VM with its memory, and ends it. The next [`start`] resumes it.
///
/// # Errors
/// The VM doesn't run, or can't be saved. Then it runs on.
pub async fn suspend(vm: &Vm, store: &Store) -> Result<(), Error> {
    let suspending = ask(vm, store, |number| Request::Suspend { number });
    match suspending.await {
        Err(Error::Ended { end, .. }) if end.kind == EndKind::Suspend => Ok(()),
        // The supervisor answers only why it refuses.
        other => other.map(drop),
    }
}

/// Drops what a suspended VM has in memory: its next start boots. Returns false if the VM is not
/// suspended.
///
/// # Errors
/// Another process has the VM, or a file can't be changed.
pub fn forget_suspended(vm: &Vm) -> Result<bool, Error> {
    if vm.state() != State::Suspended {
        return Ok(false);
    }
    let name = || vm.spec.name.to_string();
    let _taken = vm.take()?.ok_or_else(|| Error::MustStop(name()))?;
    suspend::drop_state(vm)?;
    Ok(true)
}

/// Removes a VM with its disk; with `force`, stops it first.
///
/// # Errors
/// The VM runs, or a file can't be removed.
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
            file::remove_dir(&runtime).map_err(|source| Error::Io {
                path: runtime,
                source,
            })?;
            vm.remove(taken)?;
            store
                .events()
                .add(&Event::now(Kind::Removed, &vm.spec, None));
            Ok(())
        }
        Ok(None) => Err(Error::IsRunning(name())),
        // A VM of `--rm` is removed when it ends.
        Err(_) if !vm.folder.exists() => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Removes a VM like [`remove`] with `force`, even after the tool was interrupted.
///
/// # Errors
/// A file can't be removed.
pub async fn remove_now(vm: &Vm, store: &Store) -> Result<(), Error> {
    if let Ok(mut client) = Client::attach(vm, store.dirs(), false).await {
        // A supervisor that has exited has stopped the VM.
        let _ = client.send(&Request::Stop { seconds: 0 }).await;
        client.ended().await;
    }
    remove(vm, store, false).await
}

/// Changes a running machine; returns its forwarded ports after the change.
///
/// # Errors
/// The VM is not running, or the hypervisor refuses the change.
pub async fn change(vm: &Vm, store: &Store, change: Change) -> Result<Vec<Forward>, Error> {
    ask(vm, store, |number| Request::Change { number, change }).await
}

/// Sends a request with a number to the supervisor; returns the machine's forwarded ports after it.
///
/// # Errors
/// The VM is not running, or the answer is an error.
pub async fn ask(
    vm: &Vm,
    store: &Store,
    request: impl FnOnce(u64) -> Request,
) -> Result<Vec<Forward>, Error> {
    let mut client = attach(vm, store).await?;
    let number = crate::host::random::random_number();
    let failed = |why: String| Error::Change {
        name: vm.spec.name.to_string(),
        why,
    };
    client
        .send(&request(number))
        .await
        .map_err(|e| failed(e.to_string()))?;
    loop {
        match client.next().await? {
            Message::Answer {
                number: answered,
                error,
                ports,
            } if answered == number => {
                return error.map_or(Ok(ports), |error| Err(failed(error)));
            }
            _ => {}
        }
    }
}

/// Returns the VM's block for a configuration of OpenSSH, with the host key of this door.
///
/// # Errors
/// The path of this program is unknown.
pub fn host_block(vm: &Vm, door: Door) -> Result<HostBlock, Error> {
    let program = std::env::current_exe().map_err(|source| Error::Io {
        path: "our own program".into(),
        source,
    })?;
    let Spec { name, user, .. } = &vm.spec;
    Ok(HostBlock {
        name: name.to_string(),
        user: user.clone(),
        keys: match door {
            Door::Guest => vm.keys(),
            Door::Direct => vm.keys().for_door(),
        },
        program,
    })
}

/// Writes the VM's configuration file for OpenSSH, which the user's own includes after
/// `ssh-config --install`.
///
/// # Errors
/// The file can't be written.
pub fn write_ssh_config(vm: &Vm, door: Door) -> Result<(), Error> {
    let path = vm.ssh_config();
    let text = host_block(vm, door)?.text();
    let write = || io::Write::write_all(&mut file::create_private(&path)?, text.as_bytes());
    write().map_err(|source| Error::Io {
        path: path.clone(),
        source,
    })
}
