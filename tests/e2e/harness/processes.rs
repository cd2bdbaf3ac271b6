//! What end-to-end tests do with a process of a test.

use std::fs;

use rustix::process::{Pid, Signal, kill_process};

use crate::common::process::Process;

impl Process {
    /// Returns its state and what it waits for in the kernel.
    pub fn doing(&self) -> String {
        let read = |name: &str| {
            fs::read_to_string(format!("/proc/{}/{name}", self.pid)).unwrap_or_default()
        };
        let status = read("status");
        let lines = status
            .lines()
            .filter(|line| line.starts_with("State:") || line.starts_with("PPid:"));
        format!("{} {}", lines.collect::<Vec<_>>().join(" "), read("wchan"))
    }

    /// Sends SIGKILL.
    pub fn kill(&self) {
        self.signal(Signal::KILL);
    }

    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.pid.try_into().unwrap()).unwrap();
        // It may have ended by itself.
        let _ = kill_process(pid, signal);
    }

    /// Returns true until it has ended.
    pub fn lives(&self) -> bool {
        fs::read(format!("/proc/{}/cmdline", self.pid)).is_ok_and(|command| !command.is_empty())
    }
}
