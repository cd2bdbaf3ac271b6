//! `podman-bootc reboot`

use anyhow::Result;

use super::args::session::SessionArgs;
use super::args::vm::VmArgs;
use super::{Context, each};
use crate::text::Progress;
use crate::ui::say;
use crate::vm::ready::Condition;
use crate::vm::reboot::{Extent, Reboot};

/// Reboot the systems of running VMs
///
/// Runs `systemctl reboot` in the guest, and waits until its next boot is ready.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Restart only the guest's userspace, not its kernel; needs systemd 254 or newer in the guest
    #[arg(long)]
    soft: bool,
    /// What to wait for in the next boot: ssh, running (the end of the boot, without failed units),
    /// or a unit such as multi-user.target
    #[arg(
        long,
        value_name = "CONDITION",
        num_args = 0..=1,
        require_equals = true,
        default_value = "ssh",
        default_missing_value = "ssh",
        overrides_with = "no_wait"
    )]
    wait: Condition,
    /// Return as soon as the guest begins to reboot
    #[arg(long, overrides_with = "wait")]
    no_wait: bool,
    #[command(flatten)]
    session: SessionArgs,
    #[command(flatten)]
    vms: VmArgs,
}

impl Args {
    pub(super) fn run(self, context: &Context) -> Result<()> {
        let extent = match self.soft {
            true => Extent::Userspace,
            false => Extent::Whole,
        };
        let progress = self.session.progress();
        each(&self.vms.vms, |name| {
            let vm = context.store.find(name)?;
            let reboot = Reboot {
                vm: &vm,
                store: &context.store,
                user: &self.session.user(&vm),
                extent,
                timeout: self.session.timeout,
            };
            let stage = progress.stage("reboot");
            let condition = (!self.no_wait).then_some(&self.wait);
            let ready = context.block_on(reboot.run(&*stage, condition))?;
            if let Some(ready) = ready {
                for fault in &ready.faults {
                    stage.note(&fault.to_string());
                }
                stage.done(&format!("VM {} is ready", vm.spec.name));
            }
            say(format!("{}\n", vm.spec.name));
            Ok(())
        })
    }
}
