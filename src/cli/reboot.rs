//! `podman-bootc reboot`

use anyhow::Result;

use super::args::session::SessionArgs;
use super::args::vm::VmArgs;
use super::{Context, each};
use crate::text::Progress;
use crate::ui::say;
use crate::vm::reboot::{Extent, Reboot};

/// Reboot the systems of running VMs
///
/// Runs `systemctl reboot` in the guest, and waits until its next boot is ready.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Restart only the guest's userspace, not its kernel; needs systemd 254 or newer in the guest
    #[arg(long)]
    soft: bool,
    /// Wait until the next boot is ready; the default
    #[arg(long, overrides_with = "no_wait")]
    wait: bool,
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
            let ready = context.block_on(reboot.run(&*stage, !self.no_wait))?;
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
