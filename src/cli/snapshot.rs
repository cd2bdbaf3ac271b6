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

/// Save and restore everything on the disks of a stopped VM
///
/// A snapshot contains the VM's own disk, its --add-disk new:SIZE disks, its UEFI variables and its
/// pinned SSH host key. It doesn't contain files and folders of the host or the TPM. A snapshot is
/// in the VM's folder and is removed with the VM.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Create a snapshot of a stopped VM
    ///
    /// Copies nothing: a snapshot takes space only for what the VM changes later.
    #[command(after_help = EXAMPLES)]
    Create(SnapshotArg),
    #[command(visible_alias = "ls")]
    List(ListArgs),
    /// Restore a stopped VM to a snapshot; everything that the VM wrote since then is lost
    Restore(SnapshotArg),
    Rm(RmArgs),
}

const EXAMPLES: &str = "\
Examples:
  podman-bootc snapshot create web before-upgrade
  podman-bootc snapshot restore web before-upgrade";

#[derive(Debug, clap::Args)]
pub struct SnapshotArg {
    #[command(flatten)]
    vm: VmArg,
    /// The snapshot's name
    name: Name,
}

/// List a VM's snapshots
#[derive(Debug, clap::Args)]
pub struct ListArgs {
    /// Print as JSON, or by a template such as '{{.name}} {{.created}}'
    #[arg(long, value_name = "json|TEMPLATE")]
    format: Option<Format>,
    #[command(flatten)]
    vm: VmArg,
}

/// Remove snapshots of a stopped VM; the VM's disks don't change
#[derive(Debug, clap::Args)]
pub struct RmArgs {
    #[command(flatten)]
    vm: VmArg,
    /// The snapshots' names
    #[arg(required = true)]
    names: Vec<String>,
}

/// A snapshot in the list. The field names are stable.
#[derive(Debug, Serialize)]
struct Row {
    name: String,
    created: jiff::Timestamp,
}

impl Command {
    pub(super) fn run(self, context: &Context) -> Result<()> {
        match self {
            Self::Create(args) => args.run(context, snapshots::create),
            Self::Restore(args) => args.run(context, snapshots::restore),
            Self::List(args) => args.run(context),
            Self::Rm(args) => args.run(context),
        }
    }
}

impl SnapshotArg {
    fn run(
        self,
        context: &Context,
        action: fn(&Vm, &Name) -> Result<(), snapshots::Error>,
    ) -> Result<()> {
        let (vm, _lock) = find_and_lock(context, &self.vm)?;
        action(&vm, &self.name)?;
        say(format!("{}\n", self.name));
        Ok(())
    }
}

impl ListArgs {
    fn run(self, context: &Context) -> Result<()> {
        let vm = find(context, &self.vm)?;
        let snapshots = snapshots::list(&vm)?;
        let rows: Vec<Row> = snapshots
            .into_iter()
            .map(|s| Row {
                name: s.name,
                created: s.created,
            })
            .collect();
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

impl RmArgs {
    fn run(self, context: &Context) -> Result<()> {
        let (vm, _lock) = find_and_lock(context, &self.vm)?;
        super::each(&self.names, |name| {
            snapshots::remove(&vm, &name.parse()?)?;
            say(format!("{name}\n"));
            Ok(())
        })
    }
}

fn find(context: &Context, name: &VmArg) -> Result<Vm> {
    let vm = name.find(context)?;
    requirements::check(vm.spec.hypervisor, &[Wish::Snapshot])?;
    Ok(vm)
}

/// Returns the VM with a lock, so that nothing starts it meanwhile.
fn find_and_lock(context: &Context, name: &VmArg) -> Result<(Vm, Lock)> {
    let vm = find(context, name)?;
    let lock = lifecycle::take(&vm)?;
    Ok((vm, lock))
}
