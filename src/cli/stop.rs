//! `podman-bootc stop`

use anyhow::Result;

use super::args::vm::VmArgs;
use super::{Context, each};
use crate::ui::{say, tell};
use crate::vm::lifecycle;

/// Stop running VMs
///
/// Presses the power button until the guest shuts down, asks over SSH halfway through the time, and
/// cuts the power if that takes too long. The disks are kept.
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
            let end = context.block_on(lifecycle::stop(&vm, &context.store, self.time))?;
            if let Some(end) = end.filter(|end| end.power_cut) {
                tell(format!("VM {}: {}", vm.spec.name, end.reason));
            }
            say(format!("{}\n", vm.spec.name));
            Ok(())
        })
    }
}
