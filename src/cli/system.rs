//! `podman-bootc system`

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Result;
use serde::Serialize;

use super::Context;
use crate::disk::{Cache, Key};
use crate::host;
use crate::host::fs::dirs::Dirs;
use crate::host::fs::file;
use crate::text::{format_size, since};
use crate::ui::{Format, Table, print, say};
use crate::vm::store::Entry;
use crate::vm::{State, Vm};
use crate::warm::Templates;

/// Show the disk usage of the tool
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    Df(DfArgs),
}

/// Show how much space everything takes on the host
///
/// Sizes don't count the holes in files. `prune` removes base disks, `rm` removes VMs. A base disk
/// is active if a VM uses it, a VM if it is running.
#[derive(Debug, clap::Args)]
pub struct DfArgs {
    /// Show each base disk and VM
    #[arg(short, long, conflicts_with = "format")]
    verbose: bool,
    /// Print as JSON, or by a template such as '{{.type}} {{.size}}'
    #[arg(long, value_name = "json|TEMPLATE")]
    format: Option<Format>,
}

/// The usage by one type of files. The field names are stable.
#[derive(Debug, Default, Serialize)]
struct Row {
    /// `base disks`, `VMs`, `logs`, `direct boots` (files made of images), `templates` (of warm
    /// starts) or `images from elsewhere`.
    r#type: &'static str,
    total: usize,
    active: usize,
    /// Bytes on the host.
    size: u64,
    /// Bytes that can be freed without touching what is in use.
    reclaimable: u64,
}

impl Row {
    fn add(&mut self, size: u64, active: bool) {
        self.total += 1;
        self.active += usize::from(active);
        self.size += size;
        self.reclaimable += if active { 0 } else { size };
    }
}

impl Command {
    pub(super) fn run(self, context: &Context) -> Result<()> {
        let Self::Df(args) = self;
        args.run(context)
    }
}

impl DfArgs {
    fn run(self, context: &Context) -> Result<()> {
        let cache = Cache::open(&context.dirs.disks())?;
        let vms: Vec<Vm> = context
            .store
            .list()
            .into_iter()
            .filter_map(Entry::vm)
            .collect();
        if self.verbose {
            return print_each(&cache, &vms);
        }
        let rows = rows(&cache, &vms, &context.dirs)?;
        if let Some(format) = &self.format {
            return print(&rows, format);
        }
        let mut table = Table::new(&["TYPE", "TOTAL", "ACTIVE", "SIZE", "RECLAIMABLE"]);
        for row in rows {
            let share = (row.reclaimable * 100).checked_div(row.size).unwrap_or(0);
            table.row(vec![
                row.r#type.to_owned(),
                row.total.to_string(),
                row.active.to_string(),
                format_size(row.size),
                format!("{} ({share}%)", format_size(row.reclaimable)),
            ]);
        }
        say(table);
        Ok(())
    }
}

fn rows(cache: &Cache, vms: &[Vm], dirs: &Dirs) -> Result<Vec<Row>> {
    let used: BTreeSet<&Key> = vms.iter().filter_map(|vm| vm.spec.base()).collect();
    let mut disks = Row {
        r#type: "base disks",
        ..Row::default()
    };
    for cached in cache.contents()? {
        disks.add(cached.size, used.contains(&cached.disk.key));
    }
    let (mut machines, mut logs) = (
        Row {
            r#type: "VMs",
            ..Row::default()
        },
        Row {
            r#type: "logs",
            ..Row::default()
        },
    );
    for vm in vms {
        let running = vm.state() == State::Running;
        let log_size: u64 = vm.logs().iter().map(|path| size_of(path)).sum();
        machines.add(
            file::folder_size(&vm.folder).saturating_sub(log_size),
            running,
        );
        if log_size > 0 {
            logs.add(log_size, running);
        }
    }
    for path in cache.failed_logs() {
        logs.add(size_of(&path), false);
    }
    let mut rows = vec![disks, machines, logs];
    let direct: BTreeSet<&Path> = vms.iter().flat_map(|vm| vm.spec.direct_files()).collect();
    let mut boots = Row {
        r#type: "direct boots",
        ..Row::default()
    };
    for folder in ["boot", "blocks"].map(|name| dirs.roots().join(name)) {
        for entry in file::entries(&folder) {
            let path = entry.path();
            let size = if path.is_dir() {
                file::folder_size(&path)
            } else {
                size_of(&path)
            };
            boots.add(size, direct.iter().any(|file| file.starts_with(&path)));
        }
    }
    rows.push(boots);
    if dirs.templates().exists() {
        let mut row = Row {
            r#type: "templates",
            ..Row::default()
        };
        for template in Templates::open(&dirs.templates())?.list() {
            row.add(template.size, template.in_use);
        }
        rows.push(row);
    }
    let storage = dirs.storage().0;
    if storage.exists() {
        let mut row = Row {
            r#type: "images from elsewhere",
            ..Row::default()
        };
        row.add(file::folder_size(&storage), false);
        rows.push(row);
    }
    Ok(rows)
}

fn size_of(path: &Path) -> u64 {
    host::allocated_size(path)
}

fn print_each(cache: &Cache, vms: &[Vm]) -> Result<()> {
    let mut table = Table::new(&[
        "BASE DISK",
        "IMAGE",
        "IMAGE ID",
        "DISK",
        "SIZE",
        "VMS",
        "LAST USED",
    ]);
    for cached in cache.contents()? {
        let disk = cached.disk;
        table.row(vec![
            disk.key.to_string().chars().take(12).collect(),
            disk.image.reference.clone(),
            disk.image.short_id().to_owned(),
            format_size(disk.options.disk_size),
            format_size(cached.size),
            vms.iter()
                .filter(|vm| vm.spec.base() == Some(&disk.key))
                .count()
                .to_string(),
            cached.last_used.try_into().map(since).unwrap_or_default(),
        ]);
    }
    say(table);
    let mut table = Table::new(&["VM", "STATE", "SOURCE", "BASE DISK", "SIZE"]);
    for vm in vms {
        let base = vm.spec.base().map(Key::to_string).unwrap_or_default();
        table.row(vec![
            vm.spec.name.to_string(),
            vm.state().name().to_owned(),
            vm.spec.origin(),
            base.chars().take(12).collect(),
            format_size(file::folder_size(&vm.folder)),
        ]);
    }
    say(format!("\n{table}"));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_folders_that_the_tool_creates_have_rows() {
        let dir = tempfile::tempdir().unwrap();
        let [cache, data, runtime] = ["cache", "data", "runtime"].map(|name| dir.path().join(name));
        let dirs = Dirs {
            cache,
            data,
            runtime,
        };
        let cache = Cache::open(&dirs.disks()).unwrap();
        let types = || {
            rows(&cache, &[], &dirs)
                .unwrap()
                .iter()
                .map(|row| row.r#type)
                .collect::<Vec<_>>()
        };
        let always = ["base disks", "VMs", "logs", "direct boots"];
        std::fs::create_dir(dirs.cache.join("registry")).unwrap();
        assert_eq!(types(), always);
        std::fs::create_dir_all(dirs.storage().0).unwrap();
        assert_eq!(types(), [&always[..], &["images from elsewhere"]].concat());
        std::fs::create_dir_all(dirs.templates()).unwrap();
        assert_eq!(types()[4], "templates");
    }
}
