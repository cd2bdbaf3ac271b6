//! `podman-bootc run`

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use super::args::image::ImageArgs;
use super::args::install::InstallArgs;
use super::args::machine::{MachineArgs, parse_cpus, parse_memory};
use super::args::session::TerminalArgs;
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
use crate::vm::live::Live;
use crate::vm::ready::{self, Condition, Fault, Ready, Wanted};
use crate::vm::store::instance::EndKind;
use crate::vm::supervisor::client::Client;
use crate::vm::{self, Name, Vm, lifecycle};

/// Run a bootable container image as a VM
///
/// Installs the image to a base disk (once for each set of options) and boots a new VM from it.
/// Then opens a shell in the VM, or runs CMD and exits with its exit code.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  podman-bootc run localhost/my-os                    open a shell in a new VM; the VM is kept
  podman-bootc run --rm localhost/my-os               remove the VM when the shell exits
  podman-bootc run localhost/my-os systemctl status   run a command, then remove the VM
  podman-bootc run -d --name web localhost/my-os      start in the background
  podman-bootc run --disk disk.qcow2                  boot an existing disk image")]
pub struct Args {
    /// The VM's name [default: generated]
    #[arg(long, value_name = "NAME")]
    name: Option<Name>,
    /// Start the VM in the background and print its name; with CMD, wait until CMD exits, and keep
    /// the VM
    #[arg(short, long, visible_short_alias = 'B', visible_alias = "background")]
    detach: bool,
    /// Remove the VM when the session ends (with --detach: when the VM powers off)
    #[arg(long)]
    rm: bool,
    /// The user to log in as: one of the image, or one that its sysusers.d, cloud-init or Ignition
    /// makes at boot
    #[arg(short, long, value_name = "USER", default_value = "root")]
    user: String,
    /// Virtual CPUs
    #[arg(long, value_name = "NUMBER", default_value_t = 2, value_parser = parse_cpus())]
    cpus: u32,
    /// Memory, in bytes or with K, M, G
    #[arg(short, long, value_name = "SIZE", default_value = "2G", value_parser = parse_memory)]
    memory: u64,
    #[command(flatten)]
    terminal: TerminalArgs,
    #[command(flatten)]
    image_source: ImageArgs,
    /// Time limit until the VM is ready, in seconds or as in 90s, 5m [default: 5m, under emulation
    /// 20m]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    timeout: Option<Duration>,
    /// Wait for this before the session, or before --detach returns: ssh, running (the end of the
    /// boot, without failed units), or a unit such as multi-user.target [default: ssh]
    #[arg(long, value_name = "CONDITION")]
    wait: Option<Condition>,
    /// Don't show progress
    #[arg(short, long)]
    quiet: bool,
    /// The hypervisor that runs the VM
    #[arg(long, value_enum, default_value_t = features::Choice::Auto, value_name = "HYPERVISOR")]
    hypervisor: features::Choice,
    /// The way QEMU runs guest code
    #[arg(long, value_enum, default_value_t = accelerator::Choice::Auto, value_name = "ACCELERATOR")]
    accel: accelerator::Choice,
    /// The image: a name, short name, ID or ID prefix; or oci-archive:FILE, docker-archive:FILE,
    /// oci:DIR
    #[arg(required_unless_present = "disk")]
    image: Option<String>,
    /// A command to run in the VM: one word is a shell command line, several words are passed on
    /// unchanged
    #[arg(trailing_var_arg = true, value_name = "CMD")]
    command: Vec<OsString>,
    /// Boot the image directly, without an install; all changes are lost with the VM
    #[arg(long, conflicts_with_all = InstallArgs::ONLY_FOR_DISKS)]
    ephemeral: bool,
    /// How an --ephemeral VM gets the image's files
    #[arg(
        long,
        value_enum,
        default_value_t,
        value_name = "TRANSPORT",
        requires = "ephemeral"
    )]
    root_transport: Transport,
    /// Boot this disk image (raw or qcow2) instead of a container image; it must not change while
    /// the VM exists
    #[arg(long, value_name = "FILE", conflicts_with_all = ["ephemeral", "connection", "pull"], conflicts_with_all = InstallArgs::ONLY_FOR_INSTALLS)]
    disk: Option<PathBuf>,
    #[command(flatten)]
    machine: MachineArgs,
    // The last field, because its heading applies to all options after it.
    #[command(flatten)]
    install: InstallArgs,
}

impl Args {
    pub(super) fn run(mut self, context: &Context) -> Result<u8> {
        let progress = StderrProgress::new(self.quiet);
        if self.disk.is_some() {
            // Without an image, the first word belongs to the command.
            self.command
                .splice(0..0, self.image.take().map(OsString::from));
        }
        // Checks come before any work.
        let only_starts = self.detach && self.command.is_empty() && self.wait.is_none();
        if only_starts && self.timeout.is_some() {
            bail!(
                "--timeout has no effect: --detach without a command doesn't wait until the VM is ready. \
                 Add `--wait ssh`"
            );
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
                    true => Boot::Direct {
                        transport: self.root_transport,
                        kargs: &choices.kargs,
                    },
                    false => Boot::Disk(&choices),
                };
                provisioner.vm_from_image(self.name.clone(), &source, boot, new)?
            }
            (None, None) => bail!("no image given"),
        };
        let started = context.block_on(lifecycle::start(&vm, &context.store, self.needs_lease()));
        drop(creating);
        // A VM that never ran is empty. Removing it frees its name for the next try.
        let remove_new = || context.block_on(lifecycle::remove_now(&vm, &context.store));
        let mut client = match started {
            Ok(client) => client,
            Err(error) => {
                remove_new()?;
                return Err(error.into());
            }
        };
        if only_starts {
            let started = ready::wait_started(&mut client, |note| progress.note(note));
            if let Err(error) = context.block_on(started) {
                drop(client);
                // A VM that was stopped, or whose guest ended, is kept for inspection.
                if !matches!(&error, vm::Error::Ended { end, .. } if end.kind != EndKind::Failure) {
                    remove_new()?;
                }
                return Err(error.into());
            }
            say(format!("{}\n", vm.spec.name));
            return Ok(0);
        }
        self.session(context, &vm, client, &progress)
    }

    /// Returns the requested features that not every hypervisor has.
    fn wishes(&self) -> Vec<Wish> {
        let requested = [
            (self.ephemeral, Wish::DirectBoot),
            (self.accel != accelerator::Choice::Auto, Wish::Accelerator),
            (self.user != "root", Wish::OtherUser),
            (self.disk.is_some(), Wish::ForeignDisk),
            (
                self.image_source
                    .arch
                    .is_some_and(|arch| Arch::host() != Some(arch)),
                Wish::OtherArch,
            ),
        ];
        let requested = requested
            .into_iter()
            .filter_map(|(requested, wish)| requested.then_some(wish));
        requested.chain(self.machine.wishes()).collect()
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
            // An ephemeral VM can't be started again.
            remove: self.removes() || self.ephemeral,
            firmware: self.machine.firmware,
            arch: self.image_source.arch,
            settings,
            files,
        })
    }

    /// A VM started for a single command is removed when the command exits, as in podman-bootc
    /// (Go). A named VM is kept.
    fn removes(&self) -> bool {
        self.rm || (!self.command.is_empty() && self.name.is_none() && !self.detach)
    }

    /// With a lease the VM ends with this process. A detached VM is removed when it powers off.
    fn needs_lease(&self) -> bool {
        self.removes() && !self.detach
    }

    fn session(
        &self,
        context: &Context,
        vm: &Vm,
        mut client: Client,
        progress: &dyn Progress,
    ) -> Result<u8> {
        let stage = progress.stage("boot");
        let condition = self.wait.clone().unwrap_or_default();
        let ready = context.block_on(ready::wait_until(
            &mut client,
            vm,
            &self.user,
            self.timeout,
            Some(&*stage),
            &Wanted::Any,
            &condition,
        ));
        let result = match ready {
            Ok(Ready {
                session,
                endpoint,
                boot,
                faults,
            }) => match faults.into_iter().next() {
                None => {
                    stage.done(&format!("VM {} is ready", vm.spec.name));
                    if self.detach && self.command.is_empty() {
                        context.block_on(session.close());
                        say(format!("{}\n", vm.spec.name));
                        return Ok(0);
                    }
                    let live = Live {
                        vm,
                        store: &context.store,
                        user: &self.user,
                        client: &mut client,
                        boot,
                    };
                    let target = Target { live, endpoint };
                    ssh::run(context, target, session, &self.command, &self.terminal)
                }
                Some(fault) => Err(fault.into()),
            },
            Err(error) => {
                drop(stage);
                Err(error.into())
            }
        };
        if self.needs_lease() {
            // The VM ends when the lease ends. The last message says that the VM is removed.
            context.block_on(async {
                client.end_lease().await;
                client.ended().await;
            });
        } else if let Err(error) = &result {
            self.after_failure(context, vm, error, progress)?;
        }
        result
    }

    /// Removes the VM after Ctrl-C. After a failure it is kept for inspection, and a note says how.
    fn after_failure(
        &self,
        context: &Context,
        vm: &Vm,
        error: &anyhow::Error,
        progress: &dyn Progress,
    ) -> Result<()> {
        let name = &vm.spec.name;
        let still_running = |hint| {
            let remove = format!("Remove it with `podman-bootc rm -f {name}`");
            progress.note(&format!("VM {name} is still running: {hint}. {remove}"));
        };
        match error.downcast_ref() {
            Some(vm::Error::Interrupted(_)) => {
                context
                    .block_on(lifecycle::remove_now(vm, &context.store))
                    .context("can't remove the VM")?;
            }
            Some(vm::Error::Timeout { .. }) => {
                still_running(format!("`podman-bootc logs {name}` shows its console"));
            }
            Some(vm::Error::Rebooted(_)) => {
                still_running(format!("`podman-bootc ssh {name}` waits for its next boot"));
            }
            Some(vm::Error::Hopeless { .. }) => {
                still_running(super::wait::console_hint(name));
            }
            Some(vm::Error::Condition { .. }) => {
                still_running(format!("`podman-bootc ssh {name}` opens a shell in it"));
            }
            _ if error.is::<Fault>() => {
                still_running(format!("`podman-bootc ssh {name}` opens a shell in it"))
            }
            _ => {}
        }
        Ok(())
    }
}
