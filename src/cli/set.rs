//! `podman-bootc set`

use anyhow::Result;

use super::Context;
use super::args::machine::{parse_cpus, parse_memory};
use super::args::vm::VmArg;
use crate::vm::lifecycle;

/// Change the CPUs and the memory of a stopped VM
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  podman-bootc set web --memory 4G --cpus 4")]
pub struct Args {
    /// Virtual CPUs
    #[arg(long, value_name = "NUMBER", value_parser = parse_cpus(), required_unless_present = "memory")]
    cpus: Option<u32>,
    /// Memory, in bytes or with K, M, G
    #[arg(short, long, value_name = "SIZE", value_parser = parse_memory)]
    memory: Option<u64>,
    #[command(flatten)]
    vm: VmArg,
}

impl Args {
    pub(super) fn run(self, context: &Context) -> Result<()> {
        let mut vm = self.vm.find(context)?;
        // Locked, so that nothing starts the VM before its spec is written.
        let _lock = lifecycle::take(&vm)?;
        vm.change_spec(|spec| {
            spec.cpus = self.cpus.unwrap_or(spec.cpus);
            spec.memory_mib = self.memory.unwrap_or(spec.memory_mib);
            Ok::<_, anyhow::Error>(())
        })
    }
}
