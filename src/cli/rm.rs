//! `podman-bootc rm`

use anyhow::Result;

use super::args::vm::chosen;
use super::{Context, each};
use crate::ui::say;
use crate::vm::filter::Filter;
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
    /// Remove the VMs with this: label=KEY[=VALUE], name=REGEX, status=STATE or image=IMAGE; can be
    /// repeated
    #[arg(
        long = "filter",
        value_name = "KEY=VALUE",
        value_parser = Filter::of_vms,
        conflicts_with = "all"
    )]
    filters: Vec<Filter>,
    /// The VMs: names, IDs or unique prefixes of IDs
    #[arg(
        required_unless_present_any = ["all", "filters"],
        conflicts_with_all = ["all", "filters"],
        value_name = "VM"
    )]
    vms: Vec<String>,
}

impl Args {
    pub(super) fn run(self, context: &Context) -> Result<()> {
        if self.all {
            return self.remove_all(context);
        }
        let names = match self.filters.is_empty() {
            true => self.vms.clone(),
            false => chosen(context, &self.filters, |entry| {
                !matches!(entry, Entry::Creating(_))
            }),
        };
        each(&names, |name| {
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
        let names = chosen(context, &[], wanted);
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
