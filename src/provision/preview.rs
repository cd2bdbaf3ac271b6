//! A look at what `run` would do. It pulls nothing and writes nothing.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{Boot, Error, ImageSource, Provisioner};
use crate::direct_boot::{BootCache, Transport};
use crate::disk::{BaseDisk, Import, InstallOptions, Key};
use crate::host::Os;
use crate::host::fs::path::split_colon;
use crate::hypervisor::Arch;
use crate::image::{
    self, Facts, Image, ImageRequest, Podman, Pull, Service, is_file, without_transport,
};
use crate::install;
use crate::vm::create::{self, NewVm, Origin};
use crate::vm::store::{self, Entry};
use crate::vm::{Name, Vm};

/// The steps of `run`, as far as the host knows them. The field names are stable.
#[derive(Debug, Serialize)]
pub struct Preview {
    /// The image would be pulled.
    pub pull: bool,
    /// The image would be read from its file, or copied from another podman unless an earlier run
    /// has copied it.
    pub copy: bool,
    /// The image in podman's storage. None for an imported disk, and if only a registry or a file
    /// has it.
    pub image: Option<Image>,
    /// The files that boot the VM. None if the image is unknown.
    pub boot: Option<BootFiles>,
    /// The ID of the VM that would be replaced.
    pub replaces: Option<String>,
    #[serde(skip)]
    pub vm: Option<Vm>,
}

/// The files that boot a VM.
#[derive(Debug, Serialize)]
pub struct BootFiles {
    pub kind: BootKind,
    /// The base disk, the kernel, or the disk image.
    pub file: PathBuf,
    /// The files exist. Without them, facts about the image are unknown, and the command line may
    /// differ in what depends on them.
    pub cached: bool,
    /// The options of the install.
    pub install: Option<InstallOptions>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum BootKind {
    BaseDisk,
    DirectBoot,
    DiskImage,
}

impl Provisioner<'_> {
    /// Returns what [`Self::vm_from_image`] would do.
    ///
    /// # Errors
    /// It would fail, as far as that shows without work.
    pub fn preview(
        &self,
        name: Option<Name>,
        source: &ImageSource,
        boot: &Boot,
        new: &NewVm,
    ) -> Result<Preview, Error> {
        let replaces = self.taken_by(&name)?;
        let request = ImageRequest {
            name: &source.name,
            pull: source.pull,
            arch: source.arch.map(Arch::oci_name),
        };
        let unknown = |pull, copy| Preview {
            pull,
            copy,
            image: None,
            boot: None,
            replaces: replaces.clone(),
            vm: None,
        };
        let service = Service::chosen(source.connection.as_deref());
        let is_linux = Os::current() == Os::Linux;
        let copy = is_linux && (is_file(request.name) || service.is_some());
        if let (true, Boot::Direct { transport, .. }) = (copy, boot)
            && *transport == Transport::Virtiofs
        {
            return Err(Error::ServedFromElsewhere);
        }
        if is_file(request.name) {
            if !is_linux {
                return Err(Error::ImageFile);
            }
            check_file(without_transport(request.name).map_err(image::Error::from)?)?;
            return Ok(unknown(false, copy));
        }
        let podman = match service {
            Some(service) if is_linux => Podman::find()?.with_service(service),
            service => Podman::for_images(Os::current(), service)?,
        };
        let here = ImageRequest {
            pull: Pull::Never,
            ..request
        };
        let image = match podman.resolve(&here, || {}) {
            Err(error) if request.may_pull() && error.is_missing() => {
                return Ok(unknown(true, copy));
            }
            found => found?,
        };
        let (spec, boot) = match boot {
            Boot::Disk(choices) => {
                let growable = new.hypervisor.features(Os::current()).credentials();
                let request = choices.request(&image, None, new.hypervisor, growable, source.pull);
                let found = install::cached(&self.dirs.disks(), &podman, &request)?;
                let (cached, options) = (found.is_some(), request.options.clone());
                let disk = found.unwrap_or_else(|| self.expected_disk(&image, &options, new));
                let new = NewVm {
                    disk_size: Some(options.disk_size),
                    ..new.clone()
                };
                let planned = create::plan(&self.some(name), Origin::Disk(&disk), &new)?;
                let boot = BootFiles {
                    kind: BootKind::BaseDisk,
                    file: disk.file,
                    cached,
                    install: Some(options),
                };
                (planned.spec, boot)
            }
            Boot::Direct { transport, kargs } => {
                let looked = BootCache::look(&self.dirs.roots(), &image, *transport);
                let (mut boot, cached) = looked.map_err(Error::BootCache)?;
                if !cached && boot.facts.homes.is_empty() {
                    boot.facts = expected_facts(new);
                }
                let origin = Origin::Direct(&image, &boot, kargs);
                let planned = create::plan(&self.some(name), origin, new)?;
                let boot = BootFiles {
                    kind: BootKind::DirectBoot,
                    file: boot.kernel(),
                    cached,
                    install: None,
                };
                (planned.spec, boot)
            }
        };
        let folder = self.dirs.vms().join(spec.name.as_str());
        Ok(Preview {
            pull: request.pull == Pull::Always && request.may_pull(),
            copy,
            image: Some(image),
            boot: Some(boot),
            replaces,
            vm: Some(Vm { spec, folder }),
        })
    }

    /// Returns what [`Self::vm_on_disk_image`] would do.
    ///
    /// # Errors
    /// The file is not a disk image, or the name is taken.
    pub fn preview_of_disk_image(
        &self,
        name: Option<Name>,
        file: &Path,
        new: &NewVm,
    ) -> Result<Preview, Error> {
        let replaces = self.taken_by(&name)?;
        let import = Import::open(file)?;
        let spec = create::plan(&self.some(name), Origin::Import(&import), new)?.spec;
        let folder = self.dirs.vms().join(spec.name.as_str());
        Ok(Preview {
            pull: false,
            copy: false,
            image: None,
            boot: Some(BootFiles {
                kind: BootKind::DiskImage,
                file: import.file,
                cached: true,
                install: None,
            }),
            replaces,
            vm: Some(Vm { spec, folder }),
        })
    }

    /// Returns the ID of the VM that has the name and would be replaced.
    fn taken_by(&self, name: &Option<Name>) -> Result<Option<String>, Error> {
        let Some(name) = name else {
            return Ok(None);
        };
        match (self.store.entry(name), self.replaced) {
            (None, _) => Ok(None),
            (Some(_), None) => Err(store::Error::Taken(name.clone()).into()),
            (Some(Entry::Creating(name)), Some(_)) => Err(store::Error::Creating(name).into()),
            (Some(entry), Some(_)) => Ok(entry.vm().map(|vm| vm.spec.id)),
        }
    }

    /// Returns the name, or one that `run` could generate.
    fn some(&self, name: Option<Name>) -> Name {
        name.unwrap_or_else(|| Name::generate(crate::host::random::random_u32()))
    }

    fn expected_disk(&self, image: &Image, options: &InstallOptions, new: &NewVm) -> BaseDisk {
        let key = Key::new(image, options);
        BaseDisk {
            file: self.dirs.disks().join(key.to_string()).join("disk.raw"),
            key,
            image: image.clone(),
            options: options.clone(),
            facts: expected_facts(new),
            installed: None,
            created: jiff::Timestamp::now(),
        }
    }
}

/// Makes sure that the file or folder of an image exists. A tag may stand after its path.
fn check_file(name: &str) -> Result<(), Error> {
    let (_, path) = name.split_once(':').unwrap_or(("", name));
    let without_tag = split_colon(path).map_or(path, |(path, _)| path);
    let found = Path::new(path).metadata();
    match found.or_else(|error| Path::new(without_tag).metadata().map_err(|_| error)) {
        Ok(_) => Ok(()),
        Err(source) => Err(Error::NoImageFile {
            name: name.to_owned(),
            source,
        }),
    }
}

/// The facts about an image that no command has read yet: it has an SSH server and the user.
fn expected_facts(new: &NewVm) -> Facts {
    let home = match new.user.as_str() {
        "root" => "/root".to_owned(),
        user => format!("/home/{user}"),
    };
    Facts {
        sshd: true,
        homes: [(new.user.clone(), home)].into(),
        ..Facts::default()
    }
}
