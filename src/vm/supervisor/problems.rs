//! The problems of a running VM, for `list`. Their file is beside the VM's sockets, because the
//! disk that has the VM's own folder may be full.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::Instant;

use crate::host;
use crate::host::fs::dirs::Dirs;
use crate::host::fs::file;
use crate::hypervisor::Machine;
use crate::vm::Vm;

/// Time after which a paused machine is resumed to see whether there is space: no event reports
/// that.
const RETRY_TIME: Duration = Duration::from_secs(5);
/// A machine that runs for this long after that has found space.
const SETTLE_TIME: Duration = Duration::from_secs(2);

/// The problems of one run of a VM.
#[derive(Debug)]
pub struct Problems {
    file: PathBuf,
    permanent: Vec<String>,
    /// Why the guest won't come up.
    hopeless: Option<String>,
    space: Space,
    /// The problem of a machine whose disk can't grow.
    no_space: String,
}

/// Space on the host for what the guest writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Space {
    Enough,
    /// The machine is paused. It is resumed at this time.
    None(Instant),
    /// The machine was resumed. If it is not paused again before this time, there is space.
    Retried(Instant),
}

impl Problems {
    pub fn new(vm: &Vm, dirs: &Dirs) -> Self {
        Self {
            file: file_of(vm, dirs),
            permanent: vec![],
            hopeless: None,
            space: Space::Enough,
            no_space: String::new(),
        }
    }

    /// Records a problem for the rest of the run.
    pub fn add(&mut self, text: &str) {
        self.permanent.push(text.to_owned());
        self.save();
    }

    /// Records why the guest won't come up, or that it does.
    pub fn set_hopeless(&mut self, reason: Option<&str>) {
        if self.hopeless.as_deref() != reason {
            self.hopeless = reason.map(str::to_owned);
            self.save();
        }
    }

    /// Records that the machine is paused for want of space, and returns the message.
    pub fn no_space(&mut self, machine: &Machine) -> &str {
        let file = match fullest(machine) {
            Some(file) => file.display().to_string(),
            None => "the VM's disk".to_owned(),
        };
        self.no_space =
            format!("the host has no space left for {file}; the VM is paused until space is free");
        self.space = Space::None(Instant::now() + RETRY_TIME);
        self.save();
        &self.no_space
    }

    /// Returns the time for [`Self::check_space`].
    pub fn next_check(&self) -> Option<Instant> {
        match self.space {
            Space::Enough => None,
            Space::None(time) | Space::Retried(time) => Some(time),
        }
    }

    /// Returns true when the machine must be resumed. Called at [`Self::next_check`].
    pub fn check_space(&mut self) -> bool {
        let resume = matches!(self.space, Space::None(_));
        if resume {
            self.space = Space::Retried(Instant::now() + SETTLE_TIME);
        } else {
            self.space = Space::Enough;
            self.save();
        }
        resume
    }

    fn save(&self) {
        let space = (self.space != Space::Enough).then_some(self.no_space.as_str());
        let all: Vec<&str> = self
            .permanent
            .iter()
            .chain(&self.hopeless)
            .map(String::as_str)
            .chain(space)
            .collect();
        let text = all.join("; ");
        let written =
            file::create_private(&self.file).and_then(|mut file| file.write_all(text.as_bytes()));
        if let Err(error) = written {
            tracing::error!(path = %self.file.display(), %error, "can't write the VM's problems");
        }
    }
}

/// Returns the file that the machine writes to where the host has the least space.
fn fullest(machine: &Machine) -> Option<&Path> {
    let disks = machine.disks.iter().chain(&machine.devices.disks);
    let files = disks.filter(|disk| !disk.read_only).map(|disk| &*disk.file);
    files.min_by_key(|file| host::free_space(file).unwrap_or(u64::MAX))
}

/// Returns the problems of a running VM, if it has any.
pub fn read(vm: &Vm, dirs: &Dirs) -> Option<String> {
    std::fs::read_to_string(file_of(vm, dirs))
        .ok()
        .filter(|text| !text.is_empty())
}

fn file_of(vm: &Vm, dirs: &Dirs) -> PathBuf {
    dirs.runtime_of(&vm.spec.id).join("problems")
}
