//! Hidden commands that the tool runs itself.

use std::ffi::OsString;

use anyhow::Result;

use super::Context;
use crate::direct_boot::{ExportJob, ServedRoot};
use crate::host::process;
use crate::host::process::interrupt;
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

/// Export an image for a direct boot, in a separate mount namespace
#[derive(Debug, clap::Args)]
pub struct ExportArgs {
    /// The export job, as JSON
    job: String,
}

impl ExportArgs {
    pub(super) fn run(self) -> Result<()> {
        interrupt::listen()?;
        let job: ExportJob = serde_json::from_str(&self.job)?;
        Ok(job.run()?)
    }
}

/// Serve an image's root to a VM, in a separate mount namespace
#[derive(Debug, clap::Args)]
pub struct ShareRootArgs {
    /// The root to serve, as JSON
    root: String,
    /// The program that serves it
    #[arg(last = true)]
    server: Vec<OsString>,
}

impl ShareRootArgs {
    pub(super) fn run(self) -> Result<()> {
        interrupt::listen()?;
        let root: ServedRoot = serde_json::from_str(&self.root)?;
        Ok(root.run(&self.server)?)
    }
}

/// End a process as soon as this program's parent exits (macOS)
#[derive(Debug, clap::Args)]
pub struct WatchArgs {
    /// The ID of the process to end
    pid: u32,
}

impl WatchArgs {
    pub(super) fn run(self) -> Result<()> {
        Ok(process::watch_parent(self.pid)?)
    }
}
