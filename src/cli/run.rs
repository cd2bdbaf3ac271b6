//! `podman-bootc run`

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use super::args::install::InstallArgs;
use super::args::new_vm::NewVmArgs;
use super::args::session::TerminalArgs;
use super::args::timeline::TimelineArgs;
use super::ssh::{self, Target};
use super::{Context, dry_run};
use crate::hypervisor::Forward;
use crate::hypervisor::features::Wish;
use crate::provision::{Preview, Provisioner};
use crate::text::{Progress, parse_time};
use crate::timeline::{BOOT, Recorder, START};
use crate::ui::{Format, StderrProgress, say};
use crate::vm::boot::Wanted;
use crate::vm::create::NewVm;
use crate::vm::live::Live;
use crate::vm::ready::{self, Condition, Fault, Ready};
use crate::vm::store::instance::EndKind;
use crate::vm::store::{self, Entry};
use crate::vm::supervisor::client::Client;
use crate::vm::{self, Name, State, Vm, lifecycle};

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
    /// Replace the VM of this name, if there is one: it is shut down and removed as soon as the new
    /// one can be made
    #[arg(short = 'R', long, requires = "name")]
    replace: bool,
    /// Show what would be pulled, installed and started, with the hypervisor's command line, and do
    /// nothing
    #[arg(long)]
    dry_run: bool,
    /// Print the dry run as JSON, or by a template such as '{{.boot.cached}}'
    #[arg(long, value_name = "json|TEMPLATE", requires = "dry_run")]
    format: Option<Format>,
    /// Start the VM in the background and print its name; with CMD, wait until CMD exits, and keep
    /// the VM
    #[arg(short, long, visible_short_alias = 'B', visible_alias = "background")]
    detach: bool,
    /// Remove the VM when the session ends (with --detach: when the VM powers off)
    #[arg(long)]
    rm: bool,
    #[command(flatten)]
    terminal: TerminalArgs,
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
    #[command(flatten)]
    timeline: TimelineArgs,
    /// The image: a name, short name, ID or ID prefix; or oci-archive:FILE, docker-archive:FILE,
    /// oci:DIR
    #[arg(required_unless_present = "disk")]
    image: Option<String>,
    /// A command to run in the VM: one word is a shell command line, several words are passed on
    /// unchanged
    #[arg(trailing_var_arg = true, value_name = "CMD")]
    command: Vec<OsString>,
    /// Boot this disk image (raw or qcow2) instead of a container image; it must not change while
    /// the VM exists
    #[arg(long, value_name = "FILE", conflicts_with_all = ["ephemeral", "connection", "pull"], conflicts_with_all = InstallArgs::ONLY_FOR_INSTALLS)]
    disk: Option<PathBuf>,
    // The last field, because its headings apply to all options after it.
    #[command(flatten)]
    new_vm: NewVmArgs,
}

impl Args {
    pub(super) fn run(mut self, context: &Context) -> Result<u8> {
        let progress = StderrProgress::new(self.quiet);
        let progress = Recorder::new(&progress);
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
        self.timeline.check()?;
        let disk: &[Wish] = match self.disk.is_some() {
            true => &[Wish::ForeignDisk],
            false => &[],
        };
        let hypervisor = self.new_vm.choose_hypervisor(disk)?;
        self.new_vm.machine.free_then = self.ports_of_replaced(context);
        let new = self.new_vm.new_vm(hypervisor, self.removes())?;
        let remove = || self.remove_replaced(context, &progress);
        let provisioner = Provisioner {
            replaced: self.replace.then_some(&remove),
            ..context.provisioner(&progress)?
        };
        if self.dry_run {
            let preview = self.preview(&provisioner, &new)?;
            dry_run::show(context, &preview, &new, self.format.as_ref())?;
            return Ok(0);
        }
        let (vm, creating) = match (&self.disk, &self.image) {
            (Some(file), _) => provisioner.vm_on_disk_image(self.name.clone(), file, &new)?,
            (None, Some(image)) => {
                let source = self.new_vm.image_source.source(image);
                let choices = self.new_vm.install.choices();
                let boot = self.new_vm.boot(&choices);
                provisioner.vm_from_image(self.name.clone(), &source, boot, new)?
            }
            (None, None) => bail!("no image given"),
        };
        progress.phase(START);
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
            self.timeline
                .show(context, self.title(&vm), &progress, None);
            say(format!("{}\n", vm.spec.name));
            return Ok(0);
        }
        self.session(context, &vm, client, &progress)
    }

    /// Returns the name of what boots.
    fn title<'a>(&'a self, vm: &'a Vm) -> &'a str {
        self.image.as_deref().unwrap_or(vm.spec.name.as_str())
    }

    fn preview(&self, provisioner: &Provisioner, new: &NewVm) -> Result<Preview> {
        let name = self.name.clone();
        Ok(match (&self.disk, &self.image) {
            (Some(file), _) => provisioner.preview_of_disk_image(name, file, new)?,
            (None, Some(image)) => {
                let source = self.new_vm.image_source.source(image);
                let choices = self.new_vm.install.choices();
                provisioner.preview(name, &source, &self.new_vm.boot(&choices), new)?
            }
            (None, None) => bail!("no image given"),
        })
    }

    /// Returns the ports of the running VM that the new one replaces.
    fn ports_of_replaced(&self, context: &Context) -> Vec<Forward> {
        let name = self.name.as_ref().filter(|_| self.replace);
        let old = name.and_then(|name| context.store.entry(name)?.vm());
        old.filter(|vm| vm.state() == State::Running)
            .map(|vm| vm.record().ports)
            .unwrap_or_default()
    }

    /// Shuts down and removes the VM that the new one replaces.
    fn remove_replaced(&self, context: &Context, progress: &dyn Progress) -> Result<(), vm::Error> {
        let Some(name) = &self.name else {
            return Ok(());
        };
        let vm = match context.store.entry(name) {
            None => return Ok(()),
            Some(Entry::Damaged(..)) => return Ok(context.store.remove_damaged(name)?),
            Some(Entry::Creating(name)) => return Err(store::Error::Creating(name).into()),
            Some(Entry::Vm(vm)) => vm,
        };
        let stage = progress.stage("replace");
        stage.update(&format!("stopping VM {name}"));
        context.block_on(async {
            let end = lifecycle::stop(&vm, &context.store, lifecycle::stop_time(&vm)).await?;
            if let Some(end) = end.filter(|end| end.power_cut) {
                stage.note(&format!("VM {name}: {}", end.reason));
            }
            lifecycle::remove(&vm, &context.store, false).await
        })?;
        stage.done(&format!("removed the old VM {name}"));
        Ok(())
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
        progress: &Recorder,
    ) -> Result<u8> {
        let stage = progress.stage("boot");
        progress.phase(BOOT);
        let condition = self.wait.clone().unwrap_or_default();
        let ready = context.block_on(ready::wait_until(
            &mut client,
            vm,
            &self.new_vm.user,
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
                    let title = self.title(vm);
                    self.timeline.show(context, title, progress, Some(&session));
                    if self.detach && self.command.is_empty() {
                        context.block_on(session.close());
                        say(format!("{}\n", vm.spec.name));
                        return Ok(0);
                    }
                    let live = Live {
                        vm,
                        store: &context.store,
                        user: &self.new_vm.user,
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
                self.timeline.show(context, self.title(vm), progress, None);
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
