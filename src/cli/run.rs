//! `podman-bootc run`

use std::ffi::OsString;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::ArgAction;

use super::Context;
use super::machine_args::MachineArgs;
use super::ssh::{self, Target};
use crate::direct::{BootImage, Roots};
use crate::disk::Options;
use crate::hypervisor::{Arch, accelerator};
use crate::image::{Image, Podman, Pull, is_file};
use crate::install::{self, Place};
use crate::ui::{Progress, parse_size, parse_time};
use crate::vm::client::Client;
use crate::vm::lifecycle::{self, Origin, Parameters, Ready};
use crate::vm::{Name, Vm};

/// Run a bootable container image as a VM
///
/// Makes a disk of the image (once per image and set of options), boots it in a new VM with an SSH key
/// injected, and opens a shell in it, or runs CMD and returns its exit code.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  podman-bootc run localhost/my-os                    a shell in a new VM, which stays
  podman-bootc run --rm localhost/my-os               the same, removed at the end of the session
  podman-bootc run localhost/my-os systemctl status   run a command, then remove the VM
  podman-bootc run -d --name web localhost/my-os      start in the background")]
pub struct Args {
    /// Name of the VM [default: a generated one]
    #[arg(long, value_name = "NAME")]
    name: Option<Name>,
    /// Return as soon as the VM runs, and print its name
    #[arg(short, long, visible_short_alias = 'B', visible_alias = "background")]
    detach: bool,
    /// Remove the VM when the session ends (with --detach: when the VM powers off)
    #[arg(long)]
    rm: bool,
    /// The user to log in as; the image has to have it
    #[arg(short, long, value_name = "USER", default_value = "root")]
    user: String,
    /// Virtual processors
    #[arg(long, value_name = "NUMBER", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=255))]
    cpus: u32,
    /// Memory, in bytes or with K, M, G
    #[arg(short, long, value_name = "SIZE", default_value = "2G", value_parser = parse_memory)]
    memory: u64,
    /// When to pull the image
    #[arg(long, value_enum, default_value_t = Pull::Missing, value_name = "POLICY")]
    pull: Pull,
    /// How long to wait until the VM is ready, in seconds or as in 90s, 5m [default: 5m, emulated 20m]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    timeout: Option<Duration>,
    /// Show no progress
    #[arg(short, long)]
    quiet: bool,
    /// What runs the guest's code
    #[arg(long, value_enum, default_value_t = accelerator::Choice::Auto, value_name = "ACCELERATOR")]
    accel: accelerator::Choice,
    /// The image: a name, short name, ID or beginning of an ID; or oci-archive:FILE, docker-archive:FILE, oci:DIR
    image: String,
    /// A command to run in the VM: one argument is a shell line, several are passed on exactly
    #[arg(trailing_var_arg = true, value_name = "CMD")]
    command: Vec<OsString>,
    /// Boot the image itself: no disk, no install, all changes in memory and gone with the VM
    #[arg(long)]
    ephemeral: bool,
    #[command(flatten)]
    machine: MachineArgs,
    // The last one: its heading holds for all that follows.
    #[command(flatten)]
    install: InstallArgs,
}

/// What the disk is to be like. Each of these makes a disk of its own.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Install options")]
struct InstallArgs {
    /// The root filesystem's type: ext4, xfs or btrfs [default: the image's own]
    #[arg(long, value_name = "TYPE", value_parser = ["ext4", "xfs", "btrfs"])]
    filesystem: Option<String>,
    /// Size of the root filesystem, in bytes or with M, G, T [default: all of the disk]
    #[arg(long, visible_alias = "root-size-max", value_name = "SIZE", value_parser = parse_size)]
    root_size: Option<u64>,
    /// Size of the disk, in bytes or with M, G, T [default: twice the image, 10G at the least]
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    disk_size: Option<u64>,
    /// A kernel argument to add; may be given several times
    #[arg(long = "karg", value_name = "ARGUMENT", action = ArgAction::Append)]
    kargs: Vec<String>,
    /// The boot loader to install [default: bootc's choice]
    #[arg(long, value_name = "NAME", value_parser = ["grub", "systemd", "none"])]
    bootloader: Option<String>,
    /// Install with bootc's composefs backend
    #[arg(long)]
    composefs_backend: bool,
    /// Where to run `bootc install`
    #[arg(long, value_enum, default_value_t = Place::Vm, value_name = "PLACE")]
    install_in: Place,
}

impl Args {
    pub(super) fn run(self, context: &Context) -> Result<u8> {
        let progress = Progress::new(self.quiet);
        // Before any work: what can't be is said at once.
        let settings = self.machine.settings()?;
        // An image in a file needs nothing of the user's storage.
        let storage = is_file(&self.image).then(|| context.dirs.storage());
        let podman = Podman::find()?.with_storage(storage);
        let mut stage = progress.stage("image");
        let image = podman.resolve(&self.image, self.pull, || stage.step("fetching it"))?;
        stage.done(&format!("{} ({})", image.reference, image.short_id()));

        // The name first: a name that is taken is no reason to install for a minute.
        let reservation = context.store.reserve(self.name.clone())?;
        let wanted = Parameters {
            cpus: self.cpus,
            memory_mib: self.memory,
            accelerator: self.accel,
            user: self.user.clone(),
            // Of an ephemeral VM nothing is left to start again.
            remove: self.removes() || self.ephemeral,
            settings,
        };
        let (vm, creating) = if self.ephemeral {
            self.install.refuse()?;
            let boot = self.prepare(context, &podman, &image, &progress)?;
            lifecycle::create(reservation, Origin::Direct(&image, &boot, &self.install.kargs), &wanted)?
        } else {
            let host = install::Host { dirs: context.dirs.clone(), podman, accelerator: self.accel };
            let options = self.install.options(&image);
            let base = install::ensure(&host, &image, options, self.install.install_in, &progress)?;
            lifecycle::create(reservation, Origin::Disk(&base), &wanted)?
        };
        if !vm.spec.sshd {
            progress.note(&format!("image {} seems to have no sshd", image.reference));
        }
        let lease = self.removes() && !self.detach;
        let mut client = context.block_on(lifecycle::start(&vm, &context.store, lease))?;
        drop(creating);
        if self.detach {
            context.block_on(lifecycle::wait_started(&mut client, &vm, |note| progress.note(note)))?;
            println!("{}", vm.spec.name);
            return Ok(0);
        }
        self.session(context, &vm, client, &progress)
    }

    /// The image made ready for a direct boot.
    fn prepare(
        &self,
        context: &Context,
        podman: &Podman,
        image: &Image,
        progress: &Progress,
    ) -> Result<BootImage> {
        let name = &image.reference;
        let Some(arch) = Arch::from_oci(&image.architecture) else {
            bail!("image {name} is for {}, which is not supported", image.architecture);
        };
        let mut stage = progress.stage("image");
        let boot = Roots::open(&context.dirs.roots())?
            .prepare(podman, image, arch, &mut stage)
            .with_context(|| format!("image {name}"))?;
        if boot.facts.selinux {
            stage.note(&format!(
                "image {name}: its SELinux policy is loaded, but permissive in a direct boot"
            ));
        }
        Ok(boot)
    }

    /// As in the tool that this one replaces, a VM for one command goes with it unless it has a name.
    fn removes(&self) -> bool {
        self.rm || (!self.command.is_empty() && self.name.is_none() && !self.detach)
    }

    fn session(&self, context: &Context, vm: &Vm, mut client: Client, progress: &Progress) -> Result<u8> {
        let mut stage = progress.stage("boot");
        let ready =
            context.block_on(lifecycle::wait_ready(&mut client, vm, &self.user, self.timeout, &mut stage));
        let result = match ready {
            Ok(Ready { session, endpoint }) => {
                stage.done(&format!("VM {} is ready", vm.spec.name));
                let target = Target { vm, user: &self.user, endpoint };
                ssh::run(&target, session, &self.command)
            }
            Err(error) => {
                drop(stage);
                Err(error.into())
            }
        };
        if self.removes() {
            // The VM's life hangs on this connection; its last message says that all is gone.
            context.block_on(async {
                client.end_lease().await;
                client.ended().await;
            });
        } else if let Err(error) = &result {
            self.explain(context, vm, error, progress)?;
        }
        result
    }

    /// A VM that was given up before it was ready goes when the user pressed Ctrl-C, and stays to be looked at
    /// when it failed.
    fn explain(&self, context: &Context, vm: &Vm, error: &anyhow::Error, progress: &Progress) -> Result<()> {
        match error.downcast_ref() {
            Some(lifecycle::Error::Interrupted(_)) => {
                context.block_on(lifecycle::remove_now(vm, &context.store)).context("can't remove the VM")?;
            }
            Some(lifecycle::Error::Timeout { .. }) => {
                let name = &vm.spec.name;
                progress.note(&format!(
                    "VM {name} still runs: `podman-bootc logs {name}` shows its console, `podman-bootc rm -f {name}` removes it"
                ));
            }
            _ => {}
        }
        Ok(())
    }
}

impl InstallArgs {
    /// Without a disk most of these can't be meant.
    fn refuse(&self) -> Result<()> {
        let given = [
            ("--filesystem", self.filesystem.is_some()),
            ("--root-size", self.root_size.is_some()),
            ("--disk-size", self.disk_size.is_some()),
            ("--bootloader", self.bootloader.is_some()),
            ("--composefs-backend", self.composefs_backend),
            ("--install-in", self.install_in != Place::Vm),
        ];
        match given.iter().find(|(_, given)| *given) {
            Some((flag, _)) => {
                bail!("{flag} is about the disk that an install makes; --ephemeral makes none")
            }
            None => Ok(()),
        }
    }

    fn options(&self, image: &Image) -> Options {
        // The console has to be on the serial port for `logs`, unless the user wants it elsewhere.
        let mut kargs = self.kargs.clone();
        if !kargs.iter().any(|karg| karg.starts_with("console=")) {
            let arch = Arch::from_oci(&image.architecture);
            kargs.extend(arch.map(|arch| format!("console={}", arch.serial_console())));
        }
        Options {
            filesystem: self.filesystem.clone(),
            root_size: self.root_size,
            disk_size: self.disk_size.unwrap_or_else(|| install::default_disk_size(image)),
            kargs,
            bootloader: self.bootloader.clone(),
            composefs: self.composefs_backend,
            target_imgref: image.reference.clone(),
        }
    }
}

/// Memory in MiB.
fn parse_memory(text: &str) -> Result<u64> {
    const SMALLEST: u64 = 256;
    let mib = parse_size(text)? >> 20;
    if mib < SMALLEST {
        bail!("{text} is {mib} MiB, too little to boot; numbers without a unit are bytes, as in podman");
    }
    Ok(mib)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory() {
        assert_eq!(parse_memory("2G").unwrap(), 2048);
        assert!(parse_memory("2048").unwrap_err().to_string().contains("bytes"));
    }
}
