//! `podman-bootc screenshot`

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use super::Context;
use super::args::vm::VmArg;
use crate::engine::Change;
use crate::vm::lifecycle;

/// Save a picture of a running VM's screen, as PNG
///
/// An --ephemeral VM has a screen only with --gui.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    vm: VmArg,
    /// The file to write
    #[arg(value_name = "FILE.png")]
    file: PathBuf,
}

impl Args {
    pub(super) fn run(self, context: &Context) -> Result<()> {
        let vm = self.vm.find(context)?;
        if vm.spec.is_ephemeral() && !vm.spec.settings.gui {
            bail!(
                "VM {} has no screen: --ephemeral VMs have one only with --gui",
                vm.spec.name
            );
        }
        let error = || format!("can't write {}", self.file.display());
        let folder = match self.file.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        };
        // The hypervisor writes to a temporary file, so an old picture is kept until the new one is
        // complete.
        let folder = folder.canonicalize().with_context(error)?;
        let picture = tempfile::Builder::new()
            .prefix(".screenshot-")
            .tempfile_in(folder)
            .with_context(error)?;
        let change = Change::Screenshot(picture.path().to_owned());
        context.block_on(lifecycle::change(&vm, &context.store, change))?;
        picture.persist(&self.file).with_context(error)?;
        Ok(())
    }
}
