//! `podman-bootc disk`

use std::path::PathBuf;

use anyhow::{Context as _, Result};

use super::Context;
use super::args::image::ImageArgs;
use super::args::install::InstallArgs;
use crate::disk::export::{self, Overwrite};
use crate::hypervisor::{DiskFormat, accelerator};
use crate::text::{Progress, format_size};
use crate::ui::StderrProgress;

/// Install a bootable container image to a disk image or a block device
///
/// Uses the same base disk as `run`, and installs the image if no base disk with these options
/// exists. The kernel's console is the serial port, unless a --karg names another console. The disk
/// contains no keys of the tool, so only logins that the image itself allows work.
#[derive(Debug, clap::Args)]
#[command(
    visible_alias = "to-disk",
    after_help = "\
Examples:
  podman-bootc disk localhost/my-os my-os.qcow2                  the format follows from the name
  podman-bootc disk --disk-size 20G localhost/my-os my-os.vmdk
  podman-bootc disk --force-block-device localhost/my-os /dev/sdX"
)]
pub struct Args {
    /// The file's format [default: from the extension of FILE; raw for a block device]
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: Option<DiskFormat>,
    /// Overwrite FILE
    #[arg(short, long)]
    force: bool,
    /// Overwrite everything on the block device FILE
    #[arg(long)]
    force_block_device: bool,
    #[command(flatten)]
    image_source: ImageArgs,
    /// Don't show progress
    #[arg(short, long)]
    quiet: bool,
    /// The way QEMU runs guest code during the install
    #[arg(long, value_enum, default_value_t = accelerator::Choice::Auto, value_name = "ACCELERATOR")]
    accel: accelerator::Choice,
    #[command(flatten)]
    install: InstallArgs,
    /// The image: a name, short name, ID or ID prefix; or oci-archive:FILE, docker-archive:FILE,
    /// oci:DIR
    image: String,
    /// The file or block device to write
    file: PathBuf,
}

impl Args {
    pub(super) fn run(self, context: &Context) -> Result<()> {
        let progress = StderrProgress::new(self.quiet);
        let overwrite = Overwrite {
            file: self.force,
            block_device: self.force_block_device,
        };
        let format = self.format()?;
        // Check before any work. The export checks again.
        export::check(&self.file, format, overwrite)?;
        let source = self.image_source.source(&self.image);
        let base = context.provisioner(&progress)?.base_disk(
            &source,
            &self.install.choices(),
            self.accel,
        )?;
        let stage = progress.stage("write");
        let name = self.file.display();
        export::write(&base.disk.file, &self.file, format, overwrite, |percent| {
            stage.update(&format!("{name} {percent:.0}%"));
        })?;
        let size = crate::host::allocated_size(&self.file);
        stage.done(&format!("{name}, {format}, {}", format_size(size)));
        Ok(())
    }

    fn format(&self) -> Result<DiskFormat> {
        let of_device = || {
            let metadata = self.file.metadata().ok()?;
            crate::host::fs::device::is_block(&metadata).then_some(DiskFormat::Raw)
        };
        self.format.or_else(|| DiskFormat::of_name(&self.file)).or_else(of_device).with_context(|| {
            format!(
                "can't tell the format from the name `{}`: pass --format raw, qcow2, vhdx or vmdk",
                self.file.display()
            )
        })
    }
}
