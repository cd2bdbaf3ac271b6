//! `podman-bootc inspect`

use anyhow::Result;
use serde::Serialize;

use super::Context;
use super::args::vm::VmArgs;
use super::list::Row;
use crate::disk::{BoundImage, Cache, Installed};
use crate::ui::{Format, print};
use crate::vm::Spec;
use crate::vm::guest_state::GuestState;
use crate::vm::spec::Source;
use crate::vm::store::instance::RunRecord;

/// Show everything about VMs, as JSON
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Print by a template such as '{{.name}} {{.spec.cpus}}' instead
    #[arg(long, value_name = "json|TEMPLATE")]
    format: Option<Format>,
    #[command(flatten)]
    vms: VmArgs,
}

/// A VM as `inspect` shows it. The field names are stable.
#[derive(Debug, Serialize)]
struct Inspected {
    #[serde(flatten)]
    row: Row,
    folder: std::path::PathBuf,
    /// The private key's file.
    identity: Option<std::path::PathBuf>,
    console_log: std::path::PathBuf,
    spec: Spec,
    /// The image as `bootc install` got it, beside podman's identity of the image in `spec`.
    installed: Option<Installed>,
    /// The images that are bound to the image, as the install put them on the disk.
    bound_images: Vec<BoundImage>,
    /// The image that runs, or that the next start boots: the last that `upgrade` or `rollback`
    /// brought, otherwise `installed`.
    booted: Option<Installed>,
    last_run: RunRecord,
    /// What the guest's agent reported last, while the VM runs.
    guest: Option<GuestState>,
}

impl Args {
    pub(super) fn run(self, context: &Context) -> Result<()> {
        let mut found = Vec::new();
        let disks = Cache::open(&context.dirs.disks())?;
        for name in &self.vms.vms {
            let vm = context.store.find(name)?;
            let disk = match &vm.spec.source {
                // `start` reports a disk that can't be read.
                Source::Disk { base, .. } => disks.get(base).ok().flatten(),
                Source::Import { .. } | Source::Direct { .. } => None,
            };
            let (installed, bound_images) = disk
                .map(|disk| (disk.installed, disk.options.bound_images))
                .unwrap_or_default();
            let deployed = vm.spec.deployed.first();
            found.push(Inspected {
                booted: deployed
                    .map(|deployed| deployed.installed.clone())
                    .or_else(|| installed.clone()),
                row: Row::of(&vm, &context.dirs),
                folder: vm.folder.clone(),
                identity: vm.keys().identities().into_iter().next(),
                console_log: vm.console_log(),
                installed,
                bound_images,
                last_run: vm.record(),
                guest: Row::guest(&vm, &vm.state(), &context.dirs),
                spec: vm.spec,
            });
        }
        print(&found, self.format.as_ref().unwrap_or(&Format::Json))
    }
}
