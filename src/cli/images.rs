//! `podman-bootc images`

use std::collections::BTreeSet;

use anyhow::Result;
use serde::Serialize;

use super::Context;
use crate::disk::{BaseDisk, Cache};
use crate::host::Os;
use crate::image::{Podman, Service};
use crate::text::{format_size, since};
use crate::ui::{Format, Table, print, say};

/// List the bootable images in podman's storage
#[derive(Debug, clap::Args)]
pub struct Args {
    /// List the images of this podman connection, as with `podman --connection` [default: from
    /// CONTAINER_HOST]
    #[arg(long, value_name = "NAME")]
    connection: Option<String>,
    /// Print as JSON, or by a template such as '{{.name}} {{.id}}'
    #[arg(long, value_name = "json|TEMPLATE")]
    format: Option<Format>,
}

/// An image in the list. The field names are stable.
#[derive(Debug, Serialize)]
struct Row {
    /// Empty if the image has no name.
    name: String,
    id: String,
    digest: String,
    created: jiff::Timestamp,
    /// Bytes.
    size: u64,
    base_disks: usize,
    /// The manifest digests on the base disks, which `bootc status` shows in their VMs.
    installed: BTreeSet<String>,
    /// Bytes that the base disks take on the host.
    disk_usage: u64,
}

/// Returns the podman whose images a command lists.
pub(super) fn podman(connection: Option<&str>) -> Result<Podman> {
    let service = Service::chosen(connection);
    let local = Podman::for_images(Os::current(), service.clone())?;
    Ok(match service {
        Some(service) => local.with_service(service),
        None => local,
    })
}

impl Args {
    pub(super) fn run(self, context: &Context) -> Result<()> {
        let disks = Cache::open(&context.dirs.disks())?.list()?;
        let mut rows = Vec::new();
        for image in podman(self.connection.as_deref())?.list()? {
            let own_disks: Vec<&BaseDisk> = disks
                .iter()
                .filter(|disk| disk.image.digest == image.digest)
                .collect();
            let usage = |disk: &&BaseDisk| crate::host::allocated_size(&disk.file);
            let installed = own_disks
                .iter()
                .filter_map(|disk| Some(disk.installed.as_ref()?.manifest.clone()));
            let installed: BTreeSet<String> = installed.collect();
            let names = if image.names.is_empty() {
                vec![String::new()]
            } else {
                image.names
            };
            rows.extend(names.into_iter().map(|name| Row {
                name,
                id: image.id.clone(),
                digest: image.digest.clone(),
                created: jiff::Timestamp::from_second(image.created).unwrap_or_default(),
                size: image.size,
                base_disks: own_disks.len(),
                installed: installed.clone(),
                disk_usage: own_disks.iter().map(usage).sum(),
            }));
        }
        if let Some(format) = &self.format {
            return print(&rows, format);
        }
        let mut table = Table::new(&[
            "REPOSITORY",
            "TAG",
            "IMAGE ID",
            "CREATED",
            "SIZE",
            "BASE DISK",
        ]);
        for row in rows {
            let (repository, tag) = row.name.rsplit_once(':').unwrap_or(("<none>", "<none>"));
            table.row(vec![
                repository.to_owned(),
                tag.to_owned(),
                row.id.chars().take(12).collect(),
                since(row.created),
                format_size(row.size),
                if row.base_disks > 0 {
                    format_size(row.disk_usage)
                } else {
                    "-".into()
                },
            ]);
        }
        say(table);
        Ok(())
    }
}
