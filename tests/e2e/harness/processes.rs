//! Processes that belong to a test: those whose environment or command line names its folder.

use std::fs;
use std::path::Path;

use rustix::process::{Pid, Signal, kill_process};

/// A process.
#[derive(Debug, Clone)]
pub struct Process {
    pub pid: u32,
    /// Its command line, words separated by blanks.
    pub command: String,
}

impl Process {
    /// All that name `folder`, in no order. This process is none of them.
    pub fn of(folder: &Path) -> Vec<Self> {
        let folder = folder.to_str().unwrap();
        Self::all(|pid| {
            // Those of a process that has ended are empty or gone.
            let names = |name: &str| {
                let bytes = fs::read(format!("/proc/{pid}/{name}")).unwrap_or_default();
                String::from_utf8_lossy(&bytes).contains(folder)
            };
            names("environ") || names("cmdline")
        })
    }

    /// All of which this is true. This process is none of them, nor one that has ended.
    pub fn all(is_wanted: impl Fn(u32) -> bool) -> Vec<Self> {
        let pids = fs::read_dir("/proc").unwrap().flatten();
        let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        pids.filter(|&pid| pid != std::process::id() && is_wanted(pid))
            .filter_map(|pid| {
                let command = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
                let command = String::from_utf8_lossy(&command).replace('\0', " ");
                (!command.is_empty()).then_some(Self { pid, command })
            })
            .collect()
    }

    /// Its state and what it waits for in the kernel.
    pub fn doing(&self) -> String {
        let read = |name: &str| fs::read_to_string(format!("/proc/{}/{name}", self.pid)).unwrap_or_default();
        let status = read("status");
        let lines = status.lines().filter(|line| line.starts_with("State:") || line.starts_with("PPid:"));
        format!("{} {}", lines.collect::<Vec<_>>().join(" "), read("wchan"))
    }

    /// `kill -9`.
    pub fn kill(&self) {
        // One that is gone is what we want.
        let _ = kill_process(Pid::from_raw(self.pid.try_into().unwrap()).unwrap(), Signal::KILL);
    }

    /// True until it has ended.
    pub fn lives(&self) -> bool {
        fs::read(format!("/proc/{}/cmdline", self.pid)).is_ok_and(|command| !command.is_empty())
    }
}
