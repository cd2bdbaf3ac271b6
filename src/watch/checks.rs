//! The user's checks of each image.

use std::path::PathBuf;
use std::time::Duration;

use crate::testing::checks::{Check, CheckError};

/// The checks, whose files are read anew each time.
#[derive(Debug, Clone, Default)]
pub struct ChecksSetup {
    pub commands: Vec<String>,
    pub scripts: Vec<PathBuf>,
    pub folders: Vec<PathBuf>,
    /// The time limit for each check.
    pub limit: Duration,
}

impl ChecksSetup {
    pub fn is_empty(&self) -> bool {
        self.commands.is_empty() && self.scripts.is_empty() && self.folders.is_empty()
    }

    /// Returns the checks as they are now.
    ///
    /// # Errors
    /// A file or folder can't be read.
    pub fn read(&self) -> Result<Vec<Check>, CheckError> {
        let commands = self.commands.iter().map(|line| Check::command(line));
        let mut checks: Vec<Check> = commands.collect();
        for script in &self.scripts {
            checks.push(Check::script(script)?);
        }
        for folder in &self.folders {
            checks.extend(Check::folder(folder)?);
        }
        Ok(checks)
    }
}
