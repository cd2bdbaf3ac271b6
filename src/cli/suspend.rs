//! `podman-bootc suspend`

use anyhow::Result;

use super::args::vm::ChosenVms;
use super::{Context, each};
use crate::ui::say;
use crate::vm::{State, lifecycle};

/// Save running VMs with their memory, and end them; `start` resumes them
///
/// The file of a VM takes about what its guest uses of its memory. Connections to other machines
/// don't outlive it. A VM that shares folders (-v) or has a TPM can't be suspended.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  podman-bootc suspend web
  podman-bootc start web           resumes it
  podman-bootc start --cold web    boots it anew instead")]
pub struct Args {
    #[command(flatten)]
    vms: ChosenVms,
}

impl Args {
    pub(super) fn run(self, context: &Context) -> Result<()> {
        let names = self.vms.names(context, |vm| vm.state() == State::Running);
        each(&names, |name| {
            let vm = context.store.find(name)?;
            context.block_on(lifecycle::suspend(&vm, &context.store))?;
            say(format!("{}\n", vm.spec.name));
            Ok(())
        })
    }
}
