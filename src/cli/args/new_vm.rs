//! The options of commands that create VMs.

use anyhow::{Result, bail};

use super::image::ImageArgs;
use super::install::InstallArgs;
use super::instance_type::InstanceType;
use super::machine::{MachineArgs, parse_cpus, parse_memory};
use crate::cli::requirements;
use crate::direct_boot::Transport;
use crate::host::Os;
use crate::hypervisor::features::Wish;
use crate::hypervisor::{Arch, Hypervisor, Kind, accelerator, features};
use crate::provision::{Boot, InstallChoices};
use crate::vm::create::NewVm;
use crate::vm::{Settings, UserFiles};

/// A new VM: its machine, its image and its boot.
#[derive(Debug, clap::Args)]
pub struct NewVmArgs {
    /// The user to log in as: one of the image, or one that its sysusers.d, cloud-init or Ignition
    /// makes at boot
    #[arg(short, long, value_name = "USER", default_value = "root")]
    pub user: String,
    /// Virtual CPUs
    #[arg(long, value_name = "NUMBER", default_value_t = 2, value_parser = parse_cpus())]
    cpus: u32,
    /// Memory, in bytes or with K, M, G
    #[arg(short, long, value_name = "SIZE", default_value = "2G", value_parser = parse_memory)]
    pub memory: u64,
    /// CPUs and memory as KubeVirt's instance type of this name has them
    #[arg(long, value_enum, value_name = "TYPE", conflicts_with_all = ["cpus", "memory"])]
    itype: Option<InstanceType>,
    #[command(flatten)]
    pub image_source: ImageArgs,
    /// The hypervisor that runs the VM
    #[arg(long, value_enum, default_value_t = features::Choice::Auto, value_name = "HYPERVISOR")]
    hypervisor: features::Choice,
    /// The way QEMU runs guest code
    #[arg(long, value_enum, default_value_t = accelerator::Choice::Auto, value_name = "ACCELERATOR")]
    pub accel: accelerator::Choice,
    /// Boot the image directly, without an install; all changes are lost with the VM
    #[arg(long, conflicts_with_all = InstallArgs::ONLY_FOR_DISKS)]
    pub ephemeral: bool,
    /// How an --ephemeral VM gets the image's files
    #[arg(
        long,
        value_enum,
        default_value_t,
        value_name = "TRANSPORT",
        requires = "ephemeral"
    )]
    root_transport: Transport,
    #[command(flatten)]
    pub machine: MachineArgs,
    // The last field, because its heading applies to all options after it.
    #[command(flatten)]
    pub install: InstallArgs,
}

impl NewVmArgs {
    /// Returns the hypervisor that runs the VM.
    ///
    /// # Errors
    /// No hypervisor is installed, or it lacks a requested feature. `others` are features that other
    /// arguments request.
    pub fn choose_hypervisor(&self, others: &[Wish]) -> Result<Kind> {
        let hypervisor = Hypervisor::choose(self.hypervisor, Os::current())?;
        let requested = [
            (self.ephemeral, Wish::DirectBoot),
            (self.accel != accelerator::Choice::Auto, Wish::Accelerator),
            (self.user != "root", Wish::OtherUser),
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
        let wishes: Vec<Wish> = requested
            .chain(others.iter().copied())
            .chain(self.machine.wishes())
            .collect();
        requirements::check(hypervisor, &wishes)?;
        Ok(hypervisor)
    }

    /// Returns the VM's settings. `remove` says that the VM is removed when it ends, which always
    /// holds for an ephemeral VM, because that can't be started again.
    ///
    /// # Errors
    /// As for [`MachineArgs::settings`].
    pub fn new_vm(&self, hypervisor: Kind, remove: bool) -> Result<NewVm> {
        let parts = self.machine.settings(hypervisor)?;
        Ok(self.with_settings(hypervisor, remove, parts))
    }

    /// Makes sure that no flag chooses among programs of this machine, for a VM that another one
    /// runs.
    ///
    /// # Errors
    /// One does.
    pub fn check_elsewhere(&self) -> Result<()> {
        let flag = match () {
            () if self.hypervisor != features::Choice::Auto => "--hypervisor",
            () if self.root_transport != Transport::default() => "--root-transport",
            () if self.machine.asks_for_template() => "--warm",
            () => return Ok(()),
        };
        bail!(
            "{flag} chooses how this machine runs a VM, and a cluster runs this one: leave it out"
        )
    }

    /// Returns the settings of a VM that another machine runs.
    ///
    /// # Errors
    /// As for [`MachineArgs::settings_elsewhere`].
    pub fn new_vm_elsewhere(&self) -> Result<NewVm> {
        let parts = self.machine.settings_elsewhere()?;
        Ok(self.with_settings(Kind::Qemu, false, parts))
    }

    /// Returns true if no flag was given that belongs to the VM.
    pub fn has_only_defaults(&self) -> bool {
        self.user == "root"
            && (self.cpus, self.memory) == (2, 2048)
            && self.itype.is_none()
            && self.hypervisor == features::Choice::Auto
            && self.root_transport == Transport::default()
            && self.machine.has_only_defaults()
            && self.install.choices() == InstallChoices::default()
    }

    fn with_settings(
        &self,
        hypervisor: Kind,
        remove: bool,
        (settings, files): (Settings, UserFiles),
    ) -> NewVm {
        NewVm {
            cpus: self.itype.map_or(self.cpus, InstanceType::cpus),
            memory_mib: self.itype.map_or(self.memory, InstanceType::memory_mib),
            disk_size: self.install.choices().disk_size(),
            hypervisor,
            accelerator: self.accel,
            user: self.user.clone(),
            remove: remove || self.ephemeral,
            firmware: self.machine.firmware,
            arch: self.image_source.arch,
            settings,
            files,
        }
    }

    /// Returns the way in which the VM boots.
    pub fn boot<'a>(&self, choices: &'a InstallChoices) -> Boot<'a> {
        match self.ephemeral {
            true => Boot::Direct {
                transport: self.root_transport,
                kargs: &choices.kargs,
            },
            false => Boot::Disk(choices),
        }
    }
}
