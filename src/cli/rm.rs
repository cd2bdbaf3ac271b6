//! `podman-bootc rm`

use anyhow::Result;

use super::{Context, each};
use crate::ui::say;
use crate::vm::store::{self, Entry};
use crate::vm::{Name, State, Vm, lifecycle};

/// Remove VMs and their disks
///
/// Base disks are kept, so the next `run` of the same image starts at once.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Also remove running VMs (their power is cut) and named VMs whose files can't be read
    #[arg(short, long)]
    force: bool,
    /// Remove all VMs that are not running; with --force, all VMs
    #[arg(short, long)]
    all: bool,
    /// The VMs: names, IDs or unique prefixes of IDs
    #[arg(
        required_unless_present = "all",
        conflicts_with = "all",
        value_name = "VM"
    )]
    vms: Vec<String>,
}

impl Args {
    pub(super) fn run(self, context: &Context) -> Result<()> {
        if self.all {
            return self.remove_all(context);
        }
        each(&self.vms, |name| {
            let name = match (context.store.find(name), name.parse::<Name>()) {
                (Err(store::Error::Damaged { .. }), Ok(name)) if self.force => {
                    context.store.remove_damaged(&name)?;
                    name
                }
                (found, _) => self.remove(context, &found?)?,
            };
            say(format!("{name}\n"));
            Ok(())
        })
    }

    fn remove_all(&self, context: &Context) -> Result<()> {
        let wanted = |entry: &Entry| match entry {
            Entry::Vm(vm) => self.force || vm.state() != State::Running,
            Entry::Creating(_) => false,
            // Fails: only `rm --force NAME` removes a damaged VM.
            Entry::Damaged(..) => true,
        };
        let entries = context.store.list().into_iter().filter(wanted);
        let names: Vec<String> = entries.map(|entry| entry.name().to_owned()).collect();
        each(&names, |name| {
            let name = self.remove(context, &context.store.find(name)?)?;
            say(format!("{name}\n"));
            Ok(())
        })
    }

    fn remove(&self, context: &Context, vm: &Vm) -> Result<Name> {
        context.block_on(lifecycle::remove(vm, &context.store, self.force))?;
        Ok(vm.spec.name.clone())
    }
}
