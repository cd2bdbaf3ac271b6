//! `podman-bootc trust`

use anyhow::Result;

use super::Context;
use super::args::vm::VmArg;
use crate::ui::{say, tell};

/// Accept a new SSH host key of a VM
///
/// The first login pins the host key of the VM's sshd, and a later one with another key fails. Use
/// this command if the guest made a new key, for example after a hard stop. The next login accepts
/// the VM's key and pins it.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  podman-bootc trust web")]
pub struct Args {
    #[command(flatten)]
    vm: VmArg,
}

impl Args {
    pub(super) fn run(self, context: &Context) -> Result<()> {
        let vm = self.vm.find(context)?;
        if !vm.trust_new_host_key()? {
            tell(format!("VM {} has no pinned host key yet", vm.spec.name));
        }
        say(format!("{}\n", vm.spec.name));
        Ok(())
    }
}
