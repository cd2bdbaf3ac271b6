//! Processes beside the hypervisor that back some of a machine's devices.

pub mod gvproxy;
pub mod swtpm;
pub mod virtiofsd;

use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use super::Launch;
use crate::host::fs::file;
use crate::host::net::socket;
use crate::host::process;

/// A process that serves a device through a socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Helper {
    /// What it does, for people.
    pub name: String,
    /// How to start it.
    pub launch: Launch,
    /// Its working folder.
    pub folder: PathBuf,
    /// How the hypervisor gets at it.
    pub serves: Serves,
    /// The file for its messages.
    pub log: PathBuf,
}

/// How a helper serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Serves {
    /// On this socket; it listens already, and is the helper's standard input.
    Given(PathBuf),
    /// On these sockets, which it makes itself.
    Own(Vec<PathBuf>),
}

/// A helper that makes its sockets itself is waited for, but not longer than this.
const APPEAR: Duration = Duration::from_secs(10);
/// No event that every system has tells that a socket appears.
const LOOK: Duration = Duration::from_millis(10);

/// A helper that was started. It dies with our process.
#[derive(Debug)]
pub struct Running {
    name: String,
    child: process::Helper,
    log: PathBuf,
}

/// How a helper ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// By itself, as it does when the hypervisor is gone.
    pub in_order: bool,
    /// For people.
    pub words: String,
}

impl Helper {
    /// Starts it; the hypervisor may connect at once.
    ///
    /// # Errors
    /// The socket can't be made, or the program can't be run.
    pub fn start(&self) -> io::Result<Running> {
        let stdin = match &self.serves {
            // Nobody else holds the socket: when the helper dies, who connects is refused and doesn't wait for ever.
            Serves::Given(path) => socket::listen_for_child(path)?,
            Serves::Own(_) => Stdio::null(),
        };
        let log = file::create_private(&self.log)?;
        let mut command = std::process::Command::new(&self.launch.program);
        command.args(&self.launch.args).current_dir(&self.folder);
        command.stdin(stdin).stdout(log.try_clone()?).stderr(log);
        let child = process::spawn_helper(command)?;
        Ok(Running { name: self.name.clone(), child, log: self.log.clone() })
    }

    /// Waits until it can be connected to; one that never can shows by what the hypervisor says of it.
    pub async fn appear(&self) {
        let Serves::Own(sockets) = &self.serves else { return };
        let all = async {
            for socket in sockets {
                while !socket.exists() {
                    tokio::time::sleep(LOOK).await;
                }
            }
        };
        if tokio::time::timeout(APPEAR, all).await.is_err() {
            tracing::warn!(name = self.name, "a helper's sockets don't appear");
        }
    }
}

impl Running {
    /// Waits for its end, and tells of it. May be cancelled.
    pub async fn ended(&mut self) -> End {
        let (in_order, status) = match self.child.wait().await {
            Ok(status) => (status.success(), status.to_string()),
            Err(error) => (false, error.to_string()),
        };
        let last = crate::text::colon(&file::last_lines(&self.log, 1).concat());
        End { in_order, words: format!("{} ended ({status}){last}", self.name) }
    }
}
