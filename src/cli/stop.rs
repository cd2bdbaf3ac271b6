//! `podman-bootc stop`

use anyhow::Result;

use super::args::vm::ChosenVms;
use super::{Context, each};
use crate::ui::{say, tell};
use crate::vm::{State, lifecycle};

/// Stop running VMs
///
/// Presses the power button until the guest shuts down, asks over SSH halfway through the time, and
/// cuts the power if that takes too long. The disks are kept. A suspended VM loses what it has in
/// memory.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Seconds until the power is cut [default: 60, or 300 for an emulated guest]
    #[arg(short, long, value_name = "SECONDS")]
    time: Option<u64>,
    #[command(flatten)]
    vms: ChosenVms,
}

impl Args {
    pub(super) fn run(self, context: &Context) -> Result<()> {
        let names = self.vms.names(context, |vm| vm.state() == State::Running);
        each(&names, |name| {
            let vm = context.store.find(name)?;
            if vm.state() == State::Suspended {
                tell(format!(
                    "VM {} is suspended: dropping what it has in memory",
                    vm.spec.name
                ));
                // A VM of --rm ends with that.
                match vm.spec.remove {
                    true => context.block_on(lifecycle::remove(&vm, &context.store, false))?,
                    false => lifecycle::forget_suspended(&vm).map(drop)?,
                }
                say(format!("{}\n", vm.spec.name));
                return Ok(());
            }
            let time = self.time.unwrap_or_else(|| lifecycle::stop_time(&vm));
            let end = context.block_on(lifecycle::stop(&vm, &context.store, time))?;
            if let Some(end) = end.filter(|end| end.power_cut) {
                tell(format!("VM {}: {}", vm.spec.name, end.reason));
            }
            say(format!("{}\n", vm.spec.name));
            Ok(())
        })
    }
}
