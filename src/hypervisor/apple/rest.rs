//! Commands to vfkit and krunkit, which take the same HTTP requests on a local socket.
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

/// We poll, because no event reports that the socket appears.
const POLL: Duration = Duration::from_millis(50);

/// The program that takes the requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// `Stop` presses the power button, `HardStop` ends the machine.
    Vfkit,
    /// Every state presses the power button.
    Krunkit,
}

/// A command failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the hypervisor's control socket doesn't answer: {0}")]
    Io(#[from] io::Error),
    #[error("the hypervisor refused to change the machine's state: {0}")]
    Refused(String),
    #[error("krunkit can't end a machine at once")]
    Unknown,
}

/// Commands to a running vfkit or krunkit.
#[derive(Debug)]
pub struct Rest {
    socket: PathBuf,
    program: Program,
    pub network: Network,
}

impl Rest {
    pub async fn power_button(&self) -> Result<(), Error> {
        self.change("Stop").await
    }

    /// Ends the machine at once.
    ///
    /// # Errors
    /// krunkit can't do it.
    pub async fn quit(&self) -> Result<(), Error> {
        match self.program {
            Program::Vfkit => self.change("HardStop").await,
            Program::Krunkit => Err(Error::Unknown),
        }
    }

    /// Returns the machine's state in the program's words, such as `VirtualMachineStateRunning`.
    pub async fn state(&self) -> Result<String, Error> {
        #[derive(Deserialize)]
        struct State {
            state: String,
        }
        let answer = http::send(&self.socket, "/vm/state", None).await?;
        let state: State = serde_json::from_str(&answer.body)
            .map_err(|_| Error::Refused(crate::text::plain(&answer.body)))?;
        Ok(state.state)
    }

    async fn change(&self, state: &str) -> Result<(), Error> {
        let answer = http::send(&self.socket, "/vm/state", Some(&json!({"state": state}))).await?;
        if answer.is_ok() {
            Ok(())
        } else {
            Err(Error::Refused(crate::text::plain(&answer.body)))
        }
    }
}

/// Starts the program and waits until it reports that the machine runs.
pub async fn start(start: Start<'_>, program: Program) -> Result<Ready<Rest>, StartError> {
    let runtime = start.machine.runtime();
    let control = Rest {
        socket: start.machine.control.clone(),
        program,
        network: Network::of(runtime),
    };
    let (sender, output) = mpsc::channel(64);
    let mut process = match program {
        Program::Vfkit => on_terminal(&start, sender)?,
        Program::Krunkit => {
            let log = console::file(runtime);
            // Clear the output of an earlier try.
            file::create_private(&log).map_err(|source| start.io(source))?;
            let process = start.spawn(Stdio::null(), Stdout::Log)?;
            tokio::spawn(console::follow(log, sender));
            process
        }
    };
    let answers = async {
        while !matches!(
            control.state().await.as_deref(),
            Ok("VirtualMachineStateRunning")
        ) {
            tokio::time::sleep(POLL).await;
        }
    };
    tokio::select! {
        () = answers => {}
        early = process.ended_early() => return Err(early),
    }
    // The program sends no reports.
    let (_, reports) = mpsc::unbounded_channel();
    Ok(Ready {
        process,
        control,
        reports,
        output,
    })
}

/// Starts the program on a new terminal, which is the guest's console.
fn on_terminal(start: &Start<'_>, output: mpsc::Sender<Output>) -> Result<Process, StartError> {
    let io = |source| start.io(source);
    let PseudoTerminal {
        ours,
        stdin,
        stdout,
    } = PseudoTerminal::open().map_err(io)?;
    let keys = ours.try_clone().map_err(io)?;
    let mut process = start.spawn(stdin, Stdout::To(stdout))?;
    process.set_console(tokio::fs::File::from_std(keys));
    console::read(ours, output).map_err(io)?;
    Ok(process)
}
