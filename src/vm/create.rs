//! Creates VMs: a folder with a spec, keys, an overlay and UEFI variables.

use std::fs::File;
use std::io;
use std::path::Path;

use super::spec::{self, Firmware, Source, Spec};
use super::store::{Creating, Reservation};
use super::{Error, Name, Nic, Settings, UserFiles, Vm, credentials, hardware};
use crate::direct_boot::BootImage;
use crate::disk::{self, BaseDisk, Import, ImportError};
use crate::guest::ssh::keys::Keys;
use crate::host::fs::dirs::Dirs;
use crate::host::fs::file;
use crate::host::process::interrupt;
use crate::host::{Os, fault};
use crate::hypervisor::qemu::firmware;
use crate::hypervisor::{Arch, DiskFormat, Kind, Machine, accelerator};
use crate::image::{Facts, Image, KEY_CREDENTIAL, UNIT_CREDENTIALS};

/// The user's choices for a new VM.
#[derive(Debug, Clone)]
pub struct NewVm {
    pub cpus: u32,
    pub memory_mib: u64,
    /// Bytes. Without it, the overlay has the size of the disk below it.
    pub disk_size: Option<u64>,
    pub hypervisor: Kind,
    pub accelerator: accelerator::Choice,
    /// The user to log in as.
    pub user: String,
    /// Remove the VM when it ends.
    pub remove: bool,
    pub firmware: firmware::Choice,
    /// The architecture of an imported disk, if it differs from the host's.
    pub arch: Option<Arch>,
    /// The part that is in `vm.json`.
    pub settings: Settings,
    /// The part that is in files beside it.
    pub files: UserFiles,
}

/// The disk or image below a new VM.
#[derive(Debug, Clone, Copy)]
pub enum Origin<'a> {
    Disk(&'a BaseDisk),
    Import(&'a Import),
    /// A direct boot of an image, with these kernel arguments added.
    Direct(&'a Image, &'a BootImage, &'a [String]),
}

impl Origin<'_> {
    fn image(&self) -> Option<&Image> {
        match self {
            Self::Disk(disk) => Some(&disk.image),
            Self::Import(_) => None,
            Self::Direct(image, ..) => Some(image),
        }
    }

    fn facts(&self) -> Option<&Facts> {
        match self {
            Self::Disk(disk) => Some(&disk.facts),
            Self::Import(_) => None,
            Self::Direct(_, boot, _) => Some(&boot.facts),
        }
    }

    fn arch(&self) -> Arch {
        let host = Arch::host().unwrap_or(Arch::X86_64);
        self.image()
            .and_then(|image| Arch::from_oci(&image.architecture))
            .unwrap_or(host)
    }

    /// Returns the overlay's size, if it must be larger than the disk below it.
    fn larger_size(&self, wanted: Option<u64>) -> Result<Option<u64>, ImportError> {
        let size = match self {
            Self::Disk(disk) => disk.options.disk_size,
            Self::Import(import) => import.size,
            Self::Direct(..) => return Ok(None),
        };
        match (self, wanted) {
            (Self::Import(import), Some(wanted)) if wanted < size => Err(ImportError::TooLarge {
                path: import.file.clone(),
                size,
                wanted,
            }),
            _ => Ok(wanted.filter(|wanted| *wanted > size)),
        }
    }

    fn home_of(&self, new: &NewVm) -> Result<Option<String>, Error> {
        match (self.image(), self.facts()) {
            (Some(image), Some(facts)) => home_of(image, facts, &new.user, &new.settings),
            // Nothing is known of an imported disk. These are the usual folders.
            _ if new.user == "root" => Ok(Some("/root".into())),
            _ => Ok(Some(format!("/home/{}", new.user))),
        }
    }
}

/// Returns the source of a VM that boots an image directly.
pub fn direct_source(boot: &BootImage, arch: Arch, kargs: &[String]) -> Source {
    Source::Direct {
        kernel: boot.kernel(),
        initramfs: boot.initramfs(),
        cmdline: [&[boot.cmdline(arch, None)], kargs].concat().join(" "),
        roots: boot
            .disks()
            .map(|(serial, file)| (serial, file.to_owned()))
            .collect(),
        scratch: boot.scratch(),
        kargs: kargs.to_vec(),
        replaced: None,
    }
}

/// Gives a VM that boots directly another image, and keeps the user's choices.
///
/// # Errors
/// The image has no such user, or its systemd is too old for the settings.
pub fn set_image(spec: &mut Spec, image: &Image, boot: &BootImage) -> Result<(), Error> {
    let facts = &boot.facts;
    let (name, settings) = (&image.reference, &spec.settings);
    check_systemd(name, facts.systemd, spec.hypervisor, settings, false)?;
    spec.home = home_of(image, facts, &spec.user, settings)?;
    spec.owner = facts.owners.get(&spec.user).copied();
    (spec.sshd, spec.systemd) = (facts.sshd, facts.systemd);
    spec.image = Some(image.clone());
    let kargs = match &spec.source {
        Source::Direct { kargs, .. } => kargs.clone(),
        Source::Disk { .. } | Source::Import { .. } => vec![],
    };
    spec.source = direct_source(boot, spec.arch, &kargs);
    Ok(())
}

/// Copies what [`set_image`] has set from another spec of the same VM.
pub fn copy_image(spec: &mut Spec, from: &Spec) {
    spec.home.clone_from(&from.home);
    spec.owner = from.owner;
    (spec.sshd, spec.systemd) = (from.sshd, from.systemd);
    spec.image.clone_from(&from.image);
    spec.source.clone_from(&from.source);
}

/// Checks before an install that the image and the choices fit each other.
///
/// # Errors
/// The image has no such user, or its systemd is too old.
pub fn check(image: &Image, facts: &Facts, new: &NewVm) -> Result<(), Error> {
    home_of(image, facts, &new.user, &new.settings)?;
    check_systemd(
        &image.reference,
        facts.systemd,
        new.hypervisor,
        &new.settings,
        true,
    )
}

/// Returns the home of the VM's user; none if the boot makes the user, and only the guest knows it.
///
/// # Errors
/// The image has no such user.
pub fn home_of(
    image: &Image,
    facts: &Facts,
    user: &str,
    settings: &Settings,
) -> Result<Option<String>, Error> {
    if let Some(home) = facts.homes.get(user) {
        // Users without a home of their own have the root folder, which gets no keys.
        return Ok(Some(home.clone()).filter(|home| home != "/"));
    }
    let makes_users = |name: &String| name == "sysusers.extra" || name.starts_with("userdb.");
    if settings.cloudinit || settings.ignition || settings.credentials.iter().any(makes_users) {
        return Ok(None);
    }
    let is_login = |home: &str| home.starts_with("/home/") || home.starts_with("/var/home/");
    let logins = facts
        .homes
        .iter()
        .filter(|(name, home)| *name == "root" || is_login(home));
    Err(Error::NoUser {
        image: image.reference.clone(),
        user: user.to_owned(),
        known: logins
            .map(|(name, _)| name.as_str())
            .collect::<Vec<_>>()
            .join(", "),
    })
}

/// A VM as it would be made.
#[derive(Debug)]
pub struct Planned {
    pub spec: Spec,
    uefi: Option<firmware::Uefi>,
}

/// Returns the VM that these choices make, with a new ID. Makes nothing.
///
/// # Errors
/// The image has no such user, the disk can't have this size, or the host lacks the firmware.
pub fn plan(name: &Name, origin: Origin, new: &NewVm) -> Result<Planned, Error> {
    let arch = new.arch.unwrap_or_else(|| origin.arch());
    let features = new.hypervisor.features(Os::current());
    let uefi = match origin {
        Origin::Disk(_) | Origin::Import(_) if features.host_firmware => {
            firmware::choose(new.firmware, arch)?
        }
        Origin::Disk(_) | Origin::Import(_) | Origin::Direct(..) => None,
    };
    let firmware = match &uefi {
        Some(uefi) => Firmware::Uefi {
            code: uefi.code.clone(),
            smm: uefi.smm,
        },
        None if features.host_firmware => Firmware::Bios,
        None => Firmware::BuiltIn,
    };
    let source = match origin {
        Origin::Disk(disk) => Source::Disk {
            base: disk.key.clone(),
            firmware,
        },
        Origin::Import(import) => Source::Import {
            disk: import.clone(),
            firmware,
        },
        Origin::Direct(_, boot, kargs) => direct_source(boot, arch, kargs),
    };
    let disk_size = origin.larger_size(new.disk_size)?;
    // A root filesystem keeps a size that the user chose.
    let root_grows = !matches!(origin, Origin::Disk(disk) if disk.options.root_size.is_some());
    let spec = Spec {
        version: spec::VERSION,
        name: name.clone(),
        id: crate::host::random::new_id(),
        created: jiff::Timestamp::now(),
        image: origin.image().cloned(),
        source,
        disk_size,
        grow_root: disk_size.is_some() && root_grows && features.credentials(),
        arch,
        cpus: new.cpus,
        memory_mib: new.memory_mib,
        hypervisor: new.hypervisor,
        accelerator: new.accelerator,
        home: origin.home_of(new)?,
        owner: origin
            .facts()
            .and_then(|facts| facts.owners.get(&new.user).copied()),
        user: new.user.clone(),
        sshd: origin.facts().is_none_or(|facts| facts.sshd),
        systemd: origin.facts().and_then(|facts| facts.systemd),
        remove: new.remove,
        deployed: vec![],
        cloned_from: None,
        settings: new.settings.clone(),
    };
    let is_disk = matches!(origin, Origin::Disk(_));
    check_systemd(
        &spec.origin(),
        spec.systemd,
        new.hypervisor,
        &new.settings,
        is_disk,
    )?;
    Ok(Planned { spec, uefi })
}

/// Returns the machine of a VM that was only planned.
///
/// # Errors
/// The user's credentials clash with the tool's own, or are too large.
pub fn planned_machine(vm: &Vm, dirs: &Dirs, new: &NewVm) -> Result<Machine, Error> {
    let features = vm.features();
    let credentials = credentials::planned_credentials(vm, &features, &new.files.credentials)?;
    Ok(hardware::machine_with(vm, dirs, &features, credentials))
}

/// Creates a VM under the reserved name. Where the hypervisor can't hand over a key at boot, the VM
/// gets `host_keys`.
///
/// # Errors
/// The image has no such user, the disk can't have this size, or a file can't be created.
pub fn create(
    reservation: Reservation,
    origin: Origin,
    new: &NewVm,
    host_keys: &Keys,
) -> Result<(Vm, Creating), Error> {
    let features = new.hypervisor.features(Os::current());
    let Planned { spec, uefi } = plan(&reservation.name, origin, new)?;
    let disk_size = spec.disk_size;
    // The last chance: from here on, the VM is created.
    interrupt::check()?;
    let vm = reservation.vm(spec);
    if features.credentials() {
        vm.keys().create()?;
    } else {
        vm.keys().copy(host_keys)?;
    }
    vm.keys().ensure_door_key(&vm.spec.name.to_string())?;
    fault::point("vm-keys");
    new.files.write(&vm)?;
    credentials::credentials(&vm, &features)?;
    let below = match origin {
        Origin::Disk(disk) => Some((&disk.file, DiskFormat::Raw)),
        Origin::Import(import) => Some((&import.file, import.format)),
        Origin::Direct(..) => None,
    };
    if let Some((file, format)) = below {
        let overlay = vm.overlay();
        match features.disk {
            DiskFormat::Qcow2 => disk::create_overlay(file, format, &overlay, disk_size)?,
            copied => disk::create_copy(file, format, &overlay, copied, disk_size)?,
        }
        if let Some(uefi) = uefi {
            copy_private(&uefi.vars_template, &vm.variables())?;
        }
    }
    fault::point("vm-files");
    let created = reservation.commit(vm.spec)?;
    fault::point("vm-made");
    Ok(created)
}

/// Makes sure that the image's systemd accepts our key, and the units that the settings need.
/// Nothing else brings the key onto a disk. A direct boot has units of its own.
fn check_systemd(
    origin: &str,
    systemd: Option<u32>,
    hypervisor: Kind,
    settings: &Settings,
    is_disk: bool,
) -> Result<(), Error> {
    let Some(version) = systemd.filter(|version| *version < UNIT_CREDENTIALS) else {
        return Ok(());
    };
    let takes_key = version >= KEY_CREDENTIAL
        || !hypervisor.features(Os::current()).credentials()
        || settings.cloudinit
        || settings.ignition;
    if is_disk && !takes_key {
        return Err(Error::NoKeyAtBoot {
            image: origin.to_owned(),
            version,
        });
    }
    let without_network = settings.nic == Nic::None && is_disk;
    let flags = [
        (without_network, KEY_CREDENTIAL, "--nic none"),
        (settings.journal, UNIT_CREDENTIALS, "--journal"),
        (settings.swap.is_some(), UNIT_CREDENTIALS, "--swap"),
    ];
    let is_missing = |(given, needs, _): &_| *given && version < *needs;
    let Some((_, needs, flag)) = flags.into_iter().find(is_missing) else {
        return Ok(());
    };
    Err(Error::OldSystemd {
        origin: origin.to_owned(),
        version,
        flag,
        needs,
    })
}

fn copy_private(from: &Path, to: &Path) -> Result<(), Error> {
    let copy = || io::copy(&mut File::open(from)?, &mut file::create_private(to)?).map(drop);
    copy().map_err(|source| Error::Io {
        path: from.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_imported_disk_can_grow_and_not_shrink() {
        let import = Import {
            file: "/x.qcow2".into(),
            format: DiskFormat::Qcow2,
            size: 10 << 30,
            file_size: 5,
            modified: jiff::Timestamp::UNIX_EPOCH,
        };
        let origin = Origin::Import(&import);
        assert_eq!(origin.larger_size(None).unwrap(), None);
        assert_eq!(origin.larger_size(Some(10 << 30)).unwrap(), None);
        assert_eq!(origin.larger_size(Some(11 << 30)).unwrap(), Some(11 << 30));
        let error = origin.larger_size(Some(5 << 30)).unwrap_err().to_string();
        assert!(
            error.contains("10.0 GiB") && error.contains("5.0 GiB"),
            "{error}"
        );
        let home = origin.home_of(&new("core")).unwrap();
        assert_eq!(home.as_deref(), Some("/home/core"));
    }

    fn new(user: &str) -> NewVm {
        NewVm {
            cpus: 1,
            memory_mib: 512,
            disk_size: None,
            hypervisor: Kind::Qemu,
            accelerator: accelerator::Choice::Auto,
            user: user.into(),
            remove: false,
            firmware: firmware::Choice::default(),
            arch: None,
            settings: Settings::default(),
            files: UserFiles::default(),
        }
    }

    #[test]
    fn a_user_may_be_made_at_boot() {
        let image = Image::sample();
        let mut facts = Facts::default();
        for (user, home) in [("root", "/root"), ("dev", "/var/home/dev"), ("web", "/")] {
            facts.homes.insert(user.into(), home.into());
        }
        let home = |user: &str, change: fn(&mut Settings)| {
            let mut new = new(user);
            change(&mut new.settings);
            home_of(&image, &facts, user, &new.settings).map_err(|error| error.to_string())
        };
        assert_eq!(home("dev", |_| {}), Ok(Some("/var/home/dev".into())));
        assert_eq!(
            home("web", |_| {}),
            Ok(None),
            "the root folder gets no keys"
        );
        let error = home("alice", |_| {}).unwrap_err();
        assert!(
            error.contains("dev, root") && error.contains("--cloudinit"),
            "{error}"
        );
        assert_eq!(home("alice", |s| s.cloudinit = true), Ok(None));
        assert_eq!(home("alice", |s| s.ignition = true), Ok(None));
        let credential = |s: &mut Settings| s.credentials = vec!["sysusers.extra".into()];
        assert_eq!(home("alice", credential), Ok(None));
    }

    #[test]
    fn an_old_systemd_is_told_before_the_install() {
        let check = |version, is_disk, change: fn(&mut NewVm)| {
            let mut new = new("root");
            change(&mut new);
            check_systemd("x", version, new.hypervisor, &new.settings, is_disk)
                .err()
                .map(|error| error.to_string())
        };
        let told = check(Some(249), true, |_| {}).unwrap();
        assert!(
            told.contains("systemd 249") && told.contains("252"),
            "{told}"
        );
        for (version, is_disk) in [(None, true), (Some(252), true), (Some(249), false)] {
            assert_eq!(check(version, is_disk, |_| {}), None, "{version:?}");
        }
        assert_eq!(
            check(Some(249), true, |new| new.settings.cloudinit = true),
            None
        );
        assert_eq!(
            check(Some(249), true, |new| new.hypervisor = Kind::Vfkit),
            None
        );
        let told = check(Some(252), true, |new| new.settings.journal = true).unwrap();
        assert!(told.contains("--journal") && told.contains("256"), "{told}");
        let without_network = |new: &mut NewVm| {
            (new.settings.nic, new.settings.cloudinit) = (Nic::None, true);
        };
        let told = check(Some(251), true, without_network).unwrap();
        assert!(
            told.contains("--nic none") && told.contains("252"),
            "{told}"
        );
        for (version, is_disk) in [(252, true), (251, false)] {
            assert_eq!(check(Some(version), is_disk, without_network), None);
        }
        let swap = |new: &mut NewVm| new.settings.swap = Some(1 << 30);
        let told = check(Some(252), false, swap).unwrap();
        assert!(told.contains("--swap") && told.contains("256"), "{told}");
        assert_eq!(check(Some(256), false, swap), None);
    }
}
