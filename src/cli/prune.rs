//! `podman-bootc prune`

use std::path::Path;
use std::time::{Duration, SystemTime};

use anyhow::Result;
use serde::Serialize;

use super::Context;
use crate::direct_boot::BootCache;
use crate::disk::{self, Cache, Cached, Key};
use crate::host::fs::file;
use crate::host::fs::locked_folder::LockedFolder;
use crate::image::Podman;
use crate::install;
use crate::registry::OciFolder;
use crate::text::{format_size, parse_time};
use crate::ui::{Format, print, say, tell};
use crate::warm::{Listed, Templates};

/// Remove the base disks and templates that no VM uses
///
/// The next `run` of such an image installs it again, or boots it. A stopped VM also uses its base
/// disk. Whatever another command is using or creating is kept.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
If PODMAN_BOOTC_CACHE_LIMIT is set to a size, for example 50G, each install removes unused templates and base
disks at its end, the least recently used first, until all of them together take no more than that.

`podman-bootc system df` shows how much space everything takes. `podman-bootc rm` removes VMs.")]
pub struct Args {
    /// Also remove the files made for direct boots, the copies of images from files and other
    /// podmans, and the logs of failed installs
    #[arg(short, long)]
    all: bool,
    /// Remove only what was last used (or, with --all, made) at least this long ago, for example
    /// 12h or 30d
    #[arg(long, value_name = "TIME", value_parser = parse_time, default_value = "0")]
    older_than: Duration,
    /// Show what would be removed, but remove nothing
    #[arg(long)]
    dry_run: bool,
    /// Print as JSON, or by a template such as '{{.image}} {{.size}}'
    #[arg(long, value_name = "json|TEMPLATE")]
    format: Option<Format>,
}

/// A removed item. The field names are stable.
#[derive(Debug, Serialize)]
struct Row {
    /// `disk`, `template`, `log`, `direct` or `images` (the copies of images from elsewhere).
    kind: &'static str,
    /// The key of the base disk or template, or the file or folder.
    name: String,
    /// The image's name for a base disk or template, otherwise empty.
    image: String,
    last_used: Option<jiff::Timestamp>,
    /// Bytes on the host.
    size: u64,
}

impl Args {
    pub(super) fn run(self, context: &Context) -> Result<()> {
        let cache = Cache::open(&context.dirs.disks())?;
        if !self.dry_run {
            cache.sweep(|partial| {
                if let Ok(podman) = Podman::find() {
                    install::remove_copies(&podman, partial);
                }
            });
            OciFolder::sweep(&context.dirs.registry());
            LockedFolder::sweep(&context.dirs.containerdisks());
        }
        let used = |key: &Key| -> Result<bool> { Ok(context.store.uses(key)?) };
        let removed = disk::prune(&cache, self.older_than, self.dry_run, used)?;
        let mut rows: Vec<Row> = removed.into_iter().map(Row::disk).collect();
        let templates = Templates::open(&context.dirs.templates())?;
        let removed = templates.prune(self.older_than, self.dry_run);
        rows.extend(removed.into_iter().map(Row::template));
        if self.all {
            rows.extend(self.logs(&cache)?);
            rows.extend(self.boot_files(context)?);
            rows.extend(self.storage(context)?);
        }
        if let Some(format) = &self.format {
            return print(&rows, format);
        }
        for row in &rows {
            let name = row
                .name
                .get(..12)
                .filter(|_| matches!(row.kind, "disk" | "template"))
                .unwrap_or(&row.name);
            say(format!("{name} {} {}\n", format_size(row.size), row.image));
        }
        let total = format_size(rows.iter().map(|row| row.size).sum());
        tell(format!(
            "{}: {total}",
            if self.dry_run { "Would free" } else { "Freed" }
        ));
        Ok(())
    }

    fn boot_files(&self, context: &Context) -> Result<Vec<Row>> {
        let vms = context.store.complete_vms()?;
        let used = |path: &Path| {
            vms.iter()
                .flat_map(|vm| vm.spec.direct_files())
                .any(|file| file.starts_with(path))
        };
        let removed =
            BootCache::open(&context.dirs.roots())?.prune(self.older_than, self.dry_run, used)?;
        Ok(removed
            .into_iter()
            .map(|(path, size)| Row::files("direct", &path, None, size))
            .collect())
    }

    fn storage(&self, context: &Context) -> Result<Option<Row>> {
        let storage = crate::image::Storage::of(&context.dirs);
        let Some(last_used) = storage.last_used() else {
            return Ok(None);
        };
        // A storage that another process has locked is in use.
        let Some(locked) = storage.try_lock()? else {
            return Ok(None);
        };
        let root = locked.storage().root.clone();
        let podman = Podman::find()?.with_storage(Some(locked.storage().clone()));
        if last_used.elapsed().unwrap_or_default() < self.older_than || !podman.has_images()? {
            return Ok(None);
        }
        let before = file::folder_size(&root);
        if !self.dry_run {
            podman.remove_all()?;
        }
        let after = if self.dry_run {
            0
        } else {
            file::folder_size(&root)
        };
        Ok(Some(Row::files(
            "images",
            &root,
            Some(last_used),
            before.saturating_sub(after),
        )))
    }

    fn logs(&self, cache: &Cache) -> Result<Vec<Row>> {
        let mut rows = Vec::new();
        for path in cache.failed_logs() {
            let Ok(metadata) = path.metadata() else {
                continue;
            };
            let modified = metadata.modified().ok();
            let idle = modified
                .and_then(|time| time.elapsed().ok())
                .unwrap_or_default();
            if idle < self.older_than {
                continue;
            }
            let size = crate::host::allocated_size(&path);
            if !self.dry_run {
                std::fs::remove_file(&path)?;
            }
            rows.push(Row::files("log", &path, modified, size));
        }
        Ok(rows)
    }
}

impl Row {
    fn disk(cached: Cached) -> Self {
        Self {
            kind: "disk",
            name: cached.disk.key.to_string(),
            image: cached.disk.image.reference,
            last_used: cached.last_used.try_into().ok(),
            size: cached.size,
        }
    }

    fn template(template: Listed) -> Self {
        Self {
            kind: "template",
            name: template.key,
            image: template.origin,
            last_used: template.last_used.try_into().ok(),
            size: template.size,
        }
    }

    fn files(kind: &'static str, path: &Path, last_used: Option<SystemTime>, size: u64) -> Self {
        let last_used = last_used.and_then(|time| time.try_into().ok());
        Self {
            kind,
            name: path.display().to_string(),
            image: String::new(),
            last_used,
            size,
        }
    }
}
