//! `podman-bootc run`

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use super::args::image::ImageArgs;
use super::args::install::InstallArgs;
use super::args::machine::{MachineArgs, parse_cpus, parse_memory};
use super::ssh::{self, Target};
use super::{Context, requirements};
use crate::direct_boot::Transport;
use crate::host::Os;
use crate::hypervisor::features::Wish;
use crate::hypervisor::{Arch, Hypervisor, Kind, accelerator, features};
use crate::provision::Boot;
use crate::text::{Progress, parse_time};
use crate::ui::{StderrProgress, say};
use crate::vm::create::NewVm;
use crate::vm::ready::{self, Fault, Ready};
use crate::vm::store::instance::EndKind;
use crate::vm::supervisor::client::Client;
use crate::vm::{self, Name, Vm, lifecycle};

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
  podman-bootc run -d --name web localhost/my-os      start in the background
  podman-bootc run --disk disk.qcow2                  boot a disk image that something else made")]
pub struct Args {
    /// Name of the VM [default: a generated one]
    #[arg(long, value_name = "NAME")]
    name: Option<Name>,
    /// Return as soon as the VM runs, and print its name; with CMD return when that has run, and keep the VM
    #[arg(short, long, visible_short_alias = 'B', visible_alias = "background")]
    detach: bool,
    /// Remove the VM when the session ends (with --detach: when the VM powers off)
    #[arg(long)]
    rm: bool,
    /// The user to log in as; the image has to have it
    #[arg(short, long, value_name = "USER", default_value = "root")]
    user: String,
    /// Virtual processors
    #[arg(long, value_name = "NUMBER", default_value_t = 2, value_parser = parse_cpus())]
    cpus: u32,
    /// Memory, in bytes or with K, M, G
    #[arg(short, long, value_name = "SIZE", default_value = "2G", value_parser = parse_memory)]
    memory: u64,
    #[command(flatten)]
    image_source: ImageArgs,
    /// How long to wait until the VM is ready, in seconds or as in 90s, 5m [default: 5m, emulated 20m]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    timeout: Option<Duration>,
    /// Show no progress
    #[arg(short, long)]
    quiet: bool,
    /// What runs the VM
    #[arg(long, value_enum, default_value_t = features::Choice::Auto, value_name = "HYPERVISOR")]
    hypervisor: features::Choice,
    /// What runs the guest's code in QEMU
    #[arg(long, value_enum, default_value_t = accelerator::Choice::Auto, value_name = "ACCELERATOR")]
    accel: accelerator::Choice,
    /// The image: a name, short name, ID or beginning of an ID; or oci-archive:FILE, docker-archive:FILE, oci:DIR
    #[arg(required_unless_present = "disk")]
    image: Option<String>,
    /// A command to run in the VM: one argument is a shell line, several are passed on exactly
    #[arg(trailing_var_arg = true, value_name = "CMD")]
    command: Vec<OsString>,
    /// Boot the image itself: no disk, no install, all changes in memory and gone with the VM
    #[arg(long, conflicts_with_all = InstallArgs::FOR_DISKS)]
    ephemeral: bool,
    /// How the image's files reach a VM without a disk: as block images that are made of its layers once, or as
    /// they are, through virtiofsd
    #[arg(long, value_enum, default_value_t, value_name = "TRANSPORT", requires = "ephemeral")]
    root_transport: Transport,
    /// Boot this disk image (raw or qcow2) instead of an image; it is only read, and has to stay as it is
    #[arg(long, value_name = "FILE", conflicts_with_all = ["ephemeral", "connection", "pull"], conflicts_with_all = InstallArgs::FOR_INSTALLS)]
    disk: Option<PathBuf>,
    #[command(flatten)]
    machine: MachineArgs,
    // The last one: its heading holds for all that follows.
    #[command(flatten)]
    install: InstallArgs,
}

impl Args {
    pub(super) fn run(mut self, context: &Context) -> Result<u8> {
        let progress = StderrProgress::new(self.quiet);
        if self.disk.is_some() {
            // Without an image, all words are the command's.
            self.command.splice(0..0, self.image.take().map(OsString::from));
        }
        // Before any work: what can't be is said at once.
        if self.detach && self.command.is_empty() && self.timeout.is_some() {
            bail!("--detach without a command doesn't wait until the VM is ready; leave out --timeout");
        }
        let hypervisor = Hypervisor::choose(self.hypervisor, Os::current())?;
        requirements::check(hypervisor, &self.wishes())?;
        let provisioner = context.provisioner(&progress)?;
        let new = self.new_vm(hypervisor)?;
        let (vm, creating) = match (&self.disk, &self.image) {
            (Some(file), _) => provisioner.vm_on_disk_image(self.name.clone(), file, &new)?,
            (None, Some(image)) => {
                let source = self.image_source.source(image);
                let choices = self.install.choices();
                let boot = match self.ephemeral {
                    true => Boot::Direct { transport: self.root_transport, kargs: &choices.kargs },
                    false => Boot::Disk(&choices),
                };
                provisioner.vm_from_image(self.name.clone(), &source, boot, new)?
            }
            (None, None) => bail!("an image is missing"),
        };
        if !vm.spec.sshd {
            progress.note(&format!("image {} seems to have no sshd", vm.spec.origin()));
        }
        let started = context.block_on(lifecycle::start(&vm, &context.store, self.leases()));
        drop(creating);
        // A machine that never ran has nothing in it, and its name is wanted for the next try.
        let take_back = || context.block_on(lifecycle::remove_now(&vm, &context.store));
        let mut client = match started {
            Ok(client) => client,
            Err(error) => {
                take_back()?;
                return Err(error.into());
            }
        };
        if self.detach && self.command.is_empty() {
            let runs = ready::wait_started(&mut client, |note| progress.note(note));
            if let Err(error) = context.block_on(runs) {
                drop(client);
                // One that was stopped, or whose guest came to an end, is there to be looked at.
                if !matches!(&error, vm::Error::Ended { end, .. } if end.kind != EndKind::Failure) {
                    take_back()?;
                }
                return Err(error.into());
            }
            say(format!("{}\n", vm.spec.name));
            return Ok(0);
        }
        self.session(context, &vm, client, &progress)
    }

    /// What is asked for that not every hypervisor can do.
    fn wishes(&self) -> Vec<Wish> {
        let asked = [
            (self.ephemeral, Wish::DirectBoot),
            (self.accel != accelerator::Choice::Auto, Wish::Accelerator),
            (self.user != "root", Wish::OtherUser),
            (self.disk.is_some(), Wish::ForeignDisk),
            (self.image_source.arch.is_some_and(|arch| Arch::host() != Some(arch)), Wish::OtherArch),
        ];
        let asked = asked.into_iter().filter_map(|(asked, wish)| asked.then_some(wish));
        asked.chain(self.machine.wishes()).collect()
    }

    fn new_vm(&self, hypervisor: Kind) -> Result<NewVm> {
        let (settings, files) = self.machine.settings(hypervisor)?;
        Ok(NewVm {
            cpus: self.cpus,
            memory_mib: self.memory,
            disk_size: self.install.choices().disk_size(),
            hypervisor,
            accelerator: self.accel,
            user: self.user.clone(),
            // An ephemeral VM leaves nothing that could be started again.
            remove: self.removes() || self.ephemeral,
            firmware: self.machine.firmware,
            arch: self.image_source.arch,
            settings,
            files,
        })
    }

    /// As in the tool that this one replaces, a VM for one command goes with it unless it has a name.
    fn removes(&self) -> bool {
        self.rm || (!self.command.is_empty() && self.name.is_none() && !self.detach)
    }

    /// The VM goes with this process; a detached one goes when it powers off.
    fn leases(&self) -> bool {
        self.removes() && !self.detach
    }

    fn session(&self, context: &Context, vm: &Vm, mut client: Client, progress: &dyn Progress) -> Result<u8> {
        let stage = progress.stage("boot");
        let ready = context.block_on(ready::wait_ready(&mut client, vm, &self.user, self.timeout, &*stage));
        let result = match ready {
            Ok(Ready { session, endpoint, faults }) => match faults.into_iter().next() {
                None => {
                    stage.done(&format!("VM {} is ready", vm.spec.name));
                    let target = Target { vm, user: &self.user, endpoint };
                    ssh::run(context, &target, session, &self.command)
                }
                Some(fault) => Err(fault.into()),
            },
            Err(error) => {
                drop(stage);
                Err(error.into())
            }
        };
        if self.leases() {
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
    fn explain(
        &self,
        context: &Context,
        vm: &Vm,
        error: &anyhow::Error,
        progress: &dyn Progress,
    ) -> Result<()> {
        let name = &vm.spec.name;
        let runs = |what| {
            progress.note(&format!("VM {name} still runs: {what}, `podman-bootc rm -f {name}` removes it"));
        };
        match error.downcast_ref() {
            Some(vm::Error::Interrupted(_)) => {
                context.block_on(lifecycle::remove_now(vm, &context.store)).context("can't remove the VM")?;
            }
            Some(vm::Error::Timeout { .. }) => {
                runs(format!("`podman-bootc logs {name}` shows its console"));
            }
            _ if error.is::<Fault>() => runs(format!("`podman-bootc ssh {name}` gets you in")),
            _ => {}
        }
        Ok(())
    }
}
