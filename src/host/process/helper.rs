//! Background programs that end with this process.

use std::io;
use std::process::{Command, ExitStatus};

use crate::host::os;

/// A background program that ends with this process and has no access to its terminal. Dropping the
/// value ends it.
#[derive(Debug)]
pub struct Helper {
    child: tokio::process::Child,
    guard: Option<os::HelperGuard>,
}

/// Starts a background program.
pub fn spawn_helper(mut command: Command) -> io::Result<Helper> {
    os::die_with_parent(&mut command);
    // Ctrl-C on the terminal signals only the terminal's session. This process handles it.
    os::new_session(&mut command);
    let child = tokio::process::Command::from(command)
        .kill_on_drop(true)
        .spawn()?;
    let guard = Some(os::guard_helper(&child)?);
    Ok(Helper { child, guard })
}

impl Helper {
    /// Returns its standard input if that is a pipe, once.
    pub fn stdin(&mut self) -> Option<tokio::process::ChildStdin> {
        self.child.stdin.take()
    }

    /// Returns its standard output if that is a pipe, once.
    pub fn stdout(&mut self) -> Option<tokio::process::ChildStdout> {
        self.child.stdout.take()
    }

    /// Waits until it ends. May be cancelled.
    pub async fn wait(&mut self) -> io::Result<ExitStatus> {
        let status = self.child.wait().await?;
        // From now on, another process can get its process ID.
        self.guard = None;
        Ok(status)
    }

    /// Ends it at once.
    pub fn kill(&mut self) {
        // An error means that it has ended already.
        let _ = self.child.start_kill();
    }
}
