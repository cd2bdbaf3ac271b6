//! The recipe of `run`: finds an image, makes a base disk or boot files of it, and creates the VM.
//!
//! The command line calls this room, and so can a test or another front end: values in, values out,
//! progress through [`text::Progress`](crate::text::Progress).

mod error;
mod image_source;
mod install_choices;
mod preview;

use std::path::{Path, PathBuf};

pub use error::Error;
pub use image_source::{FoundImage, ImageSource};
pub use install_choices::InstallChoices;
pub use preview::{BootFiles, BootKind, Preview};

use crate::direct_boot::{self, BootCache, BootImage, Transport};
use crate::disk::{Import, Key, Lease};
use crate::guest::ssh::keys::Keys;
use crate::host::Os;
use crate::host::fs::dirs::Dirs;
use crate::host::fs::lock::Lock;
use crate::hypervisor::helpers::virtiofsd::Virtiofsd;
use crate::hypervisor::qemu::firmware;
use crate::hypervisor::{Arch, Kind, accelerator};
use crate::image::{Facts, Podman, Pull};
use crate::install::{self, BaseDiskRequest, BoundChoice, BoundImages, bound};
use crate::text::{Progress, Stage};
use crate::vm::create::{self, NewVm, Origin};
use crate::vm::store::{Creating, Reservation};
use crate::vm::{self, Name, Store, Vm};

/// The recipe, with the tool's folders and VMs, for one command.
pub struct Provisioner<'a> {
    pub dirs: &'a Dirs,
    pub store: &'a Store,
    pub progress: &'a dyn Progress,
    /// Bytes. An install removes unused base disks while all base disks together take more.
    pub cache_limit: Option<u64>,
    /// Ends and removes the VM that the new one replaces. It is called as soon as the new one can be
    /// made.
    pub replaced: Option<&'a Removal<'a>>,
}

/// The removal of a VM in favour of a new one.
pub type Removal<'a> = dyn Fn() -> Result<(), vm::Error> + 'a;

/// How a VM boots from an image.
pub enum Boot<'a> {
    /// From an overlay over the image's base disk.
    Disk(&'a InstallChoices),
    /// From the image's own kernel, initramfs and root, with these kernel arguments added.
    Direct {
        transport: Transport,
        kargs: &'a [String],
    },
}

impl Provisioner<'_> {
    /// Creates a VM from an image. The caller holds [`Creating`] until a supervisor has locked the
    /// VM.
    ///
    /// # Errors
    /// The image is not available, the name is taken, or the disk or the VM can't be created.
    pub fn vm_from_image(
        &self,
        name: Option<Name>,
        source: &ImageSource,
        boot: Boot,
        new: NewVm,
    ) -> Result<(Vm, Creating), Error> {
        self.progress.phase("find the image");
        let found = self.find_image(source)?;
        // Before the install, which takes a minute and is useless if the name is taken.
        let reservation = self.reserve_early(&name)?;
        let host_keys = self.host_keys();
        match boot {
            Boot::Direct { transport, kargs } => {
                // Held until the VM is on disk, which then protects its files.
                let _lease = self.boot_cache()?.lease().map_err(Error::BootCache)?;
                self.progress.phase("prepare the boot files");
                let boot = self.boot_files(&found, transport)?;
                self.progress.phase("create the VM");
                let origin = Origin::Direct(&found.image, &boot, kargs);
                let reservation = self.reserve_late(reservation, name, origin, &new)?;
                Ok(create::create(reservation, origin, &new, &host_keys)?)
            }
            Boot::Disk(choices) => {
                let features = new.hypervisor.features(Os::current());
                let arch = Arch::from_oci(&found.image.architecture);
                if let Some(arch) = arch.filter(|_| features.host_firmware) {
                    // Before the install, which is useless without firmware.
                    firmware::choose(new.firmware, arch)?;
                }
                let FoundImage {
                    podman,
                    image,
                    in_use,
                } = found;
                let host = self.install_host(podman, new.accelerator);
                // The guest grows the filesystem by a unit that it gets as a credential.
                let growable = features.credentials();
                let mut request =
                    choices.request(&image, in_use, new.hypervisor, growable, source.pull);
                if !features.credentials() {
                    host_keys.ensure()?;
                    request.options.root_key = Some(host_keys.public_lines()?);
                }
                let new = NewVm {
                    disk_size: Some(request.options.disk_size),
                    ..new
                };
                // Held until the VM is on disk, which then protects its base disk.
                let check = |facts: &Facts| Ok(create::check(&image, facts, &new)?);
                self.progress.phase("install the image");
                let base = self.ensure(&host, request, &check)?;
                self.progress.phase("create the VM");
                // The bound images can make the disk larger.
                let size = new.disk_size.max(Some(base.disk.options.disk_size));
                let new = NewVm {
                    disk_size: size,
                    ..new
                };
                let origin = Origin::Disk(&base.disk);
                let reservation = self.reserve_late(reservation, name, origin, &new)?;
                Ok(create::create(reservation, origin, &new, &host_keys)?)
            }
        }
    }

    /// Returns an image's files for a direct boot. The lock keeps them until a VM has them.
    ///
    /// # Errors
    /// The image is not available, or can't be booted directly.
    pub fn boot_image(
        &self,
        found: &FoundImage,
        transport: Transport,
    ) -> Result<(BootImage, Lock), Error> {
        let lease = self.boot_cache()?.lease().map_err(Error::BootCache)?;
        Ok((self.boot_files(found, transport)?, lease))
    }

    /// Creates a VM over an existing disk image.
    ///
    /// # Errors
    /// The file is not a disk image, the name is taken, or the VM can't be created.
    pub fn vm_on_disk_image(
        &self,
        name: Option<Name>,
        file: &Path,
        new: &NewVm,
    ) -> Result<(Vm, Creating), Error> {
        self.progress.phase("create the VM");
        let import = Import::open(file)?;
        let origin = Origin::Import(&import);
        let reservation = self.reserve_early(&name)?;
        let reservation = self.reserve_late(reservation, name, origin, new)?;
        Ok(create::create(reservation, origin, new, &self.host_keys())?)
    }

    /// Reserves the name before any work, unless another VM keeps it until the new one can be made.
    fn reserve_early(&self, name: &Option<Name>) -> Result<Option<Reservation>, Error> {
        match (name, self.replaced) {
            (Some(_), Some(_)) => Ok(None),
            _ => Ok(Some(self.store.reserve(name.clone())?)),
        }
    }

    /// Returns the early reservation, or ends the old VM and reserves its name. The new VM passes
    /// all checks first.
    fn reserve_late(
        &self,
        early: Option<Reservation>,
        name: Option<Name>,
        origin: Origin,
        new: &NewVm,
    ) -> Result<Reservation, Error> {
        if let Some(reservation) = early {
            return Ok(reservation);
        }
        if let (Some(name), Some(remove)) = (&name, self.replaced) {
            create::plan(name, origin, new)?;
            remove()?;
        }
        Ok(self.store.reserve(name)?)
    }

    /// Returns an image's base disk for an export: without a key, and at exactly the chosen size.
    ///
    /// # Errors
    /// The image is not available, or the disk can't be created.
    pub fn base_disk(
        &self,
        source: &ImageSource,
        choices: &InstallChoices,
        accelerator: accelerator::Choice,
    ) -> Result<Lease, Error> {
        self.base_disk_with_key(source, choices, accelerator, None)
    }

    /// The same, with these public keys for root on the disk.
    ///
    /// # Errors
    /// As for [`Self::base_disk`].
    pub fn base_disk_with_key(
        &self,
        source: &ImageSource,
        choices: &InstallChoices,
        accelerator: accelerator::Choice,
        root_key: Option<String>,
    ) -> Result<Lease, Error> {
        let FoundImage {
            podman,
            image,
            in_use,
        } = self.find_image(source)?;
        let host = self.install_host(podman, accelerator);
        let mut request = choices.request(&image, in_use, Kind::Qemu, false, source.pull);
        request.options.root_key = root_key;
        self.ensure(&host, request, &|_| Ok(()))
    }

    /// Returns this host's public keys, one a line.
    ///
    /// # Errors
    /// They can't be read or made.
    pub fn host_key_lines(&self) -> Result<String, Error> {
        let keys = self.host_keys();
        keys.ensure()?;
        Ok(keys.public_lines()?)
    }

    fn ensure(
        &self,
        host: &install::Host,
        request: BaseDiskRequest,
        check: install::Check,
    ) -> Result<Lease, Error> {
        let used = |key: &Key| Ok(self.store.uses(key)?);
        Ok(install::ensure(host, request, &used, check, self.progress)?)
    }

    fn install_host(&self, podman: Podman, accelerator: accelerator::Choice) -> install::Host {
        install::Host {
            dirs: self.dirs.clone(),
            podman,
            accelerator,
            cache_limit: self.cache_limit,
        }
    }

    fn host_keys(&self) -> Keys {
        Keys::in_folder(&self.dirs.keys())
    }

    fn boot_cache(&self) -> Result<BootCache, Error> {
        BootCache::open(&self.dirs.roots()).map_err(Error::BootCache)
    }

    fn boot_files(&self, found: &FoundImage, transport: Transport) -> Result<BootImage, Error> {
        let FoundImage { podman, image, .. } = found;
        let name = &image.reference;
        let arch = Arch::from_oci(&image.architecture).ok_or_else(|| Error::Architecture {
            image: name.clone(),
            architecture: image.architecture.clone(),
        })?;
        if transport == Transport::Virtiofs {
            if podman.own_storage().is_some() {
                return Err(Error::ServedFromElsewhere);
            }
            Virtiofsd::find()?.serve_root(Path::new("/"))?;
        }
        let mut stage = self.progress.stage("image");
        let mut boot = self
            .boot_cache()?
            .prepare(podman, image, arch, transport, &mut *stage)
            .map_err(|source| Error::BootFiles {
                image: name.clone(),
                source,
            })?;
        if boot.scratch().is_none() {
            stage.note(&format!(
                "changes below /var stay in the VM's memory, because {}",
                match direct_boot::can_make_scratch() {
                    true => format!("the kernel of image {name} has no ext4"),
                    false => "`mkfs.ext4` is not installed (package e2fsprogs)".to_owned(),
                }
            ));
        }
        if boot.facts.selinux && !boot.has_labels() {
            stage.note(&format!(
                "image {name}: SELinux is permissive, because {}",
                boot.why_no_labels()
            ));
        }
        boot.bound = self.bound_store(found, &boot.facts, &mut *stage)?;
        Ok(boot)
    }

    /// Returns the block image with the images that are bound to an image, out of podman's storage.
    /// The guest can pull the others.
    fn bound_store(
        &self,
        of: &FoundImage,
        facts: &Facts,
        stage: &mut dyn Stage,
    ) -> Result<Option<PathBuf>, Error> {
        let FoundImage { podman, image, .. } = of;
        let choice = BoundChoice {
            images: BoundImages::Stored,
            pull: Pull::Never,
        };
        let found = match bound::search(podman, image, facts, choice, &mut |_| ()) {
            Err(error @ install::Error::BoundFile { .. }) => {
                stage.note(&error.to_string());
                return Ok(None);
            }
            other => other?,
        };
        if !found.missing.is_empty() {
            stage.note(&format!(
                "the VM starts without container images that are bound to image {} and that podman lacks: {}",
                image.reference,
                found.missing.join(", ")
            ));
        }
        if found.images.is_empty() {
            return Ok(None);
        }
        let name = bound::store_name(podman, &found.images);
        let make = |folder: &Path| -> Result<PathBuf, Error> {
            Ok(bound::pack(podman, &found.images, folder)?)
        };
        let store = self.boot_cache()?.other_block(podman, &name, stage, make)?;
        Ok(Some(store))
    }
}
