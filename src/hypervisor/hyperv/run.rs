//! A running VM of Hyper-V: one script runs as long as the VM, and others stop the VM.

use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};
use tokio::process::Command;
use tokio::sync::{mpsc, watch};

use super::find::Hyperv;
use super::plan::describe;
use super::port_relay::Relay;
use super::script::{self, Vm};
use crate::host::fs::file;
use crate::host::net::socket;
use crate::host::process;
use crate::hypervisor::process::{Output, Ready, Start, StartError, Stdout, pump};
use crate::hypervisor::{Launch, Machine};

/// The longest line of our script, in bytes.
const LINE_MAX: u64 = 64 << 10;
/// Bytes of input that we buffer for a console that doesn't read.
const INPUT_BUFFER: usize = 4 << 10;
/// We poll, because no event reports that the console's pipe appears when the VM starts.
const PIPE_POLL: Duration = Duration::from_millis(200);
/// PowerShell takes seconds to start, and Hyper-V takes seconds to turn a VM off.
const GIVE_UP_TIMEOUT: Duration = Duration::from_secs(60);

/// A line of `run.ps1`.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "event", rename_all = "lowercase")]
enum ScriptEvent {
    /// The VM runs.
    Started { id: String },
    /// The VM has a new address.
    Address { address: IpAddr },
}

/// Commands to a running VM.
#[derive(Debug)]
pub struct Control {
    program: PathBuf,
    vm: Vm,
    /// The VM's ID in Hyper-V.
    pub id: Option<String>,
    log: PathBuf,
    pub relay: Relay,
}

impl Control {
    /// Shuts the guest down through its Integration Services.
    pub fn power_button(&self) -> io::Result<()> {
        self.spawn(script::stop(&self.program, &self.vm), "stop.log")
    }

    /// Turns the VM off.
    pub fn quit(&self) -> io::Result<()> {
        self.spawn(script::turn_off(&self.program, &self.vm), "turn-off.log")
    }

    /// Starts a script that stops the VM. `run.ps1` sees the effect, so that we wait only to reap
    /// the process. The script has its own log.
    fn spawn(&self, launch: Launch, log: &str) -> io::Result<()> {
        let mut command = std::process::Command::new(&launch.program);
        let log = file::create_private(&self.log.with_extension(log))?;
        command
            .args(&launch.args)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        process::detach(&mut command);
        let mut child = Command::from(command).spawn()?;
        tokio::spawn(async move { child.wait().await });
        Ok(())
    }
}

/// Creates and starts the VM, and waits until it runs.
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
                Ok(ScriptEvent::Started { id }) => {
                    started.send_replace(Some(id));
                }
                Ok(ScriptEvent::Address { address: new }) => {
                    address.send_replace(Some(new));
                }
                Err(_) => tracing::debug!(line, "unknown line of PowerShell"),
            }
            line.clear();
        }
        // The relay still needs the last address.
        address.closed().await;
    });
    let id = tokio::select! {
        Ok(id) = is_started.wait_for(Option::is_some) => id.clone(),
        early = process.ended_early() => return Err(early),
    };
    let (sender, output) = mpsc::channel(64);
    let (typed, keys) = tokio::io::simplex(INPUT_BUFFER);
    process.set_console(keys);
    tokio::spawn(console(vm.console.clone(), typed, sender));
    let log = start.log.to_owned();
    let control = Control {
        program: hyperv.program.clone(),
        vm,
        id,
        log,
        relay: Relay::new(addresses),
    };
    let (_, reports) = mpsc::unbounded_channel();
    Ok(Ready {
        process,
        control,
        reports,
        output,
    })
}

/// Removes the VM of a dropped start, whose script has ended before it could do so.
pub async fn give_up(hyperv: &Hyperv, machine: &Machine) {
    let Ok(vm) = describe(machine) else { return };
    let Launch { program, args } = script::remove(&hyperv.program, &vm);
    let mut command = Command::new(program);
    command
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    match tokio::time::timeout(GIVE_UP_TIMEOUT, command.status()).await {
        Ok(Ok(status)) if status.success() => {}
        other => tracing::warn!(?other, "Hyper-V may still have the VM"),
    }
}

/// Passes on the console's output and input, until the receiver closes.
async fn console(pipe: String, mut typed: impl AsyncRead + Unpin, output: mpsc::Sender<Output>) {
    while !output.is_closed() {
        let Ok(stream) = socket::open_pipe(&pipe) else {
            tokio::time::sleep(PIPE_POLL).await;
            continue;
        };
        let (shown, mut keys) = socket::split(stream);
        let typing = async {
            if tokio::io::copy(&mut typed, &mut keys).await.is_ok() {
                // The input has ended, but the output goes on.
                std::future::pending().await
            }
        };
        tokio::select! {
            () = pump(shown, output.clone(), Output::Console) => {}
            () = typing => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_script_are_parsed() {
        let event = |line: &str| serde_json::from_str::<ScriptEvent>(line).ok();
        let started = ScriptEvent::Started { id: "0a".into() };
        assert_eq!(
            event("{\"event\":\"started\",\"id\":\"0a\"}\r\n"),
            Some(started)
        );
        let address = ScriptEvent::Address {
            address: [172, 20, 0, 5].into(),
        };
        assert_eq!(
            event(r#"{"address":"172.20.0.5","event":"address"}"#),
            Some(address)
        );
        assert_eq!(event(r#"{"address":"$(x)","event":"address"}"#), None);
        assert_eq!(event("WARNING: x"), None);
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn each_script_that_ends_the_vm_keeps_its_messages() {
        let dir = tempfile::tempdir().unwrap();
        let vm = Vm {
            name: "x".into(),
            disk: "d".into(),
            cpus: 1,
            memory: 1,
            console: "c".into(),
        };
        let (_, addresses) = watch::channel(None);
        // A program that complains of PowerShell's options.
        let (program, log) = ("/bin/sh".into(), dir.path().join("qemu.log"));
        let control = Control {
            program,
            vm,
            id: None,
            log: log.clone(),
            relay: Relay::new(addresses),
        };
        control.power_button().unwrap();
        control.quit().unwrap();
        let messages = || {
            ["stop.log", "turn-off.log"]
                .map(|name| std::fs::read(log.with_extension(name)).unwrap())
        };
        let complained = async {
            while messages().iter().any(Vec::is_empty) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), complained)
            .await
            .unwrap();
    }
}
