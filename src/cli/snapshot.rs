//! `podman-bootc snapshot`

use anyhow::Result;
use serde::Serialize;

use super::args::vm::VmArg;
use super::{Context, requirements};
use crate::hypervisor::features::Wish;
use crate::text::{format_size, since};
use crate::ui::{Format, Table, print, say, tell};
use crate::vm::snapshots::{self, Content};
use crate::vm::{self, Name, State, Vm, lifecycle, ready};

/// Save and restore a VM: its disks, and the memory of one that runs
///
/// A snapshot contains the VM's own disk, its --add-disk new:SIZE disks, its UEFI variables and its
/// pinned SSH host key. It doesn't contain files and folders of the host or the TPM. A snapshot is
/// in the VM's folder and is removed with the VM.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Create a snapshot, of the memory too if the VM is running
    ///
    /// A running VM pauses until its memory is in a file, which takes about as much space as the guest
    /// uses of it. The disks take space only for what the VM changes later. What keeps a VM from
    /// `suspend`, such as shared folders (-v), keeps it from a snapshot with memory.
    #[command(after_help = EXAMPLES)]
    Create(CreateArgs),
    #[command(visible_alias = "ls")]
    List(ListArgs),
    /// Restore a VM to a snapshot; everything that the VM did since then is lost
    ///
    /// A snapshot with memory brings back a running VM, whether the VM runs or not: the programs of that
    /// time go on. A snapshot without it is for a VM that doesn't run, and `start` boots it.
    Restore(RestoreArgs),
    Rm(RmArgs),
}

const EXAMPLES: &str = "\
Examples:
  podman-bootc snapshot create web before-upgrade
  podman-bootc snapshot create --disk-only web disks
  podman-bootc snapshot restore web before-upgrade";

#[derive(Debug, clap::Args)]
pub struct CreateArgs {
    /// Leave out the memory of a running VM: the guest finds its disks as after a power cut
    #[arg(long)]
    disk_only: bool,
    #[command(flatten)]
    snapshot: SnapshotArg,
}

#[derive(Debug, clap::Args)]
pub struct RestoreArgs {
    /// Leave out the snapshot's memory; the VM must be stopped, and stays so
    #[arg(long)]
    disk_only: bool,
    #[command(flatten)]
    snapshot: SnapshotArg,
}

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

/// Remove snapshots; the VM's disks don't change
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
    /// Bytes of its memory on the host, if it has memory.
    memory: Option<u64>,
}

impl Command {
    pub(super) fn run(self, context: &Context) -> Result<()> {
        match self {
            Self::Create(args) => args.run(context),
            Self::Restore(args) => args.run(context),
            Self::List(args) => args.run(context),
            Self::Rm(args) => args.run(context),
        }
    }
}

impl CreateArgs {
    fn run(self, context: &Context) -> Result<()> {
        let name = &self.snapshot.name;
        let vm = find(context, &self.snapshot.vm)?;
        let _turn = snapshots::take_turn(&vm)?;
        match (vm.state(), self.disk_only) {
            (State::Running, true) => {
                context.block_on(snapshots::create_disks(&vm, &context.store, name))?;
            }
            (State::Running, false) => {
                context.block_on(snapshots::create_with_memory(&vm, &context.store, name))?;
            }
            _ => {
                let _lock = lifecycle::take(&vm)?;
                snapshots::sweep(&vm)?;
                snapshots::create(&vm, name)?;
            }
        }
        say(format!("{name}\n"));
        Ok(())
    }
}

impl RestoreArgs {
    fn run(self, context: &Context) -> Result<()> {
        let name = &self.snapshot.name;
        let vm = find(context, &self.snapshot.vm)?;
        let _turn = snapshots::take_turn(&vm)?;
        let has_memory = snapshots::find(&vm, name)?.memory.is_some();
        let content = match has_memory && !self.disk_only {
            true => Content::All,
            false => Content::Disks,
        };
        if content == Content::All {
            snapshots::check_memory(&vm, &context.dirs, name)?;
        }
        match (vm.state(), content) {
            (State::Running, Content::All) => {
                context.block_on(snapshots::restore_running(&vm, &context.store, name))?;
            }
            (state, _) => restore_stopped(context, &vm, &state, name, content)?,
        }
        say(format!("{name}\n"));
        Ok(())
    }
}

fn restore_stopped(
    context: &Context,
    vm: &Vm,
    state: &State,
    name: &Name,
    content: Content,
) -> Result<()> {
    let is_suspended = *state == State::Suspended;
    if is_suspended && vm.spec.remove && content == Content::Disks {
        // It would be removed at once, because it is neither running nor suspended.
        return Err(vm::Error::Suspended(vm.spec.name.to_string()).into());
    }
    let lock = lifecycle::take_suspended(vm)?;
    if is_suspended {
        let name = &vm.spec.name;
        tell(format!(
            "VM {name} is suspended: dropping what it has in memory"
        ));
    }
    let resumes = snapshots::restore(vm, name, content)?;
    drop(lock);
    if !resumes {
        return Ok(());
    }
    context.block_on(async {
        let mut client = lifecycle::start(vm, &context.store, false).await?;
        ready::wait_started(&mut client, |note| tell(note)).await
    })?;
    Ok(())
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
                memory: s.memory,
            })
            .collect();
        if let Some(format) = &self.format {
            return print(&rows, format);
        }
        let mut table = Table::new(&["NAME", "CREATED", "MEMORY"]);
        for row in rows {
            let memory = row.memory.map_or_else(|| "-".to_owned(), format_size);
            table.row(vec![row.name, since(row.created), memory]);
        }
        say(table);
        Ok(())
    }
}

impl RmArgs {
    fn run(self, context: &Context) -> Result<()> {
        let vm = find(context, &self.vm)?;
        let _turn = snapshots::take_turn(&vm)?;
        let lock = match vm.state() {
            State::Running => None,
            _ => Some(lifecycle::take(&vm)?),
        };
        super::each(&self.names, |name| {
            let name = name.parse()?;
            match &lock {
                Some(_) => snapshots::remove(&vm, &name)?,
                None => {
                    context.block_on(snapshots::remove_running(&vm, &context.store, &name))?;
                }
            }
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
