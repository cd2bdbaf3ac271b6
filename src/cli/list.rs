//! `podman-bootc list`

use std::collections::BTreeMap;

use anyhow::Result;
use serde::Serialize;

use super::Context;
use crate::host::fs::dirs::Dirs;
use crate::hypervisor::accelerator::Accelerator;
use crate::text::{format_size, plain, since};
use crate::ui::{Format, Table, print, say};
use crate::vm::filter::Filter;
use crate::vm::guest_state::GuestState;
use crate::vm::store::Entry;
use crate::vm::store::instance::Door;
use crate::vm::supervisor::{agent, problems};
use crate::vm::{State, Vm};

/// List the VMs
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Print as JSON, or by a template such as '{{.name}} {{.state}}'
    #[arg(long, value_name = "json|TEMPLATE")]
    format: Option<Format>,
    /// Print only the names
    #[arg(short, long, conflicts_with = "format")]
    quiet: bool,
    /// List only these VMs: label=KEY[=VALUE], name=REGEX, status=STATE or image=IMAGE; can be
    /// repeated
    #[arg(long = "filter", value_name = "KEY=VALUE", value_parser = Filter::of_vms)]
    filters: Vec<Filter>,
}

/// A VM in the list. The field names are stable.
#[derive(Debug, Default, Serialize)]
pub(super) struct Row {
    pub name: String,
    pub id: String,
    /// Empty for an imported disk.
    pub image: String,
    /// Empty for an imported disk.
    pub image_id: String,
    /// The file of an imported disk.
    pub disk: Option<std::path::PathBuf>,
    /// `creating`, `running`, `stopped`, `suspended` or `crashed`.
    pub state: String,
    /// Why the VM crashed or its power was cut, or what failed while it keeps running.
    pub reason: Option<String>,
    /// The state of the guest's system while the VM runs and its agent has reported it: `starting`,
    /// `running`, `degraded`, `maintenance`, ...
    pub system: Option<String>,
    /// The guest's failed units.
    pub failed_units: Vec<String>,
    pub created: Option<jiff::Timestamp>,
    pub cpus: u32,
    /// Bytes.
    pub memory: u64,
    /// Bytes that the overlay takes on the host.
    pub disk_usage: u64,
    /// On loopback, while the VM runs.
    pub ssh_port: Option<u16>,
    /// The SSH door in use, `guest` or `direct`, after the first login of this run.
    pub ssh_door: Option<Door>,
    /// The forwarded ports while the VM runs, for example `127.0.0.1:8080->80/tcp`.
    pub ports: Vec<String>,
    /// While the VM runs.
    pub accelerator: Option<Accelerator>,
    pub ephemeral: bool,
    /// The VM is removed when it ends.
    pub remove: bool,
    /// The user's labels.
    pub labels: BTreeMap<String, String>,
}

impl Row {
    fn new(entry: &Entry, dirs: &Dirs) -> Self {
        match entry {
            Entry::Vm(vm) => Self::of(vm, dirs),
            Entry::Creating(name) => Self {
                name: name.clone(),
                state: State::Creating.name().into(),
                ..Self::default()
            },
            Entry::Damaged(name, why) => {
                let state = State::Crashed(why.clone());
                Self {
                    name: name.clone(),
                    state: state.name().into(),
                    reason: Some(why.clone()),
                    ..Self::default()
                }
            }
        }
    }

    /// Returns the state of a running guest.
    pub(super) fn guest(vm: &Vm, state: &State, dirs: &Dirs) -> Option<GuestState> {
        (*state == State::Running).then(|| agent::read(vm, dirs))?
    }

    pub(super) fn of(vm: &Vm, dirs: &Dirs) -> Self {
        let state = vm.state();
        let record = if state == State::Running {
            vm.record()
        } else {
            Default::default()
        };
        let guest = Self::guest(vm, &state, dirs).unwrap_or_default();
        let spec = &vm.spec;
        Self {
            name: spec.name.to_string(),
            id: spec.id.clone(),
            image: spec
                .running_image()
                .map(|image| image.reference.clone())
                .unwrap_or_default(),
            image_id: spec
                .running_image()
                .map(|image| image.id.clone())
                .unwrap_or_default(),
            disk: spec.import().map(|import| import.file.clone()),
            state: state.name().into(),
            reason: match state {
                State::Crashed(reason) => Some(reason),
                State::Running => problems::read(vm, dirs).or_else(|| guest.trouble()),
                State::Stopped => vm
                    .record()
                    .end
                    .filter(|end| end.power_cut)
                    .map(|end| end.reason),
                State::Creating | State::Suspended => None,
            },
            system: (!guest.system.is_empty()).then(|| plain(&guest.system)),
            failed_units: guest.failed.iter().map(|unit| plain(&unit.name)).collect(),
            ports: record
                .ports
                .iter()
                .map(|port| format!("{}->{}", port.host_side(), port.guest_side()))
                .collect(),
            created: Some(spec.created),
            cpus: spec.cpus,
            memory: spec.memory_mib << 20,
            disk_usage: crate::host::allocated_size(&vm.overlay()),
            ssh_port: record.ssh_port,
            ssh_door: record.ssh_door,
            accelerator: record.accelerator,
            ephemeral: spec.is_ephemeral(),
            remove: spec.remove,
            labels: spec.settings.labels.clone(),
        }
    }
}

impl Args {
    pub(super) fn run(self, context: &Context) -> Result<()> {
        let rows: Vec<Row> = context
            .store
            .list()
            .iter()
            .filter(|entry| entry.is_chosen(&self.filters))
            .map(|entry| Row::new(entry, &context.dirs))
            .collect();
        if let Some(format) = &self.format {
            return print(&rows, format);
        }
        if self.quiet {
            rows.iter().for_each(|row| say(format!("{}\n", row.name)));
            return Ok(());
        }
        let mut table = Table::new(&[
            "NAME", "ID", "IMAGE", "STATE", "CREATED", "DISK", "SSH PORT",
        ]);
        for row in rows {
            let state = match &row.reason {
                Some(reason) => format!("{} ({})", row.state, shorten(reason)),
                None => row.state,
            };
            table.row(vec![
                row.name,
                row.id,
                row.disk
                    .map_or(row.image, |file| file.display().to_string()),
                state,
                row.created.map(since).unwrap_or_default(),
                if row.ephemeral {
                    "ephemeral".into()
                } else {
                    format_size(row.disk_usage)
                },
                row.ssh_port
                    .map(|port| port.to_string())
                    .unwrap_or_default(),
            ]);
        }
        say(table);
        Ok(())
    }
}

/// Cuts a reason so that it fits in the table. `--format json` prints the whole reason.
fn shorten(reason: &str) -> String {
    const LENGTH: usize = 48;
    match reason.char_indices().nth(LENGTH) {
        Some((cut, _)) => format!("{}…", &reason[..cut]),
        None => reason.to_owned(),
    }
}
