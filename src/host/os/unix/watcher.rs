//! Where the kernel doesn't end a child with its parent (macOS), a process of ours does: it waits for the end of who
//! started it.

use std::io::{self, Read, Write};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, getsid};

/// The command by which the tool calls itself for this.
const COMMAND: &str = "internal-watch";

/// Ends a process when ours ends without having dropped this.
#[derive(Debug)]
pub struct Watcher(Child);

impl Watcher {
    /// Watches over a process that leads a session of its own.
    pub fn start(pid: u32) -> io::Result<Self> {
        let mut command = Command::new(super::current_program()?);
        command.args([COMMAND, &pid.to_string()]).current_dir("/");
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        // What is typed on our terminal is not for it.
        super::new_session(&mut command);
        Ok(Self(command.spawn()?))
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        // One that was killed has let go, too.
        let _ = self.0.stdin.take().map(|mut pipe| pipe.write_all(b"."));
        let _ = self.0.wait();
    }
}

/// The watcher's work: standard input ends, without a word before, when who started it was killed.
pub fn watch(pid: u32) -> io::Result<()> {
    let let_go = io::stdin().read(&mut [0])? > 0;
    // Its number may be another process' by now, but hardly that of one that leads a session.
    let leads = |pid: Pid| getsid(Some(pid)) == Ok(pid);
    if !let_go && i32::try_from(pid).ok().and_then(Pid::from_raw).is_some_and(leads) {
        super::kill(pid);
    }
    Ok(())
}
