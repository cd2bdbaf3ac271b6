//! `podman-bootc disk`

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};

use super::Context;
use super::args::image::ImageArgs;
use super::args::install::InstallArgs;
use crate::containerdisk::{self, Target};
use crate::disk::Lease;
use crate::disk::export::{self, Overwrite};
use crate::hypervisor::{DiskFormat, accelerator};
use crate::image::Podman;
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
  podman-bootc disk --force-block-device localhost/my-os /dev/sdX
  podman-bootc disk --format containerdisk localhost/my-os oci:my-os-disk
  podman-bootc disk --format containerdisk --push localhost/my-os quay.io/example/my-os-disk:v1"
)]
pub struct Args {
    /// The file's format [default: from the extension of FILE; raw for a block device]
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: Option<Format>,
    /// Push a container disk to its registry, with podman's login
    #[arg(long)]
    push: bool,
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
    /// The file or block device to write; for a container disk, a folder (oci:DIR) or a name in
    /// podman's storage, with its registry
    file: PathBuf,
}

impl Args {
    pub(super) fn run(self, context: &Context) -> Result<()> {
        let progress = StderrProgress::new(self.quiet);
        if self.format == Some(Format::Containerdisk) {
            return self.containerdisk(context, &progress);
        }
        if self.push {
            bail!("--push is for container disks: add --format containerdisk");
        }
        let overwrite = Overwrite {
            file: self.force,
            block_device: self.force_block_device,
        };
        let format = self.format()?;
        // Check before any work. The export checks again.
        export::check(&self.file, format, overwrite)?;
        let base = self.base_disk(context, &progress)?;
        let stage = progress.stage("write");
        let name = self.file.display();
        export::write(&base.disk.file, &self.file, format, overwrite, |percent| {
            stage.update(&format!("{name} {percent:.0}%"));
        })?;
        let size = crate::host::allocated_size(&self.file);
        stage.done(&format!("{name}, {format}, {}", format_size(size)));
        Ok(())
    }

    fn base_disk(&self, context: &Context, progress: &StderrProgress) -> Result<Lease> {
        let source = self.image_source.source(&self.image);
        let choices = self.install.choices();
        let provisioner = context.provisioner(progress)?;
        Ok(provisioner.base_disk(&source, &choices, self.accel)?)
    }

    fn containerdisk(&self, context: &Context, progress: &StderrProgress) -> Result<()> {
        let text = self.file.to_str().context("the target is not UTF-8")?;
        let target: Target = text.parse()?;
        match &target {
            Target::Folder(folder) => {
                if self.push {
                    bail!(
                        "--push needs a name with its registry in place of a folder, for example \
                         quay.io/example/my-os-disk:v1"
                    );
                }
                containerdisk::check(folder, self.force)?;
            }
            Target::Name(_) => drop(Podman::find()?),
        }
        let base = self.base_disk(context, progress)?;
        let (entries, description) = containerdisk::of_base_disk(&base.disk)?;
        let stage = progress.stage("write");
        let report = |percent: f64| stage.update(&format!("{target} {percent:.0}%"));
        match &target {
            Target::Folder(folder) => {
                containerdisk::write_new(folder, &entries, &description, self.force, report)?;
            }
            Target::Name(name) => {
                let folder = context.dirs.containerdisks();
                let podman = Podman::find()?;
                containerdisk::store(&podman, name, &entries, &description, &folder, report)?;
            }
        }
        stage.done(&format!("{target}, container disk"));
        if let (true, Target::Name(name)) = (self.push, &target) {
            let stage = progress.stage("push");
            Podman::find()?.push(name)?;
            stage.done(name);
        }
        Ok(())
    }

    fn format(&self) -> Result<DiskFormat> {
        let of_device = || {
            let metadata = self.file.metadata().ok()?;
            crate::host::fs::device::is_block(&metadata).then_some(DiskFormat::Raw)
        };
        let chosen = self.format.and_then(Format::of_file);
        chosen.or_else(|| DiskFormat::of_name(&self.file)).or_else(of_device).with_context(|| {
            format!(
                "can't tell the format from the name `{}`: pass --format raw, qcow2, vhdx or vmdk",
                self.file.display()
            )
        })
    }
}

/// The format of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// The disk's bytes, with holes for zeros
    Raw,
    /// QEMU's format
    Qcow2,
    /// Hyper-V's format
    Vhdx,
    /// VMware's format
    Vmdk,
    /// An OCI image with the disk as qcow2, for KubeVirt
    Containerdisk,
}

impl Format {
    /// Returns the format of a file or a block device.
    fn of_file(self) -> Option<DiskFormat> {
        match self {
            Self::Raw => Some(DiskFormat::Raw),
            Self::Qcow2 => Some(DiskFormat::Qcow2),
            Self::Vhdx => Some(DiskFormat::Vhdx),
            Self::Vmdk => Some(DiskFormat::Vmdk),
            Self::Containerdisk => None,
        }
    }
}
