//! `podman-bootc replace`

use std::time::Duration;

use anyhow::{Result, bail};

use super::Context;
use super::args::vm::VmArg;
use crate::direct_boot::Transport;
use crate::image::Pull;
use crate::provision::ImageSource;
use crate::replace::{Job, Report, Wish};
use crate::text::parse_time;
use crate::ui::{Format, StderrProgress, print, say};

/// Give a VM without a disk another image
///
/// For VMs of `run --ephemeral`. If kernel and initramfs are the same, and the guest has systemd 254
/// or newer, only the userspace restarts, from the changed layers. /var, /root and /home stay, /etc
/// is the image's again. Otherwise the machine starts anew, as `stop` and `start` do. The output
/// says which way it was, and why. Without IMAGE, the VM gets what its image's name means in podman's
/// storage now.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  podman build -t localhost/my-os . && podman-bootc replace web
  podman-bootc replace web localhost/other-os")]
pub struct Args {
    /// Start the machine anew, even if its userspace alone could restart
    #[arg(long)]
    restart: bool,
    /// Time limit for each wait for the guest, in seconds or as in 90s, 5m [default: as in run]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    timeout: Option<Duration>,
    /// The user to log in as; it needs `sudo -n` if it isn't root [default: the VM's user]
    #[arg(short, long, value_name = "USER")]
    user: Option<String>,
    /// Don't show progress
    #[arg(short, long)]
    quiet: bool,
    /// Print the report as JSON, or by a template such as '{{.way}}'
    #[arg(long, value_name = "json|TEMPLATE")]
    format: Option<Format>,
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

impl Args {
    pub(super) fn run(self, context: &Context) -> Result<()> {
        let mut vm = self.vm.find(context)?;
        if !vm.spec.is_ephemeral() {
            bail!(crate::replace::Error::Disk(vm.spec.name.to_string()));
        }
        let own = vm.spec.image.as_ref().map(|image| image.reference.clone());
        let Some(name) = self.image.or(own) else {
            bail!(
                "the tool doesn't know the image of VM {}: name the image",
                vm.spec.name
            );
        };
        let progress = StderrProgress::new(self.quiet);
        let provisioner = context.provisioner(&progress)?;
        let found = provisioner.find_image(&ImageSource {
            name,
            pull: self.pull,
            arch: Some(vm.spec.arch),
            connection: self.connection,
        })?;
        let transport = match vm.spec.shared_root() {
            Some(_) => Transport::Virtiofs,
            None => Transport::Erofs,
        };
        let (boot, _lease) = provisioner.boot_image(&found, transport)?;
        let user = self.user.unwrap_or_else(|| vm.spec.user.clone());
        let mut job = Job {
            vm: &mut vm,
            store: &context.store,
            user: &user,
            progress: &progress,
            timeout: self.timeout,
        };
        let wish = Wish {
            image: &found.image,
            boot: &boot,
            restart: self.restart,
        };
        let report: Report = context.block_on(async {
            let (report, arrived) = job.run(&wish).await?;
            if let Some(arrived) = arrived {
                arrived.session.close().await;
            }
            Ok::<_, anyhow::Error>(report)
        })?;
        match &self.format {
            Some(Format::Json) => say(format!("{}\n", serde_json::to_string_pretty(&report)?)),
            Some(format) => return print(&[report], format),
            None => say(report),
        }
        Ok(())
    }
}
