//! What is wrong with a VM that runs all the same. It is told in a file beside the VM's sockets: what is full may be
//! the disk that the VM's own folder is on.

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use tokio::time::Instant;

use crate::host::fs::dirs::Dirs;
use crate::host::fs::file;
use crate::vm::Vm;

/// Told when the host has no room for what the guest writes.
pub const NO_SPACE: &str =
    "the host has no space left for the VM's disk; the VM stands still until there is some";
/// A machine that stands still for want of space is tried again after this: no event tells that there is some.
const RETRY_TIME: Duration = Duration::from_secs(5);
/// One that goes on for this long after that has found room.
const SETTLE_TIME: Duration = Duration::from_secs(2);

/// The problems of one run of a VM.
#[derive(Debug)]
pub struct Problems {
    file: PathBuf,
    lasting: Vec<String>,
    space: Space,
}

/// Room on the host for what the guest writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Space {
    Enough,
    /// There was none; it is tried again then.
    None(Instant),
    /// It was tried; if nothing is heard until then, there is some.
    Tried(Instant),
}

/// What is to be done when the time has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// The machine is to go on.
    Resume,
    /// Nothing more: the machine has found room.
    Nothing,
}

impl Problems {
    /// None yet.
    pub fn new(vm: &Vm, dirs: &Dirs) -> Self {
        Self { file: file_of(vm, dirs), lasting: vec![], space: Space::Enough }
    }

    /// One that stays.
    pub fn add(&mut self, text: &str) {
        self.lasting.push(text.to_owned());
        self.keep();
    }

    /// The machine stands still.
    pub fn no_space(&mut self) {
        self.space = Space::None(Instant::now() + RETRY_TIME);
        self.keep();
    }

    /// When [`Self::due`] has something to do.
    pub fn next(&self) -> Option<Instant> {
        match self.space {
            Space::Enough => None,
            Space::None(time) | Space::Tried(time) => Some(time),
        }
    }

    /// The time has come.
    pub fn due(&mut self) -> Due {
        match self.space {
            Space::None(_) => {
                self.space = Space::Tried(Instant::now() + SETTLE_TIME);
                Due::Resume
            }
            Space::Tried(_) | Space::Enough => {
                self.space = Space::Enough;
                self.keep();
                Due::Nothing
            }
        }
    }

    fn keep(&self) {
        let space = (self.space != Space::Enough).then_some(NO_SPACE);
        let all: Vec<&str> = self.lasting.iter().map(String::as_str).chain(space).collect();
        let text = all.join("; ");
        let told = file::create_private(&self.file).and_then(|mut file| file.write_all(text.as_bytes()));
        if let Err(error) = told {
            tracing::error!(path = %self.file.display(), %error, "the VM's problems can't be told");
        }
    }
}

/// The problems of a VM that runs, in words.
pub fn of(vm: &Vm, dirs: &Dirs) -> Option<String> {
    std::fs::read_to_string(file_of(vm, dirs)).ok().filter(|text| !text.is_empty())
}

fn file_of(vm: &Vm, dirs: &Dirs) -> PathBuf {
    dirs.runtime_of(&vm.spec.id).join("problems")
}
