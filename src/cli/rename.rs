//! `podman-bootc rename`

use anyhow::Result;

use super::Context;
use super::args::vm::VmArg;
use crate::ui::say;
use crate::vm::{Name, rename};

/// Give a stopped VM another name
///
/// Its ID, disks, snapshots, labels and pinned host key stay. The hostname in the guest stays, too.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  podman-bootc rename web web-old")]
pub struct Args {
    #[command(flatten)]
    vm: VmArg,
    /// The new name
    #[arg(value_name = "NEW")]
    new: Name,
}

impl Args {
    pub(super) fn run(self, context: &Context) -> Result<()> {
        let vm = self.vm.find(context)?;
        let renamed = rename::rename(&vm, &context.store, &self.new)?;
        say(format!("{}\n", renamed.spec.name));
        Ok(())
    }
}
