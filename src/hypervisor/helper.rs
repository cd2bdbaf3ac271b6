//! Processes beside the hypervisor that back some of a machine's devices.

use std::io;
use std::path::PathBuf;

use tokio::process::Child;

use super::Launch;
use crate::host::{file, process, socket};

/// A process that serves a device through a socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Helper {
    /// What it does, for people.
    pub name: String,
    /// How to start it. The socket, listening, is its standard input.
    pub launch: Launch,
    /// Its working folder.
    pub folder: PathBuf,
    /// The path of the socket that the hypervisor connects to.
    pub socket: PathBuf,
    /// The file for its messages.
    pub log: PathBuf,
}

/// A helper that was started. It dies with our process.
#[derive(Debug)]
pub struct Running {
    name: String,
    child: Child,
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
        // Nobody else holds the socket: when the helper dies, who connects is refused and doesn't wait for ever.
        let listener = socket::listen_for_child(&self.socket)?;
        let log = file::create_private(&self.log)?;
        let mut command = std::process::Command::new(&self.launch.program);
        command.args(&self.launch.args).current_dir(&self.folder);
        command.stdin(listener).stdout(log.try_clone()?).stderr(log);
        let child = process::spawn_helper(command)?;
        Ok(Running { name: self.name.clone(), child, log: self.log.clone() })
    }
}

impl Running {
    /// Waits for its end, and tells of it. May be cancelled.
    pub async fn ended(&mut self) -> End {
        let (in_order, status) = match self.child.wait().await {
            Ok(status) => (status.success(), status.to_string()),
            Err(error) => (false, error.to_string()),
        };
        let last = file::last_lines(&self.log, 1).pop().map(|line| format!(": {line}")).unwrap_or_default();
        End { in_order, words: format!("{} ended ({status}){last}", self.name) }
    }
}
