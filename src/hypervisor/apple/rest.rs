//! Commands to vfkit and krunkit, which serve the same few requests on a local socket.
//! <https://github.com/crc-org/vfkit/blob/main/doc/usage.md#restful-api>

use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;
use serde_json::json;
use tokio::sync::mpsc;

use super::console;
use crate::host::fs::file;
use crate::host::terminal::PseudoTerminal;
use crate::hypervisor::helpers::gvproxy::Network;
use crate::hypervisor::http;
use crate::hypervisor::process::{Output, Process, Ready, Start, StartError, Stdout};

/// The socket appears when the program is ready for requests; no event tells of it.
const RETRY: Duration = Duration::from_millis(50);

/// What a server of these requests takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// `Stop` presses the power button, `HardStop` ends the machine.
    Vfkit,
    /// Whatever is sent presses the power button.
    Krunkit,
}

/// A command failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The program is gone.
    #[error("its control socket doesn't answer: {0}")]
    Io(#[from] io::Error),
    /// It refuses.
    #[error("it refuses to change the machine's state: {0}")]
    Refused(String),
    /// It knows no such command.
    #[error("it can't do that")]
    Unknown,
}

/// Commands to a running vfkit or krunkit.
#[derive(Debug)]
pub struct Rest {
    socket: PathBuf,
    dialect: Dialect,
    /// The guest's network.
    pub network: Network,
}

impl Rest {
    /// Presses the power button.
    ///
    /// # Errors
    /// The program is gone, or refuses.
    pub async fn power_button(&self) -> Result<(), Error> {
        self.change("Stop").await
    }

    /// Ends the machine.
    ///
    /// # Errors
    /// The program is gone, or can't.
    pub async fn quit(&self) -> Result<(), Error> {
        match self.dialect {
            Dialect::Vfkit => self.change("HardStop").await,
            Dialect::Krunkit => Err(Error::Unknown),
        }
    }

    /// The machine's state in the program's words, as in `VirtualMachineStateRunning`.
    ///
    /// # Errors
    /// The program is gone.
    pub async fn state(&self) -> Result<String, Error> {
        #[derive(Deserialize)]
        struct State {
            state: String,
        }
        let answer = http::ask(&self.socket, "/vm/state", None).await?;
        let state: State = serde_json::from_str(&answer.body)
            .map_err(|_| Error::Refused(crate::text::plain(&answer.body)))?;
        Ok(state.state)
    }

    async fn change(&self, state: &str) -> Result<(), Error> {
        let answer = http::ask(&self.socket, "/vm/state", Some(&json!({"state": state}))).await?;
        if answer.is_ok() { Ok(()) } else { Err(Error::Refused(crate::text::plain(&answer.body))) }
    }
}

/// Starts the program and waits until it says that the machine runs.
///
/// # Errors
/// It can't be started, or ends at once.
pub async fn start(start: Start<'_>, dialect: Dialect) -> Result<Ready<Rest>, StartError> {
    let runtime = start.machine.runtime();
    let control = Rest { socket: start.machine.control.clone(), dialect, network: Network::of(runtime) };
    let (sender, output) = mpsc::channel(64);
    let mut process = match dialect {
        Dialect::Vfkit => on_terminal(&start, sender)?,
        Dialect::Krunkit => {
            let log = console::file(runtime);
            // What an earlier try wrote is no news.
            file::create_private(&log).map_err(|source| start.io(source))?;
            let process = start.spawn(Stdio::null(), Stdout::Log)?;
            tokio::spawn(console::follow(log, sender));
            process
        }
    };
    let answers = async {
        while !matches!(control.state().await.as_deref(), Ok("VirtualMachineStateRunning")) {
            tokio::time::sleep(RETRY).await;
        }
    };
    tokio::select! {
        () = answers => {}
        early = process.ended_early() => return Err(early),
    }
    // It tells nothing of itself.
    let (_, events) = mpsc::unbounded_channel();
    Ok(Ready { process, control, events, output })
}

/// Starts the program on a terminal of its own, which is the guest's console.
fn on_terminal(start: &Start<'_>, output: mpsc::Sender<Output>) -> Result<Process, StartError> {
    let io = |source| start.io(source);
    let PseudoTerminal { ours, stdin, stdout } = PseudoTerminal::open().map_err(io)?;
    let keys = ours.try_clone().map_err(io)?;
    let mut process = start.spawn(stdin, Stdout::To(stdout))?;
    process.set_console(tokio::fs::File::from_std(keys));
    console::read(ours, output).map_err(io)?;
    Ok(process)
}
