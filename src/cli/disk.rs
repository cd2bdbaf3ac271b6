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

/// Write a disk image made of a bootable container image
///
/// The base disk is the one that `run` uses, and is made only when there is none of this image with these
/// options. So the kernel's console is on the serial port, too, unless a --karg names another console. Nobody
/// can log in on it but with what the image brings: the keys of `run` are not on the disk.
#[derive(Debug, clap::Args)]
#[command(
    visible_alias = "to-disk",
    after_help = "\
Examples:
  podman-bootc disk localhost/my-os my-os.qcow2                  the format is that of the name
  podman-bootc disk --disk-size 20G localhost/my-os my-os.vmdk
  podman-bootc disk --force-block-device localhost/my-os /dev/sdX"
)]
pub struct Args {
    /// The file's format [default: by the ending of FILE's name; raw for a block device]
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: Option<DiskFormat>,
    /// Write over FILE
    #[arg(short, long)]
    force: bool,
    /// Write over all that is on the block device FILE
    #[arg(long)]
    force_block_device: bool,
    #[command(flatten)]
    image_source: ImageArgs,
    /// Show no progress
    #[arg(short, long)]
    quiet: bool,
    /// What runs the code of the VM that installs
    #[arg(long, value_enum, default_value_t = accelerator::Choice::Auto, value_name = "ACCELERATOR")]
    accel: accelerator::Choice,
    #[command(flatten)]
    install: InstallArgs,
    /// The image: a name, short name, ID or beginning of an ID; or oci-archive:FILE, docker-archive:FILE, oci:DIR
    image: String,
    /// The file to write, or a block device
    file: PathBuf,
}

impl Args {
    pub(super) fn run(self, context: &Context) -> Result<()> {
        let progress = StderrProgress::new(self.quiet);
        let overwrite = Overwrite { file: self.force, block_device: self.force_block_device };
        let format = self.format()?;
        // Before any work; and again when it is done.
        export::check(&self.file, format, overwrite)?;
        let source = self.image_source.source(&self.image);
        let base = context.provisioner(&progress)?.base_disk(&source, &self.install.choices(), self.accel)?;
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
                "the name {} doesn't tell the format; pass --format raw, qcow2, vhdx or vmdk",
                self.file.display()
            )
        })
    }
}
