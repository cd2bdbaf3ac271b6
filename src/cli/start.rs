//! `podman-bootc start`

use std::time::Duration;

use anyhow::Result;

use super::args::vm::ChosenVms;
use super::wait::console_hint;
use super::{Context, each};
use crate::text::{Progress, Stage, parse_time};
use crate::ui::{StderrProgress, say, tell};
use crate::vm::boot::Wanted;
use crate::vm::ready::{self, Condition};
use crate::vm::{self, State, lifecycle};

/// Start stopped VMs in the background, and resume suspended ones
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    vms: ChosenVms,
    /// Wait for this: ssh, running (the end of the boot, without failed units), or a unit such as
    /// multi-user.target
    #[arg(long, value_name = "CONDITION")]
    wait: Option<Condition>,
    /// Time limit for --wait, in seconds or as in 90s, 5m [default: 5m, under emulation 20m]
    #[arg(long, value_name = "TIME", value_parser = parse_time, requires = "wait")]
    timeout: Option<Duration>,
    /// Boot a suspended VM anew; what it had in memory is lost
    #[arg(long)]
    cold: bool,
    /// Don't show progress
    #[arg(short, long)]
    quiet: bool,
}

impl Args {
    pub(super) fn run(self, context: &Context) -> Result<()> {
        let names = self.vms.names(context, |vm| vm.state() != State::Running);
        each(&names, |name| {
            let vm = context.store.find(name)?;
            if self.cold {
                lifecycle::forget_suspended(&vm)?;
            }
            context.block_on(async {
                let mut client = lifecycle::start(&vm, &context.store, false).await?;
                let Some(condition) = &self.wait else {
                    return ready::wait_started(&mut client, |note| tell(note)).await;
                };
                let stage = StderrProgress::new(self.quiet).stage("boot");
                let (user, time) = (&vm.spec.user, self.timeout);
                let (shown, wanted): (Option<&dyn Stage>, _) = (Some(&*stage), Wanted::Any);
                let ready =
                    ready::wait_until(&mut client, &vm, user, time, shown, &wanted, condition)
                        .await
                        .inspect_err(|error| {
                            if matches!(error, vm::Error::Hopeless { .. }) {
                                stage.note(&console_hint(&vm.spec.name));
                            }
                        })?;
                ready
                    .faults
                    .iter()
                    .for_each(|fault| stage.note(&fault.to_string()));
                ready.session.close().await;
                Ok(())
            })?;
            say(format!("{}\n", vm.spec.name));
            Ok(())
        })
    }
}
