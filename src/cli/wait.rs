//! `podman-bootc wait`

use anyhow::Result;

use super::Context;
use super::args::session::SessionArgs;
use super::args::vm::VmArg;
use crate::text::Progress;
use crate::vm::Name;
use crate::vm::ready::Condition;

/// Wait until a running VM is ready, or until a unit in it is active
///
/// Exits with 124 when the time is over, and with 125 as soon as the condition can't be met any
/// more.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to wait for: ssh, running (the end of the boot, without failed units), or a unit such as
    /// multi-user.target
    #[arg(long = "for", value_name = "CONDITION", default_value = "ssh")]
    condition: Condition,
    #[command(flatten)]
    session: SessionArgs,
    #[command(flatten)]
    vm: VmArg,
}

impl Args {
    pub(super) fn run(self, context: &Context) -> Result<()> {
        let vm = self.vm.find(context)?;
        let user = self.session.user(&vm);
        let stage = self.session.progress().stage("boot");
        let time = self.session.timeout;
        let (_, ready) = context.session_when(&vm, &user, time, &self.condition, stage)?;
        context.block_on(ready.session.close());
        Ok(())
    }
}

/// Returns how to look at the VM of a hopeless guest.
pub(super) fn console_hint(name: &Name) -> String {
    format!(
        "`podman-bootc console {name}` opens its console, `podman-bootc logs {name}` shows all of it"
    )
}
