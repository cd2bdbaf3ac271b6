//! `podman-bootc stop`

use anyhow::Result;

use super::args::vm::VmArgs;
use super::{Context, each};
use crate::ui::say;
use crate::vm::lifecycle;

/// Stop running VMs
///
/// Asks the guest to shut down, and cuts the power if that takes too long. The disks are kept.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Seconds until the power is cut
    #[arg(short, long, value_name = "SECONDS", default_value_t = 60)]
    time: u64,
    #[command(flatten)]
    vms: VmArgs,
}

impl Args {
    pub(super) fn run(self, context: &Context) -> Result<()> {
        each(&self.vms.vms, |name| {
            let vm = context.store.find(name)?;
            context.block_on(lifecycle::stop(&vm, &context.store, self.time))?;
            say(format!("{}\n", vm.spec.name));
            Ok(())
        })
    }
}
