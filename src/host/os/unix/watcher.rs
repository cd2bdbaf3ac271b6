//! On macOS, the kernel doesn't end a child with its parent. A process of ours does it: the
//! watcher, which waits for the end of its own parent.

use std::io::{self, Read, Write};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, getsid};

/// The internal command that runs a watcher.
const COMMAND: &str = "internal-watch";

/// Ends a process when this process ends without dropping the value.
#[derive(Debug)]
pub struct Watcher(Child);

impl Watcher {
    /// Starts the watcher of a process that leads a session.
    pub fn start(pid: u32) -> io::Result<Self> {
        let mut command = Command::new(super::current_program()?);
        command.args([COMMAND, &pid.to_string()]).current_dir("/");
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        // Ctrl-C on the terminal must not end it.
        super::new_session(&mut command);
        Ok(Self(command.spawn()?))
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        // Any byte dismisses the watcher. A write fails only if someone killed it.
        let _ = self.0.stdin.take().map(|mut pipe| pipe.write_all(b"."));
        let _ = self.0.wait();
    }
}

/// Runs a watcher: waits for the end of standard input, and ends the process `pid` if no byte came
/// before. That means that the parent was killed.
pub fn watch_parent(pid: u32) -> io::Result<()> {
    let dismissed = io::stdin().read(&mut [0])? > 0;
    // Another process can have the ID by now, but hardly one that leads a session.
    let leads = |pid: Pid| getsid(Some(pid)) == Ok(pid);
    if !dismissed
        && i32::try_from(pid)
            .ok()
            .and_then(Pid::from_raw)
            .is_some_and(leads)
    {
        super::kill(pid);
    }
    Ok(())
}
