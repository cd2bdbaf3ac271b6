//! VMs as arguments.

use anyhow::Result;

use crate::cli::Context;
use crate::vm::Vm;

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
