//! `podman-bootc start`

use anyhow::Result;

use super::args::vm::VmArgs;
use super::{Context, each};
use crate::ui::{say, tell};
use crate::vm::{lifecycle, ready};

/// Start stopped VMs in the background
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    vms: VmArgs,
}

impl Args {
    pub(super) fn run(self, context: &Context) -> Result<()> {
        each(&self.vms.vms, |name| {
            let vm = context.store.find(name)?;
            context.block_on(async {
                let mut client = lifecycle::start(&vm, &context.store, false).await?;
                ready::wait_started(&mut client, |note| tell(note)).await
            })?;
            say(format!("{}\n", vm.spec.name));
            Ok(())
        })
    }
}
