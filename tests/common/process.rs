//! Processes of a test: their environment or command line names the test's folder.

use std::path::Path;
use std::{fmt, fs};

/// A process.
#[derive(Clone)]
pub struct Process {
    pub pid: u32,
    /// Its command line, with a blank between two words.
    pub command: String,
}

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {}: {}", self.pid, self.command)
    }
}

impl Process {
    /// Returns the processes that name `folder`, in no order and without this process.
    pub fn of(folder: &Path) -> Vec<Self> {
        let folder = folder.to_str().unwrap();
        Self::all(|pid| {
            // A process that has ended has neither.
            let names = |name: &str| {
                let bytes = fs::read(format!("/proc/{pid}/{name}")).unwrap_or_default();
                String::from_utf8_lossy(&bytes).contains(folder)
            };
            names("environ") || names("cmdline")
        })
    }

    /// Returns the living processes for which `is_wanted` holds, in no order and without this
    /// process.
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
}
