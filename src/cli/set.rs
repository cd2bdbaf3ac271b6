//! `podman-bootc set`

use anyhow::Result;
use clap::{ArgAction, ArgGroup};

use super::args::machine::{parse_cpus, parse_memory};
use super::args::vm::VmArg;
use super::{Context, requirements};
use crate::disk::ExtraDiskArg;
use crate::guest::boot::shares::Share;
use crate::guest::ssh::session::Session;
use crate::host::Os;
use crate::hypervisor::Shares;
use crate::hypervisor::features::Wish;
use crate::hypervisor::helpers::virtiofsd::Virtiofsd;
use crate::text::Progress;
use crate::ui::StderrProgress;
use crate::vm::devices::Devices;
use crate::vm::{State, Vm, lifecycle};

/// Change the CPUs and the memory of a stopped VM, and the shares and disks of any VM
///
/// A running VM gets and loses shares and disks at once, and its next starts have what you set.
#[derive(Debug, clap::Args)]
#[command(group = ArgGroup::new("change").required(true).multiple(true).args([
    "cpus", "memory", "add_volume", "remove_volume", "add_disk", "remove_disk",
]))]
#[command(after_help = "\
Examples:
  podman-bootc set web --memory 4G --cpus 4
  podman-bootc set web --add-volume ./site:/var/www --add-disk new:20G
  podman-bootc set web --remove-volume /var/www --remove-disk extra0")]
pub struct Args {
    /// Virtual CPUs
    #[arg(long, value_name = "NUMBER", value_parser = parse_cpus())]
    cpus: Option<u32>,
    /// Memory, in bytes or with K, M, G
    #[arg(short, long, value_name = "SIZE", value_parser = parse_memory)]
    memory: Option<u64>,
    /// Share one more host folder; can be repeated
    #[arg(long, value_name = "SRC:DST[:ro]", action = ArgAction::Append)]
    add_volume: Vec<Share>,
    /// Unmount the share at this folder of the VM, and remove it; can be repeated
    #[arg(long, value_name = "DST", action = ArgAction::Append)]
    remove_volume: Vec<String>,
    /// Attach one more disk image, or with new:SIZE an empty disk; can be repeated
    ///
    /// The disk's name in the VM is printed: /dev/disk/by-id/virtio-extra0, and so on.
    #[arg(long, value_name = "FILE[:ro]|new:SIZE", action = ArgAction::Append)]
    add_disk: Vec<ExtraDiskArg>,
    /// Detach this disk, such as extra0; can be repeated
    ///
    /// A disk that was made by new:SIZE is deleted.
    #[arg(long, value_name = "NAME", action = ArgAction::Append)]
    remove_disk: Vec<String>,
    #[command(flatten)]
    vm: VmArg,
}

impl Args {
    pub(super) fn run(self, context: &Context) -> Result<()> {
        let mut vm = self.vm.find(context)?;
        if self.cpus.is_some() || self.memory.is_some() {
            // Locked, so that nothing starts the VM before its spec is written.
            let _lock = lifecycle::take(&vm)?;
            vm.change_spec(|spec| {
                spec.cpus = self.cpus.unwrap_or(spec.cpus);
                spec.memory_mib = self.memory.unwrap_or(spec.memory_mib);
                Ok::<_, anyhow::Error>(())
            })?;
        }
        if !self.changes_devices() {
            return Ok(());
        }
        if vm.state() == State::Running {
            requirements::check(vm.spec.hypervisor, &self.wishes_of_running())?;
            self.check(&vm)?;
            let (user, stage) = (
                vm.spec.user.clone(),
                StderrProgress::new(false).stage("set"),
            );
            let (_client, ready) = context.session(&vm, &user, None, stage)?;
            context.block_on(self.change_devices(context, &mut vm, Some(&ready.session)))
        } else {
            requirements::check(vm.spec.hypervisor, &self.wishes())?;
            self.check(&vm)?;
            let _lock = lifecycle::take(&vm)?;
            context.block_on(self.change_devices(context, &mut vm, None))
        }
    }

    fn changes_devices(&self) -> bool {
        let volumes = !self.add_volume.is_empty() || !self.remove_volume.is_empty();
        volumes || !self.add_disk.is_empty() || !self.remove_disk.is_empty()
    }

    fn wishes(&self) -> Vec<Wish> {
        let mut wishes = vec![];
        wishes.extend((!self.add_volume.is_empty()).then_some(Wish::Share));
        let read_only = self.add_volume.iter().any(|share| share.read_only);
        wishes.extend(read_only.then_some(Wish::ReadOnlyShare));
        wishes.extend((!self.add_disk.is_empty()).then_some(Wish::Device("--add-disk")));
        wishes
    }

    fn wishes_of_running(&self) -> Vec<Wish> {
        let shares = !self.add_volume.is_empty() || !self.remove_volume.is_empty();
        let disks = !self.add_disk.is_empty() || !self.remove_disk.is_empty();
        let mut wishes = self.wishes();
        wishes.extend(shares.then_some(Wish::PlugShare));
        wishes.extend(disks.then_some(Wish::PlugDisk));
        wishes
    }

    /// Finds what is missing on the host before anything changes.
    fn check(&self, vm: &Vm) -> Result<()> {
        for share in &self.add_volume {
            share.check()?;
        }
        for disk in &self.add_disk {
            disk.resolve()?;
        }
        let needs_virtiofsd = vm.spec.hypervisor.features(Os::current()).shares;
        if !self.add_volume.is_empty() && needs_virtiofsd == Shares::Virtiofsd {
            Virtiofsd::find()?;
        }
        Ok(())
    }

    async fn change_devices(
        &self,
        context: &Context,
        vm: &mut Vm,
        session: Option<&Session>,
    ) -> Result<()> {
        let mut devices = Devices {
            vm,
            store: &context.store,
            session,
        };
        for target in &self.remove_volume {
            devices.remove_share(target).await?;
        }
        for name in &self.remove_disk {
            devices.remove_disk(name).await?;
        }
        for share in &self.add_volume {
            devices.add_share(share.clone().resolve()?).await?;
        }
        for disk in &self.add_disk {
            let name = devices.add_disk(&disk.resolve()?).await?;
            crate::ui::say(format!("{name}\n"));
        }
        Ok(())
    }
}
