//! Configured defaults for the flags of some commands: from the environment, the project's file and
//! the user's file.
//!
//! The flags themselves come from the definition of the command line, so that a new flag needs no
//! line here. Only `trust` names flags: a project's file may set a flag if it is listed there.

mod environment;
mod error;
mod file;
mod flags;
mod load;
mod project;
mod resolve;
mod trust;

use std::fmt;
use std::path::PathBuf;

pub use error::Error;
pub use flags::{COMMANDS, Flags, tolerant};
pub use load::{Files, Layers};
pub use resolve::{Line, Resolved, resolve};

/// The name of a project's file.
pub const PROJECT_FILE: &str = ".podman-bootc.toml";

/// A flag's configured value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// `false` or an empty list: as if no file and no variable set the flag.
    Off,
    /// The flag without a value.
    Bare,
    Given(Vec<String>),
}

/// The place of a configured value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The name of a variable.
    Environment(String),
    /// The project's file.
    Project(Place),
    /// The user's file.
    User(Place),
}

/// A line of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub file: PathBuf,
    /// The first line is 1.
    pub line: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file.display(), self.line)
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment(variable) => write!(f, "{variable}"),
            Self::Project(place) | Self::User(place) => write!(f, "{place}"),
        }
    }
}

/// A configured flag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The flag's long name.
    pub flag: String,
    pub value: Value,
    pub source: Source,
}
