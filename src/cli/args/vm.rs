//! VMs as arguments.

use anyhow::Result;

use crate::cli::Context;
use crate::vm::Vm;
use crate::vm::filter::Filter;
use crate::vm::store::Entry;

#[derive(Debug, clap::Args)]
pub struct VmArg {
    /// The VM: its name, its ID or a unique prefix of its ID
    vm: String,
}

impl VmArg {
    pub fn find(&self, context: &Context) -> Result<Vm> {
        Ok(context.store.find(&self.vm)?)
    }
}

#[derive(Debug, clap::Args)]
pub struct VmArgs {
    /// The VMs: names, IDs or unique prefixes of IDs
    #[arg(required = true, value_name = "VM")]
    pub vms: Vec<String>,
}

/// VMs by their names or by filters.
#[derive(Debug, clap::Args)]
pub struct ChosenVms {
    /// Choose all VMs with this: label=KEY[=VALUE], name=REGEX, status=STATE or image=IMAGE; can be
    /// repeated
    #[arg(long = "filter", value_name = "KEY=VALUE", value_parser = Filter::of_vms)]
    filters: Vec<Filter>,
    /// The VMs: names, IDs or unique prefixes of IDs
    #[arg(
        required_unless_present = "filters",
        conflicts_with = "filters",
        value_name = "VM"
    )]
    vms: Vec<String>,
}

impl ChosenVms {
    /// Returns the names of the VMs. A filter chooses among those that `may_be` accepts.
    pub fn names(&self, context: &Context, may_be: impl Fn(&Vm) -> bool) -> Vec<String> {
        match self.filters.is_empty() {
            true => self.vms.clone(),
            false => chosen(context, &self.filters, |entry| match entry {
                Entry::Vm(vm) => may_be(vm),
                Entry::Creating(_) | Entry::Damaged(..) => false,
            }),
        }
    }
}

/// Returns the names of the entries that the filters choose among the accepted ones.
pub fn chosen(
    context: &Context,
    filters: &[Filter],
    accepts: impl Fn(&Entry) -> bool,
) -> Vec<String> {
    let entries = context.store.list().into_iter();
    entries
        .filter(|entry| accepts(entry) && entry.is_chosen(filters))
        .map(|entry| entry.name().to_owned())
        .collect()
}
