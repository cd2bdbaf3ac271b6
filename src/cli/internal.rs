//! Commands that the tool calls itself by; not for users.

use std::path::PathBuf;

use anyhow::Result;

use super::Context;
use crate::host::interrupt;
use crate::image::Podman;
use crate::install;
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

/// Read an image for a direct boot, inside podman's user namespace
#[derive(Debug, clap::Args)]
pub struct ExportArgs {
    /// The image's ID
    id: String,
    /// The folder to fill
    folder: PathBuf,
    /// The image's architecture
    arch: String,
}

impl ExportArgs {
    pub(super) fn run(self) -> Result<()> {
        interrupt::listen()?;
        install::export_here(&Podman::find()?, &self.id, &self.folder, &self.arch)?;
        Ok(())
    }
}
