//! `podman-bootc generate`

use anyhow::{Result, bail};

use super::Context;
use super::args::new_vm::NewVmArgs;
use crate::direct_boot::Transport;
use crate::guest::boot::authorized_key;
use crate::guest::boot::cloudinit::Seed;
use crate::guest::boot::user_credentials;
use crate::hypervisor::Arch;
use crate::image::{Facts, Image, Podman};
use crate::kubevirt::{self, Boot, ClusterName, Guest, Images, Repository, Wanted};
use crate::provision::{ImageSource, InstallChoices, Provisioner};
use crate::text::Progress;
use crate::ui::{StderrProgress, say};
use crate::vm::create::{NewVm, home_of};
use crate::vm::spec::Source;
use crate::vm::{UserFiles, Vm};

/// Write a VM for another engine
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    Kubevirt(Box<Args>),
}

/// Write a VM as objects for KubeVirt
///
/// Prints a VirtualMachine, a Secret with the SSH keys and, with -p, a Service as YAML. Makes the
/// images that they name, in podman's storage. A VM's settings are those of its `run`; what it has
/// written to its disk stays here. The key is the tool's own, beside those of --ssh-key.
#[derive(Debug, clap::Args)]
#[command(
    mut_arg("ephemeral", |arg| arg.long("direct").help(
        "Boot the image's own kernel: no install, and each group of layers is an image of its own",
    )),
    // They choose among programs of this machine.
    mut_arg("hypervisor", |arg| arg.hide(true)),
    mut_arg("root_transport", |arg| arg.hide(true)),
    after_help = "\
Examples:
  podman-bootc generate kubevirt --to quay.io/example/my-os --push localhost/my-os >my-os.yaml
  podman-bootc generate kubevirt --direct --to quay.io/example/my-os --push localhost/my-os >my-os.yaml
  podman-bootc generate kubevirt --disk-image quay.io/example/my-os-disk:v1 localhost/my-os"
)]
pub struct Args {
    /// The name of the VirtualMachine [default: the VM's, or the last word of the image's name]
    #[arg(long, value_name = "NAME")]
    name: Option<ClusterName>,
    /// The repository of the images, which the cluster pulls [default: the image's own]
    #[arg(long, value_name = "REPOSITORY")]
    to: Option<Repository>,
    /// Push the images to their registry, with podman's login
    #[arg(long)]
    push: bool,
    /// Use this container disk, which `disk --format containerdisk` made, and make no image
    #[arg(long, value_name = "REFERENCE", conflicts_with_all = ["ephemeral", "to", "push"])]
    disk_image: Option<String>,
    /// Don't show progress
    #[arg(short, long)]
    quiet: bool,
    /// A VM, or an image: a name, short name, ID or ID prefix; or oci-archive:FILE,
    /// docker-archive:FILE, oci:DIR
    #[arg(value_name = "VM|IMAGE")]
    target: String,
    // The last field, because its headings apply to all options after it.
    #[command(flatten)]
    new: NewVmArgs,
}

/// What the objects are made of.
struct Plan {
    new: NewVm,
    direct: bool,
    source: ImageSource,
    choices: InstallChoices,
    /// Kernel arguments of a direct boot beside the image's.
    kargs: Vec<String>,
    name: Option<String>,
}

impl Command {
    pub(super) fn run(self, context: &Context) -> Result<()> {
        match self {
            Self::Kubevirt(args) => args.run(context),
        }
    }
}

impl Args {
    fn run(&self, context: &Context) -> Result<()> {
        let progress = StderrProgress::new(self.quiet);
        let plan = match self.vm(context) {
            Some(vm) => self.of_vm(context, &vm, &progress)?,
            None => self.of_flags()?,
        };
        // Before any work. The image may have another architecture than this host.
        let arch = plan.new.arch.or(Arch::host()).unwrap_or(Arch::X86_64);
        let wanted = |arch| Wanted {
            new: &plan.new,
            arch,
            direct: plan.direct,
        };
        kubevirt::check(&wanted(arch))?;
        let provisioner = context.provisioner(&progress)?;
        let guest = self.guest(context, &provisioner, &plan)?;
        kubevirt::check(&wanted(guest.arch))?;
        say(yaml(&guest)?);
        let key = context.dirs.keys().join("id_ed25519");
        progress.note(&format!(
            "log in with `virtctl ssh -i {} {}@vm/{}`",
            key.display(),
            guest.user,
            guest.name
        ));
        Ok(())
    }

    /// Returns the VM of this name or ID. `store.find` also takes the ID of an image for its VM.
    fn vm(&self, context: &Context) -> Option<Vm> {
        let vm = context.store.find(&self.target).ok()?;
        let spec = &vm.spec;
        let is_meant = spec.name.as_str() == self.target || spec.id.starts_with(&self.target);
        is_meant.then_some(vm)
    }

    /// Returns the plan for an image and the flags of `run`.
    fn of_flags(&self) -> Result<Plan> {
        self.new.check_elsewhere()?;
        let choices = self.new.install.choices();
        Ok(Plan {
            new: self.new.new_vm_elsewhere()?,
            direct: self.new.ephemeral,
            source: self.new.image_source.source(&self.target),
            kargs: choices.kargs.clone(),
            choices,
            name: None,
        })
    }

    /// Returns the plan for a VM with its own settings.
    fn of_vm(&self, context: &Context, vm: &Vm, progress: &dyn Progress) -> Result<Plan> {
        let spec = &vm.spec;
        let Some(image) = spec.running_image().cloned() else {
            bail!(
                "VM {} runs no image of podman's: upload its disk with `virtctl image-upload`",
                spec.name
            );
        };
        if !self.new.has_only_defaults() {
            bail!(
                "VM {} has settings of its own: leave out the flags of `run`, or name the image {}",
                spec.name,
                image.reference
            );
        }
        let mut kargs = vec![];
        let choices = match &spec.source {
            Source::Disk { base, .. } => {
                let disk = crate::disk::Cache::open(&context.dirs.disks())?.find(base)?;
                let disk =
                    disk.ok_or_else(|| anyhow::anyhow!("the base disk {base} is missing"))?;
                let mut choices = InstallChoices::of(&disk.options);
                choices.disk_size = spec.disk_size.or(choices.disk_size);
                progress.note(&format!(
                    "what VM {} has written to its disk stays here: \
                     the cluster begins with the image's disk",
                    spec.name
                ));
                choices
            }
            Source::Direct { cmdline, .. } => {
                let words = cmdline.split(' ').map(str::to_owned);
                kargs.extend(words);
                InstallChoices::default()
            }
            Source::Import { .. } => bail!("VM {} boots a disk image", spec.name),
        };
        let seed = match spec.settings.cloudinit {
            true => Some(Seed::of_disk(&vm.seed(), &spec.id)?),
            false => None,
        };
        Ok(Plan {
            new: NewVm {
                cpus: spec.cpus,
                memory_mib: spec.memory_mib,
                disk_size: spec.disk_size,
                hypervisor: spec.hypervisor,
                accelerator: self.new.accel,
                user: spec.user.clone(),
                remove: spec.remove,
                firmware: spec.firmware_choice(),
                arch: Some(spec.arch),
                settings: spec.settings.clone(),
                files: UserFiles {
                    credentials: vm.credentials()?,
                    seed,
                    ignition: None,
                },
            },
            direct: spec.is_ephemeral() || self.new.ephemeral,
            source: self.new.image_source.source(&image.id),
            choices,
            kargs,
            name: Some(spec.name.to_string()),
        })
    }

    /// Makes the images, and returns the guest that names them.
    fn guest(&self, context: &Context, provisioner: &Provisioner, plan: &Plan) -> Result<Guest> {
        let new = &plan.new;
        let keys = [provisioner.host_key_lines()?]
            .into_iter()
            .chain(new.settings.ssh_keys.iter().cloned())
            .collect::<Vec<_>>()
            .join("\n");
        if let Some(disk) = &self.disk_image {
            let arch = new.arch.or(Arch::host()).unwrap_or(Arch::X86_64);
            let boot = Boot::Disk {
                disk: disk.clone(),
                firmware: new.firmware,
            };
            let name = self.name(plan, &self.target)?;
            return Ok(guest(plan, name, disk.clone(), arch, boot, &keys));
        }
        let base;
        let (image, arch, boot, extra, sshd);
        // The name comes first: a bad one would be noticed after the push.
        let name;
        if plan.direct {
            let found = provisioner.find_image(&plan.source)?;
            name = self.name(plan, &found.image.reference)?;
            let (direct, _lease) = provisioner.boot_image(&found, Transport::Erofs)?;
            kubevirt::check_image(&direct.facts)?;
            let args = direct_args(plan, &found.image, &direct, &keys)?;
            let mut images = self.images(context, provisioner, &found.image)?;
            boot = Boot::Direct {
                kernel: images.kernel(&direct)?,
                kernel_args: args,
                roots: images.roots(&direct)?,
                scratch: match direct.scratch() {
                    Some(raw) => Some(images.scratch(&raw)?),
                    None => None,
                },
            };
            extra = images.extra(&new.settings)?;
            self.finish(&images)?;
            (arch, sshd) = (images.arch, direct.facts.sshd);
            image = found.image;
        } else {
            let accelerator = new.accelerator;
            base = provisioner.base_disk_with_key(
                &plan.source,
                &plan.choices,
                accelerator,
                Some(keys.clone()),
            )?;
            let disk = &base.disk;
            name = self.name(plan, &disk.image.reference)?;
            let mut images = self.images(context, provisioner, &disk.image)?;
            boot = Boot::Disk {
                disk: images.base_disk(disk)?,
                firmware: new.firmware,
            };
            extra = images.extra(&new.settings)?;
            self.finish(&images)?;
            (arch, sshd) = (images.arch, disk.facts.sshd);
            image = disk.image.clone();
        }
        let origin = format!("{}@{}", image.reference, image.digest);
        Ok(Guest {
            extra,
            sshd,
            ..guest(plan, name, origin, arch, boot, &keys)
        })
    }

    fn name(&self, plan: &Plan, reference: &str) -> Result<ClusterName> {
        Ok(match (&self.name, &plan.name) {
            (Some(name), _) => name.clone(),
            (None, Some(vm)) => vm.parse()?,
            (None, None) => ClusterName::of_image(reference)?,
        })
    }

    fn images<'a>(
        &self,
        context: &Context,
        provisioner: &Provisioner<'a>,
        image: &Image,
    ) -> Result<Images<'a>> {
        let Some(arch) = Arch::from_oci(&image.architecture) else {
            bail!("no VM has the architecture {}", image.architecture);
        };
        Ok(Images {
            podman: Podman::find()?,
            repository: match &self.to {
                Some(repository) => repository.clone(),
                None => Repository::of_image(&image.reference)?,
            },
            folder: context.dirs.containerdisks(),
            arch,
            progress: provisioner.progress,
            names: vec![],
        })
    }

    /// Pushes the images, or says that the cluster can't pull them yet.
    fn finish(&self, images: &Images) -> Result<()> {
        if self.push {
            return Ok(images.push()?);
        }
        images.progress.note(&format!(
            "the images are in podman's storage, as {}; --push pushes them, \
             --to chooses the repository",
            images.names.join(", ")
        ));
        Ok(())
    }
}

fn yaml(guest: &Guest) -> Result<String> {
    let mut yaml = String::new();
    for object in kubevirt::objects(guest) {
        yaml += "---\n";
        yaml += &serde_norway::to_string(&object)?;
    }
    Ok(yaml)
}

/// Returns the kernel's command line of a direct boot.
fn direct_args(
    plan: &Plan,
    image: &Image,
    boot: &crate::direct_boot::BootImage,
    keys: &str,
) -> Result<String> {
    let new = &plan.new;
    let Facts { owners, .. } = &boot.facts;
    let arch = Arch::from_oci(&image.architecture).unwrap_or(Arch::X86_64);
    let mut cmdline = boot.cmdline(arch, None);
    for karg in &plan.kargs {
        // A VM's command line has the image's words, too.
        if !cmdline.split(' ').any(|word| word == karg) {
            cmdline += &format!(" {karg}");
        }
    }
    let home = home_of(image, &boot.facts, &new.user, &new.settings)?;
    let owner = owners.get(&new.user).copied();
    let own = home.map(|home| authorized_key::credential(&new.user, owner, &home, keys));
    let all = user_credentials::merge(own.into_iter().collect(), new.files.credentials.clone())?;
    let is_own = |name: &str| name == authorized_key::NAME;
    let (own, others): (Vec<_>, Vec<_>) = all.into_iter().partition(|one| is_own(&one.name));
    let hostname = new.settings.hostname.as_ref();
    Ok(kubevirt::kernel_args(
        &cmdline,
        hostname,
        own.first(),
        &others,
    )?)
}

/// Returns a guest whose disks need no images of their own.
fn guest(
    plan: &Plan,
    name: ClusterName,
    origin: String,
    arch: Arch,
    boot: Boot,
    keys: &str,
) -> Guest {
    let new = &plan.new;
    Guest {
        name,
        origin,
        arch,
        cpus: new.cpus,
        memory_mib: new.memory_mib,
        boot,
        settings: new.settings.clone(),
        extra: vec![],
        user: new.user.clone(),
        keys: keys.lines().map(str::to_owned).collect(),
        seed: new.files.seed.as_ref().map(|seed| kubevirt::Seed {
            user_data: seed.user_data.clone(),
            network_config: seed.network_config.clone(),
        }),
        sshd: true,
    }
}

#[cfg(test)]
mod tests;
