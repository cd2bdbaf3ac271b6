//! `podman-bootc upgrade` and `podman-bootc rollback`

use std::time::Duration;

use anyhow::{Result, bail};

use super::args::vm::VmArg;
use super::{Context, requirements};
use crate::hypervisor::features;
use crate::image::Pull;
use crate::provision::ImageSource;
use crate::text::parse_time;
use crate::ui::{Format, StderrProgress, print, say};
use crate::upgrade::{After, ImageWish, Job, NextBoot, Report, Wish};
use crate::vm::Vm;

/// Bring a running VM to another version of its image, as production machines do it
///
/// The guest's own `bootc upgrade` (or `bootc switch` for another name) pulls the layers that the
/// VM lacks, straight from podman's storage. Then the VM reboots, and the version that boots is
/// verified. Without IMAGE, the VM gets what its image's name means in podman's storage now.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  podman build -t localhost/my-os . && podman-bootc upgrade web
  podman-bootc upgrade --check 'systemctl is-active nginx' --auto-rollback web
  podman-bootc upgrade web quay.io/example/os:next")]
pub struct Args {
    /// Stage the version only: the VM boots it at its next reboot
    #[arg(long, conflicts_with_all = ["soft_reboot", "check", "auto_rollback"])]
    no_apply: bool,
    /// Restart only the userspace, if the new version has the same kernel
    #[arg(long)]
    soft_reboot: bool,
    #[command(flatten)]
    common: CommonArgs,
    /// Use the images of this podman connection, as with `podman --connection` [default: from
    /// CONTAINER_HOST]
    #[arg(long, value_name = "NAME")]
    connection: Option<String>,
    /// When to pull the image to the host
    #[arg(long, value_enum, default_value_t = Pull::Missing, value_name = "POLICY")]
    pull: Pull,
    #[command(flatten)]
    vm: VmArg,
    /// The image [default: the image of the VM]
    image: Option<String>,
}

/// Bring a running VM back to the version before its last upgrade
///
/// Runs `bootc rollback` in the guest, reboots the VM and verifies the version that boots. A second
/// rollback brings the newer version again.
#[derive(Debug, clap::Args)]
pub struct RollbackArgs {
    /// Make the version the next to boot only: the VM boots it at its next reboot
    #[arg(long, conflicts_with_all = ["check", "auto_rollback"])]
    no_apply: bool,
    #[command(flatten)]
    common: CommonArgs,
    #[command(flatten)]
    vm: VmArg,
}

#[derive(Debug, clap::Args)]
struct CommonArgs {
    /// A shell command line that must succeed in the VM after the reboot
    #[arg(long, value_name = "CMD")]
    check: Option<String>,
    /// Bring the old version back if the new one doesn't boot, or if --check fails
    #[arg(long)]
    auto_rollback: bool,
    /// Time limit for each step, in seconds or as in 90s, 5m [default: 1h for the pull, 10m for the
    /// reboot, 25m under emulation, 20m for --check]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    timeout: Option<Duration>,
    /// The user to log in as; it needs `sudo -n` if it isn't root [default: the VM's user]
    #[arg(short, long, value_name = "USER")]
    user: Option<String>,
    /// Don't show progress
    #[arg(short, long)]
    quiet: bool,
    /// Print the report as JSON, or by a template such as '{{.to}}'
    #[arg(long, value_name = "json|TEMPLATE")]
    format: Option<Format>,
}

impl Args {
    pub(super) fn run(self, context: &Context) -> Result<()> {
        let mut vm = self.vm.find(context)?;
        let progress = StderrProgress::new(self.common.quiet);
        let own = vm.spec.running_image().map(|image| image.reference.clone());
        let Some(name) = self.image.clone().or_else(|| own.clone()) else {
            let name = &vm.spec.name;
            bail!("the tool doesn't know the image of VM {name}: name the image to upgrade to");
        };
        let source = ImageSource {
            name,
            pull: self.pull,
            arch: Some(vm.spec.arch),
            connection: self.connection.clone(),
        };
        let found = context.provisioner(&progress)?.find_image(&source)?;
        // The guest may know the VM's image by another name, which it keeps.
        let reference =
            (own.as_ref() != Some(&found.image.reference)).then(|| found.image.reference.clone());
        let wish = Wish::Image(ImageWish {
            podman: &found.podman,
            image: &found.image,
            reference: reference.as_deref(),
        });
        let after = self.common.after(self.no_apply, self.soft_reboot);
        self.common.run(context, &mut vm, &progress, after, &wish)
    }
}

impl RollbackArgs {
    pub(super) fn run(self, context: &Context) -> Result<()> {
        let mut vm = self.vm.find(context)?;
        let progress = StderrProgress::new(self.common.quiet);
        let after = self.common.after(self.no_apply, false);
        self.common
            .run(context, &mut vm, &progress, after, &Wish::Rollback)
    }
}

impl CommonArgs {
    fn after(&self, no_apply: bool, soft: bool) -> After<'_> {
        match no_apply {
            true => After::Stay,
            false => After::Reboot(NextBoot {
                soft,
                check: self.check.as_deref(),
                auto_rollback: self.auto_rollback,
            }),
        }
    }

    fn run(
        &self,
        context: &Context,
        vm: &mut Vm,
        progress: &StderrProgress,
        after: After,
        wish: &Wish,
    ) -> Result<()> {
        if self.auto_rollback {
            requirements::check(vm.spec.hypervisor, &[features::Wish::Snapshot])?;
        }
        let user = self.user.clone().unwrap_or_else(|| vm.spec.user.clone());
        let mut job = Job {
            vm,
            store: &context.store,
            user: &user,
            progress,
            after,
            timeout: self.timeout,
        };
        let report: Report = context.block_on(job.run(wish))?;
        match &self.format {
            Some(Format::Json) => say(format!("{}\n", serde_json::to_string_pretty(&report)?)),
            Some(format) => return print(&[report], format),
            None => say(report),
        }
        Ok(())
    }
}
