//! `podman-bootc run`

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use super::Context;
use super::install_args::InstallArgs;
use super::machine_args::{MachineArgs, parse_cpus, parse_memory};
use super::ssh::{self, Target};
use crate::direct_boot::{BootImage, Roots, Transport};
use crate::disk::Import;
use crate::guest::ssh::keys::Keys;
use crate::host::Os;
use crate::hypervisor::features::Wish;
use crate::hypervisor::helpers::virtiofsd::Virtiofsd;
use crate::hypervisor::qemu::firmware;
use crate::hypervisor::{Arch, Hypervisor, Kind, accelerator, features};
use crate::image::{Image, Podman, Pull, Request};
use crate::install;
use crate::text::Progress;
use crate::text::parse_time;
use crate::ui::{StderrProgress, say};
use crate::vm::create::{self, Origin, Parameters};
use crate::vm::lifecycle;
use crate::vm::ready::{self, Fault, Ready};
use crate::vm::store::Creating;
use crate::vm::store::instance::How;
use crate::vm::supervisor::client::Client;
use crate::vm::{Name, Outfit, Vm};

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
    /// Take the image from this podman connection, as in `podman --connection` [default: CONTAINER_HOST's]
    #[arg(long, value_name = "NAME")]
    connection: Option<String>,
    /// Which of an image's architectures to take, or what a disk image is for [default: that of the image that is
    /// there, or the host's]
    #[arg(long, value_enum, value_name = "ARCHITECTURE")]
    arch: Option<Arch>,
    /// When to pull the image
    #[arg(long, value_enum, default_value_t = Pull::Missing, value_name = "POLICY")]
    pull: Pull,
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
        features::check(hypervisor, Os::current(), &self.wishes())?;
        let outfit = self.machine.outfit(hypervisor)?;
        let (vm, creating) = match (&self.disk, &self.image) {
            (Some(file), _) => self.create_on_import(context, file, hypervisor, &outfit)?,
            (None, Some(image)) => self.create_of_image(context, image, hypervisor, &outfit, &progress)?,
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
            let runs = ready::wait_started(&mut client, &vm, |note| progress.note(note));
            if let Err(error) = context.block_on(runs) {
                drop(client);
                // One that was stopped, or whose guest came to an end, is there to be looked at.
                if !matches!(&error, lifecycle::Error::Ended { end, .. } if end.how != How::Failure) {
                    take_back()?;
                }
                return Err(error.into());
            }
            say(format!("{}\n", vm.spec.name));
            return Ok(0);
        }
        self.session(context, &vm, client, &progress)
    }

    fn create_of_image(
        &self,
        context: &Context,
        image: &str,
        hypervisor: Kind,
        outfit: &Outfit,
        progress: &dyn Progress,
    ) -> Result<(Vm, Creating)> {
        let request = Request { name: image, pull: self.pull, arch: self.arch.map(Arch::oci_name) };
        let found = context.resolve(&request, self.connection.as_deref(), progress)?;
        let (podman, image) = (&found.podman, &found.image);
        // The name first: a name that is taken is no reason to install for a minute.
        let reservation = context.store.reserve(self.name.clone())?;
        let host_keys = Keys::in_folder(&context.dirs.keys());
        if self.ephemeral {
            // Held until the VM is there: from then on that keeps its files.
            let _held = Roots::open(&context.dirs.roots())?.hold()?;
            let boot = self.prepare(context, podman, image, progress)?;
            let origin = Origin::Direct(image, &boot, &self.install.kargs);
            let parameters = self.parameters(hypervisor, None, outfit);
            return Ok(create::create(reservation, origin, &parameters, &host_keys)?);
        }
        let features = hypervisor.features(Os::current());
        if let Some(arch) = Arch::from_oci(&image.architecture).filter(|_| features.host_firmware) {
            // What is missing is no news for after a minute's install.
            firmware::choose(self.machine.firmware, arch).map_err(lifecycle::Error::from)?;
        }
        let host = context.install_host(podman.clone(), self.accel)?;
        // What makes the system grow is handed over at boot, as the key is.
        let mut wanted = self.install.wanted(image, found.in_use, hypervisor, features.credentials());
        if !features.credentials() {
            host_keys.ensure()?;
            wanted.options.root_key = Some(host_keys.public_line()?);
        }
        let disk_size = Some(wanted.options.disk_size);
        // Held until the VM is there: from then on that keeps its base disk.
        let base = install::ensure(&host, wanted, progress)?;
        let parameters = self.parameters(hypervisor, disk_size, outfit);
        Ok(create::create(reservation, Origin::Disk(&base.disk), &parameters, &host_keys)?)
    }

    fn create_on_import(
        &self,
        context: &Context,
        file: &Path,
        hypervisor: Kind,
        outfit: &Outfit,
    ) -> Result<(Vm, Creating)> {
        let import = Import::open(file)?;
        let reservation = context.store.reserve(self.name.clone())?;
        let parameters = self.parameters(hypervisor, self.install.disk_size(), outfit);
        let host_keys = Keys::in_folder(&context.dirs.keys());
        Ok(create::create(reservation, Origin::Import(&import), &parameters, &host_keys)?)
    }

    /// What is asked for that not every hypervisor can do.
    fn wishes(&self) -> Vec<Wish> {
        let asked = [
            (self.ephemeral, Wish::DirectBoot),
            (self.accel != accelerator::Choice::Auto, Wish::Accelerator),
            (self.user != "root", Wish::OtherUser),
            (self.disk.is_some(), Wish::ForeignDisk),
            (self.arch.is_some_and(|arch| Arch::host() != Some(arch)), Wish::OtherArch),
        ];
        let asked = asked.into_iter().filter_map(|(asked, wish)| asked.then_some(wish));
        asked.chain(self.machine.wishes()).collect()
    }

    fn parameters(&self, hypervisor: Kind, disk_size: Option<u64>, outfit: &Outfit) -> Parameters {
        Parameters {
            hypervisor,
            cpus: self.cpus,
            memory_mib: self.memory,
            disk_size,
            accelerator: self.accel,
            user: self.user.clone(),
            // Of an ephemeral VM nothing is left to start again.
            remove: self.removes() || self.ephemeral,
            firmware: self.machine.firmware,
            arch: self.arch,
            outfit: outfit.clone(),
        }
    }

    /// The image made ready for a direct boot.
    fn prepare(
        &self,
        context: &Context,
        podman: &Podman,
        image: &Image,
        progress: &dyn Progress,
    ) -> Result<BootImage> {
        let name = &image.reference;
        let Some(arch) = Arch::from_oci(&image.architecture) else {
            bail!("image {name} is for {}, which is not supported", image.architecture);
        };
        if self.root_transport == Transport::Virtiofs {
            if podman.own_storage().is_some() {
                bail!(
                    "an image from elsewhere can't be served as it is; leave out --root-transport virtiofs"
                );
            }
            Virtiofsd::find()?.serve_root(Path::new("/"))?;
        }
        let mut stage = progress.stage("image");
        let boot = Roots::open(&context.dirs.roots())?
            .prepare(podman, image, arch, self.root_transport, &mut *stage)
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

    /// The VM goes with this process; a detached one goes when it powers off.
    fn leases(&self) -> bool {
        self.removes() && !self.detach
    }

    fn session(&self, context: &Context, vm: &Vm, mut client: Client, progress: &dyn Progress) -> Result<u8> {
        let mut stage = progress.stage("boot");
        let ready =
            context.block_on(ready::wait_ready(&mut client, vm, &self.user, self.timeout, &mut *stage));
        let result = match ready {
            Ok(Ready { session, endpoint, faults }) => match faults.into_iter().next() {
                None => {
                    stage.done(&format!("VM {} is ready", vm.spec.name));
                    let target = Target { vm, user: &self.user, endpoint };
                    ssh::run(&target, session, &self.command)
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
            Some(lifecycle::Error::Interrupted(_)) => {
                context.block_on(lifecycle::remove_now(vm, &context.store)).context("can't remove the VM")?;
            }
            Some(lifecycle::Error::Timeout { .. }) => {
                runs(format!("`podman-bootc logs {name}` shows its console"));
            }
            _ if error.is::<Fault>() => runs(format!("`podman-bootc ssh {name}` gets you in")),
            _ => {}
        }
        Ok(())
    }
}
