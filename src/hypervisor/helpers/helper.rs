//! A helper from its start to its end.

use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use crate::host::fs::file;
use crate::host::net::socket;
use crate::host::process;
use crate::hypervisor::Launch;

/// A process that serves a device on a socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Helper {
    /// A name for people.
    pub name: String,
    pub launch: Launch,
    /// Its working folder.
    pub folder: PathBuf,
    pub socket: Socket,
    /// The file for its output.
    pub log: PathBuf,
}

/// The sockets that a helper listens on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Socket {
    /// We create the socket at this path. It is the helper's standard input.
    Inherited(PathBuf),
    /// The helper creates these sockets itself.
    Created(Vec<PathBuf>),
}

/// Time limit for the sockets that a helper creates.
const SOCKETS_TIMEOUT: Duration = Duration::from_secs(10);
/// We poll, because no event reports on every system that a socket appears.
const POLL: Duration = Duration::from_millis(10);

/// A helper that runs. It ends with our process.
#[derive(Debug)]
pub struct Running {
    name: String,
    child: process::Helper,
    log: PathBuf,
}

/// The end of a helper.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// The helper's name for people.
    pub name: String,
    /// Whether it exited without an error, as it does after the hypervisor's end.
    pub success: bool,
    /// A sentence for people.
    pub message: String,
}

impl Helper {
    /// Starts the helper. The hypervisor can connect to an inherited socket at once.
    pub fn start(&self) -> io::Result<Running> {
        let stdin = match &self.socket {
            // No other process holds the socket. So the system refuses connections after the
            // helper's end.
            Socket::Inherited(path) => socket::listen_for_child(path)?,
            Socket::Created(_) => Stdio::null(),
        };
        let log = file::create_private(&self.log)?;
        let mut command = std::process::Command::new(&self.launch.program);
        command.args(&self.launch.args).current_dir(&self.folder);
        command.stdin(stdin).stdout(log.try_clone()?).stderr(log);
        let child = process::spawn_helper(command)?;
        Ok(Running {
            name: self.name.clone(),
            child,
            log: self.log.clone(),
        })
    }

    /// Waits until its sockets exist. If one never does, the hypervisor's error names it.
    pub async fn wait_for_sockets(&self) {
        let Socket::Created(sockets) = &self.socket else {
            return;
        };
        let all = async {
            for socket in sockets {
                while !socket.exists() {
                    tokio::time::sleep(POLL).await;
                }
            }
        };
        if tokio::time::timeout(SOCKETS_TIMEOUT, all).await.is_err() {
            tracing::warn!(name = self.name, "a helper didn't create its sockets");
        }
    }
}

impl Running {
    /// Waits for its end. Callers can drop the future and call again.
    pub async fn ended(&mut self) -> End {
        let (success, status) = match self.child.wait().await {
            Ok(status) => (status.success(), status.to_string()),
            Err(error) => (false, error.to_string()),
        };
        let last = crate::text::colon(&file::last_lines(&self.log, 1).concat());
        End {
            name: self.name.clone(),
            success,
            message: format!("{} ended ({status}){last}", self.name),
        }
    }
}
