//! `podman-bootc rm`

use anyhow::{Result, anyhow};

use super::Context;
use crate::ui::say;
use crate::vm::lifecycle;
use crate::vm::store::Entry;

/// Remove VMs with their disks
///
/// Base disks stay: the next `run` of the same image starts at once.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Remove running VMs, too; they lose their power
    #[arg(short, long)]
    force: bool,
    /// Remove all VMs that don't run; with --force all
    #[arg(short, long)]
    all: bool,
    /// The VMs: names, IDs or beginnings of IDs
    #[arg(required_unless_present = "all", conflicts_with = "all", value_name = "VM")]
    vms: Vec<String>,
}

impl Args {
    pub(super) fn run(self, context: &Context) -> Result<()> {
        if self.all {
            return self.remove_all(context);
        }
        each(&self.vms, |name| {
            let vm = context.store.find(name)?;
            context.block_on(lifecycle::remove(&vm, &context.store, self.force))?;
            say(format!("{}\n", vm.spec.name));
            Ok(())
        })
    }

    fn remove_all(&self, context: &Context) -> Result<()> {
        let vms = context.store.list().into_iter().filter_map(Entry::vm);
        let idle = |vm: &crate::vm::Vm| vm.state() != crate::vm::State::Running;
        let names: Vec<String> =
            vms.filter(|vm| self.force || idle(vm)).map(|vm| vm.spec.name.to_string()).collect();
        each(&names, |name| {
            let vm = context.store.find(name)?;
            context.block_on(lifecycle::remove(&vm, &context.store, self.force))?;
            say(format!("{name}\n"));
            Ok(())
        })
    }
}

/// Does something for each name; a failure doesn't keep the others from their turn.
pub(super) fn each(names: &[String], mut action: impl FnMut(&str) -> Result<()>) -> Result<()> {
    let mut failures: Vec<anyhow::Error> = Vec::new();
    for name in names {
        if let Err(error) = action(name) {
            failures.push(error);
        }
        crate::host::interrupt::check()?;
    }
    match failures.len() {
        0 => Ok(()),
        1 => Err(failures.remove(0)),
        _ => Err(anyhow!(failures.iter().map(super::message).collect::<Vec<_>>().join("\nError: "))),
    }
}
