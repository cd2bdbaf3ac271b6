//! A VM of Hyper-V while it runs: a PowerShell that stays as long, and others that tell it to end.

use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};
use tokio::process::Command;
use tokio::sync::{mpsc, watch};

use super::port_relay::Relay;
use super::script::{self, Vm};
use super::{Hyperv, describe};
use crate::host::fs::file;
use crate::host::net::socket;
use crate::host::process;
use crate::hypervisor::process::{self as running, Output, Ready, Start, StartError, Stdout};
use crate::hypervisor::{Launch, Machine};

/// A longer line is none of our script's. Bytes.
const LINE_MAX: u64 = 64 << 10;
/// Bytes that are typed ahead of a console that doesn't read.
const KEYS: usize = 4 << 10;
/// The console's pipe appears when the VM starts, and no event tells of it.
const PIPE_RETRY: Duration = Duration::from_millis(200);

/// PowerShell takes seconds to start, and Hyper-V to turn a VM off.
const GIVE_UP_TIME: Duration = Duration::from_secs(60);

/// A line of the script that stays.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "event", rename_all = "lowercase")]
enum Event {
    /// The VM runs, and has this ID.
    Started { id: String },
    /// It has an address.
    Address { address: IpAddr },
}

/// Commands to a running VM of Hyper-V.
#[derive(Debug)]
pub struct Control {
    program: PathBuf,
    vm: Vm,
    /// The VM's ID in Hyper-V.
    pub id: Option<String>,
    log: PathBuf,
    /// The guest's ports on the host.
    pub relay: Relay,
}

impl Control {
    /// Shuts the guest down, by its Integration Services.
    ///
    /// # Errors
    /// PowerShell can't be started.
    pub fn power_button(&self) -> io::Result<()> {
        self.spawn(script::stop(&self.program, &self.vm), "stop.log")
    }

    /// Takes the VM's power.
    ///
    /// # Errors
    /// PowerShell can't be started.
    pub fn quit(&self) -> io::Result<()> {
        self.spawn(script::turn_off(&self.program, &self.vm), "turn-off.log")
    }

    /// What comes of it is seen by the script that stays: nobody waits for this one but to take its exit code.
    /// Its messages are in a log of its own, beside that one's.
    fn spawn(&self, launch: Launch, log: &str) -> io::Result<()> {
        let mut command = std::process::Command::new(&launch.program);
        let log = file::create_private(&self.log.with_extension(log))?;
        command.args(&launch.args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        process::detach(&mut command);
        let mut child = Command::from(command).spawn()?;
        tokio::spawn(async move { child.wait().await });
        Ok(())
    }
}

/// Makes and starts the VM, and waits until it runs.
///
/// # Errors
/// PowerShell can't be started, or fails.
pub async fn start(start: Start<'_>, hyperv: &Hyperv) -> Result<Ready<Control>, StartError> {
    let vm = describe(start.machine).map_err(|error| start.io(io::Error::other(error)))?;
    let mut process = start.spawn(Stdio::null(), Stdout::Read)?;
    let stdout = process.stdout().map_err(|source| start.io(source))?;
    let (started, mut is_started) = watch::channel(None);
    let (address, addresses) = watch::channel(None);
    tokio::spawn(async move {
        let mut lines = BufReader::new(stdout);
        let mut line = String::new();
        while let Ok(1..) = (&mut lines).take(LINE_MAX).read_line(&mut line).await {
            match serde_json::from_str(&line) {
                Ok(Event::Started { id }) => {
                    started.send_replace(Some(id));
                }
                Ok(Event::Address { address: new }) => {
                    address.send_replace(Some(new));
                }
                Err(_) => tracing::debug!(line, "PowerShell said something else"),
            }
            line.clear();
        }
        // The relay still asks for the last address.
        address.closed().await;
    });
    let id = tokio::select! {
        Ok(id) = is_started.wait_for(Option::is_some) => id.clone(),
        early = process.ended_early() => return Err(early),
    };
    let (sender, output) = mpsc::channel(64);
    let (typed, keys) = tokio::io::simplex(KEYS);
    process.set_console(keys);
    tokio::spawn(console(vm.console.clone(), typed, sender));
    let log = start.log.to_owned();
    let control = Control { program: hyperv.program.clone(), vm, id, log, relay: Relay::new(addresses) };
    let (_, events) = mpsc::unbounded_channel();
    Ok(Ready { process, control, events, output })
}

/// Takes away what a start that was given up may have left: its PowerShell can't do that any more.
pub async fn give_up(hyperv: &Hyperv, machine: &Machine) {
    let Ok(vm) = describe(machine) else { return };
    let Launch { program, args } = script::remove(&hyperv.program, &vm);
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    match tokio::time::timeout(GIVE_UP_TIME, command.status()).await {
        Ok(Ok(status)) if status.success() => {}
        other => tracing::warn!(?other, "Hyper-V may still have the VM"),
    }
}

/// Passes on what the console says and what is typed, until nobody listens.
async fn console(pipe: String, mut typed: impl AsyncRead + Unpin, output: mpsc::Sender<Output>) {
    while !output.is_closed() {
        let Ok(stream) = socket::open_pipe(&pipe) else {
            tokio::time::sleep(PIPE_RETRY).await;
            continue;
        };
        let (said, mut keys) = socket::split(stream);
        let typing = async {
            if tokio::io::copy(&mut typed, &mut keys).await.is_ok() {
                // Nobody types any more, and somebody may still listen.
                std::future::pending().await
            }
        };
        tokio::select! {
            () = running::pump(said, output.clone(), Output::Console) => {}
            () = typing => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_script() {
        let event = |line: &str| serde_json::from_str::<Event>(line).ok();
        let started = Event::Started { id: "0a".into() };
        assert_eq!(event("{\"event\":\"started\",\"id\":\"0a\"}\r\n"), Some(started));
        let address = Event::Address { address: [172, 20, 0, 5].into() };
        assert_eq!(event(r#"{"address":"172.20.0.5","event":"address"}"#), Some(address));
        assert_eq!(event(r#"{"address":"$(x)","event":"address"}"#), None);
        assert_eq!(event("WARNING: x"), None);
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn each_script_that_ends_the_vm_keeps_its_messages() {
        let dir = tempfile::tempdir().unwrap();
        let vm = Vm { name: "x".into(), disk: "d".into(), cpus: 1, memory: 1, console: "c".into() };
        let (_, addresses) = watch::channel(None);
        // A program that complains of PowerShell's options.
        let (program, log) = ("/bin/sh".into(), dir.path().join("qemu.log"));
        let control = Control { program, vm, id: None, log: log.clone(), relay: Relay::new(addresses) };
        control.power_button().unwrap();
        control.quit().unwrap();
        let messages =
            || ["stop.log", "turn-off.log"].map(|name| std::fs::read(log.with_extension(name)).unwrap());
        let complained = async {
            while messages().iter().any(Vec::is_empty) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), complained).await.unwrap();
    }
}
