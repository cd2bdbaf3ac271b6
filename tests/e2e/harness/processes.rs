//! What end-to-end tests do with a process of a test.

use std::time::Duration;
use std::{fs, thread};

use rustix::process::{Pid, Signal, kill_process};

use crate::common::process::Process;

impl Process {
    /// Returns its state, its share of a processor during one second, and what it waits for in the
    /// kernel.
    pub fn doing(&self) -> String {
        let before = processor_time(self.pid).unwrap_or_default();
        thread::sleep(Duration::from_secs(1));
        let used = processor_time(self.pid)
            .unwrap_or_default()
            .saturating_sub(before);
        let read = |name: &str| {
            fs::read_to_string(format!("/proc/{}/{name}", self.pid)).unwrap_or_default()
        };
        let status = read("status");
        let lines = status
            .lines()
            .filter(|line| line.starts_with("State:") || line.starts_with("PPid:"));
        let lines = lines.collect::<Vec<_>>().join(" ");
        format!("{lines} {} % {}", used.as_millis() / 10, read("wchan"))
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

/// Returns the processor time that a process has used, unless it has ended.
pub fn processor_time(pid: u32) -> Option<Duration> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // Fields 14 and 15 of proc(5), in hundredths of a second; the second may have blanks.
    let (_, fields) = text.rsplit_once(')')?;
    let fields = fields.split_whitespace().skip(11).take(2);
    let ticks: u64 = fields.map(|field| field.parse::<u64>().unwrap()).sum();
    Some(Duration::from_millis(10 * ticks))
}
