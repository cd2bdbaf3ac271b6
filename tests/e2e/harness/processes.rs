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
        let pids = fs::read_dir("/proc").unwrap().flatten();
        let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        pids.filter(|&pid| pid != std::process::id())
            .filter_map(|pid| {
                // Those of a process that has ended are empty or gone.
                let read = |name: &str| fs::read(format!("/proc/{pid}/{name}")).ok();
                let (environment, command) = (read("environ")?, read("cmdline")?);
                let names = |bytes: &[u8]| String::from_utf8_lossy(bytes).contains(folder);
                let mine = !command.is_empty() && (names(&environment) || names(&command));
                mine.then(|| Self { pid, command: String::from_utf8_lossy(&command).replace('\0', " ") })
            })
            .collect()
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
