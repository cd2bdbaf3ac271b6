//! Commands that the tool calls itself by; not for users.

use anyhow::Result;

use super::Context;
use crate::direct::Work;
use crate::host::interrupt;
use crate::vm::supervisor;

/// Supervise a VM until it ends
#[derive(Debug, clap::Args)]
pub struct SuperviseArgs {
    /// The VM's name
    name: String,
}

impl SuperviseArgs {
    pub(super) fn run(self, context: &Context) -> Result<()> {
        Ok(supervisor::run(&context.store, &self.name)?)
    }
}

/// Read an image for a direct boot, in a mount namespace of its own
#[derive(Debug, clap::Args)]
pub struct ExportArgs {
    /// What to do, as JSON
    work: String,
}

impl ExportArgs {
    pub(super) fn run(self) -> Result<()> {
        interrupt::listen()?;
        let work: Work = serde_json::from_str(&self.work)?;
        Ok(work.run()?)
    }
}
