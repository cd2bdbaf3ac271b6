//! `podman-bootc snapshot`

use anyhow::Result;
use serde::Serialize;

use super::args::vm::VmArg;
use super::{Context, requirements};
use crate::host::fs::lock::Lock;
use crate::hypervisor::features::Wish;
use crate::text::since;
use crate::ui::{Format, Table, print, say};
use crate::vm::{Name, Vm, lifecycle, snapshots};

/// Keep a stopped VM as it is, and bring it back to that later
///
/// A snapshot has the VM's own disk, the disks that were made for it (--add-disk new:SIZE) and its UEFI variables; not
/// what is in files and folders of the host, and not its TPM. It is in the VM's folder, and goes with the VM.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    Create(CreateArgs),
    #[command(visible_alias = "ls")]
    List(ListArgs),
    Restore(RestoreArgs),
    Rm(RmArgs),
}

/// Keep a stopped VM as it is
///
/// Nothing is copied: it takes room only for what the VM changes later.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  podman-bootc snapshot create web before-upgrade
  podman-bootc snapshot restore web before-upgrade")]
pub struct CreateArgs {
    #[command(flatten)]
    vm: VmArg,
    /// The snapshot's name
    name: Name,
}

/// List a VM's snapshots
#[derive(Debug, clap::Args)]
pub struct ListArgs {
    /// Print as JSON, or by a template as in '{{.name}} {{.created}}'
    #[arg(long, value_name = "json|TEMPLATE")]
    format: Option<Format>,
    #[command(flatten)]
    vm: VmArg,
}

/// Bring a stopped VM back to a snapshot: all that it wrote since then is lost
#[derive(Debug, clap::Args)]
pub struct RestoreArgs {
    #[command(flatten)]
    vm: VmArg,
    /// The snapshot's name
    name: Name,
}

/// Remove snapshots of a stopped VM; the VM stays as it is
#[derive(Debug, clap::Args)]
pub struct RmArgs {
    #[command(flatten)]
    vm: VmArg,
    /// The snapshots' names
    #[arg(required = true)]
    names: Vec<String>,
}

/// A snapshot as listings show it. The field names are part of the tool's interface.
#[derive(Debug, Serialize)]
struct Row {
    /// Its name.
    name: String,
    /// When it was made, RFC 3339.
    created: jiff::Timestamp,
}

impl Command {
    pub(super) fn run(self, context: &Context) -> Result<()> {
        match self {
            Self::Create(args) => args.run(context),
            Self::List(args) => args.run(context),
            Self::Restore(args) => args.run(context),
            Self::Rm(args) => args.run(context),
        }
    }
}

impl CreateArgs {
    fn run(self, context: &Context) -> Result<()> {
        let (vm, _taken) = taken(context, &self.vm)?;
        snapshots::create(&vm, &self.name)?;
        say(format!("{}\n", self.name));
        Ok(())
    }
}

impl ListArgs {
    fn run(self, context: &Context) -> Result<()> {
        let vm = found(context, &self.vm)?;
        let snapshots = snapshots::list(&vm)?;
        let rows: Vec<Row> =
            snapshots.into_iter().map(|s| Row { name: s.name, created: s.created }).collect();
        if let Some(format) = &self.format {
            return print(&rows, format);
        }
        let mut table = Table::new(&["NAME", "CREATED"]);
        for row in rows {
            table.row(vec![row.name, since(row.created)]);
        }
        say(table);
        Ok(())
    }
}

impl RestoreArgs {
    fn run(self, context: &Context) -> Result<()> {
        let (vm, _taken) = taken(context, &self.vm)?;
        snapshots::restore(&vm, &self.name)?;
        say(format!("{}\n", self.name));
        Ok(())
    }
}

impl RmArgs {
    fn run(self, context: &Context) -> Result<()> {
        let (vm, _taken) = taken(context, &self.vm)?;
        super::each(&self.names, |name| {
            snapshots::remove(&vm, &name.parse()?)?;
            say(format!("{name}\n"));
            Ok(())
        })
    }
}

fn found(context: &Context, name: &VmArg) -> Result<Vm> {
    let vm = name.find(context)?;
    requirements::check(vm.spec.hypervisor, &[Wish::Snapshot])?;
    Ok(vm)
}

/// The VM, which nobody starts meanwhile.
fn taken(context: &Context, name: &VmArg) -> Result<(Vm, Lock)> {
    let vm = found(context, name)?;
    let taken = lifecycle::take(&vm)?;
    Ok((vm, taken))
}
