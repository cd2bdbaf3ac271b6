//! The bell and desktop notifications at the end of a cycle.

use std::io::{IsTerminal, Write};
use std::process::{Command, Stdio};

use super::report::Cycle;
use crate::host::Os;

/// What the user asked for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Alert {
    pub bell: bool,
    pub notify: bool,
}

/// The system can't show notifications.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("--notify needs `notify-send`: install libnotify (package libnotify-bin)")]
    NoProgram,
    #[error("--notify doesn't exist on Windows: leave it out, or use --bell")]
    Windows,
}

/// Passes the texts as arguments, so that they can't become code.
const SCRIPT: &str = "on run argv\ndisplay notification (item 2 of argv) with title (item 1 of \
                      argv)\nend run";

impl Alert {
    /// Finds what is missing before the loop begins.
    pub fn check(self) -> Result<(), Error> {
        match (self.notify, Os::current()) {
            (true, Os::Linux) if which::which("notify-send").is_err() => Err(Error::NoProgram),
            (true, Os::Windows) => Err(Error::Windows),
            _ => Ok(()),
        }
    }

    /// Tells the user of the end of a cycle, unless the next one follows.
    pub fn cycle(self, cycle: &Cycle) {
        let mut stderr = std::io::stderr();
        if self.bell && stderr.is_terminal() {
            // An error means that the terminal is closed.
            let _ = stderr.write_all(b"\x07");
        }
        if !self.notify {
            return;
        }
        let title = match cycle.is_bad() {
            true => "podman-bootc: failed",
            false => "podman-bootc: done",
        };
        let (text, mut command) = (cycle.to_string(), notifier());
        command.args([title, &text]);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        // A notification that fails changes nothing. The thread reaps the program.
        std::thread::spawn(move || command.status());
    }
}

fn notifier() -> Command {
    match Os::current() {
        Os::Macos => {
            let mut command = Command::new("osascript");
            command.args(["-e", SCRIPT]);
            command
        }
        Os::Linux | Os::Windows => {
            let mut command = Command::new("notify-send");
            command.args(["--app-name=podman-bootc", "--"]);
            command
        }
    }
}
