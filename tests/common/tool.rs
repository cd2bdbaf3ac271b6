//! The tool in folders of its own.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;

const PROGRAM: &str = env!("CARGO_BIN_EXE_podman-bootc");

/// The tool with an environment of its own, which names folders below one folder.
pub struct Tool {
    folder: PathBuf,
    variables: Vec<(String, OsString)>,
}

impl Tool {
    pub fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            variables: vec![],
        }
    }

    /// Sets a variable in the environment of all later commands.
    pub fn set(&mut self, name: &str, value: impl Into<OsString>) {
        self.variables.push((name.to_owned(), value.into()));
    }

    /// Returns the folder of all that the test creates.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns the path of a file below the folder, with the system's separators, as the tool
    /// writes it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder().join(name).components().collect()
    }

    /// Returns the tool with these arguments.
    pub fn command(&self, args: &[impl AsRef<OsStr>]) -> Command {
        self.other_command(PROGRAM, args)
    }

    /// Returns another program with the environment of the tool.
    pub fn other_command(&self, program: impl AsRef<OsStr>, args: &[impl AsRef<OsStr>]) -> Command {
        let mut command = Command::new(program);
        command.args(args).envs(self.variables.iter().cloned());
        command
    }
}
