//! From a VM's spec to the machine that the hypervisor runs.

use std::path::PathBuf;

use super::Vm;
use super::spec::{Firmware, Source};
use crate::direct::{self, Roots, Share};
use crate::guest::credentials;
use crate::guest::keys;
use crate::guest::shares;
use crate::host;
use crate::host::dirs::Dirs;
use crate::hypervisor::helper::Serves;
use crate::hypervisor::virtiofsd::{self, Owner, Virtiofsd};
use crate::hypervisor::{
    self, Boot, Channel, Devices, Disk, DiskFormat, Features, FolderServer, Helper, Launch, Machine,
    SharedFolder, Shares,
};
use crate::image::{self, Podman};

/// Serial of the disk that a VM boots from.
const DISK_SERIAL: &str = "disk";

/// The machine of this VM.
///
/// # Errors
/// Its public key can't be read.
pub fn of(vm: &Vm, dirs: &Dirs, features: &Features) -> Result<Machine, keys::Error> {
    let spec = &vm.spec;
    let runtime = dirs.runtime_of(&spec.id);
    let mut credentials = vec![];
    // Else the key is on the disk, and the guest is asked for the rest when it is up.
    if features.credentials() {
        credentials.push(credentials::authorized_key(&spec.user, &spec.home, &vm.keys().public_line()?));
        credentials.extend(shares::credentials(&spec.settings.shares, features.shares));
        if spec.grow_root {
            credentials.extend(credentials::grow_root());
        }
    }
    let mut channels = vec![];
    if features.channels {
        credentials.extend(credentials::ready_signal());
        channels.push(Channel { name: credentials::READY_CHANNEL.into(), socket: runtime.join("ready") });
    }
    Ok(Machine {
        name: spec.name.to_string(),
        arch: spec.arch,
        cpus: spec.cpus,
        memory_mib: spec.memory_mib,
        boot: boot(vm),
        disks: disks(vm, features),
        channels,
        credentials,
        network: true,
        devices: Devices { shares: shared_folders(vm, dirs, features) },
        control: runtime.join("qmp"),
    })
}

fn shared_folders(vm: &Vm, dirs: &Dirs, features: &Features) -> Vec<SharedFolder> {
    let served_by_us = |tag: &str| FolderServer::Virtiofsd(dirs.runtime_of(&vm.spec.id).join(tag));
    let share = |(index, share): (usize, &shares::Share)| {
        let tag = shares::tag(index);
        let server = match features.shares {
            Shares::Virtiofsd => served_by_us(&tag),
            // One without shares was never given any.
            Shares::Virtiofs | Shares::NineP | Shares::None => {
                FolderServer::Hypervisor { folder: share.source.clone(), read_only: share.read_only }
            }
        };
        SharedFolder { tag, server }
    };
    let shares = vm.spec.settings.shares.iter().enumerate().map(share);
    let root = vm.spec.shared_root().map(|_| SharedFolder {
        tag: direct::SHARED_ROOT.to_owned(),
        server: served_by_us(direct::SHARED_ROOT),
    });
    shares.chain(root).collect()
}

/// The processes that back the machine's devices.
///
/// # Errors
/// A program is missing, or can't do what is asked.
pub fn helpers(vm: &Vm, dirs: &Dirs, features: &Features) -> Result<Vec<Helper>, HelperError> {
    let folders: Vec<(String, PathBuf)> = shared_folders(vm, dirs, features)
        .into_iter()
        .filter_map(|folder| match folder.server {
            FolderServer::Virtiofsd(socket) => Some((folder.tag, socket)),
            FolderServer::Hypervisor { .. } => None,
        })
        .collect();
    if folders.is_empty() {
        return Ok(vec![]);
    }
    let virtiofsd = Virtiofsd::find()?;
    let shares = &vm.spec.settings.shares;
    let (user, group) = host::owner();
    let helper = |(share, (tag, socket)): (&shares::Share, (String, PathBuf))| {
        Ok::<_, HelperError>(Helper {
            name: format!("the share of {} (virtiofsd)", share.source.display()),
            launch: virtiofsd.launch(&share.source, share.read_only, Owner { user, group })?,
            serves: Serves::Given(socket),
            log: vm.helper_log(&tag),
        })
    };
    let root = vm.spec.shared_root().zip(folders.last().cloned());
    let mut helpers = shares.iter().zip(folders).map(helper).collect::<Result<Vec<_>, _>>()?;
    if let Some((image, (tag, socket))) = root {
        let share = Share {
            image: image.id.clone(),
            folder: root_folder(vm, dirs),
            mark: Roots::open(&dirs.roots())?.shares().join(&vm.spec.id),
        };
        let command = share.command(&Podman::find()?, &virtiofsd.serve_root(&share.folder)?)?;
        let args = command.get_args().map(ToOwned::to_owned).collect();
        let launch = Launch { program: command.get_program().into(), args };
        let name = format!("the root of image {} (virtiofsd)", image.reference);
        helpers.push(Helper { name, launch, serves: Serves::Given(socket), log: vm.helper_log(&tag) });
    }
    Ok(helpers)
}

/// Where the process that serves an image's root has it mounted.
pub fn root_folder(vm: &Vm, dirs: &Dirs) -> PathBuf {
    dirs.runtime_of(&vm.spec.id).join("root")
}

/// The processes that back a machine's devices can't be had.
#[derive(Debug, thiserror::Error)]
pub enum HelperError {
    /// virtiofsd is missing, or too old.
    #[error(transparent)]
    Virtiofsd(#[from] virtiofsd::Error),
    /// The image's root can't be served.
    #[error(transparent)]
    Root(#[from] direct::Error),
    /// There is no podman.
    #[error(transparent)]
    Image(#[from] image::Error),
}

fn boot(vm: &Vm) -> Boot {
    match &vm.spec.source {
        Source::Disk { firmware, .. } | Source::Import { firmware, .. } => Boot::Firmware(match firmware {
            Firmware::Bios => hypervisor::Firmware::Bios,
            Firmware::Uefi { code } => {
                hypervisor::Firmware::Uefi { code: code.clone(), vars: vm.variables() }
            }
            Firmware::Own => hypervisor::Firmware::Own { variables: vm.variables() },
        }),
        Source::Direct { kernel, initramfs, cmdline, .. } => {
            Boot::Kernel { kernel: kernel.clone(), initrd: initramfs.clone(), cmdline: cmdline.clone() }
        }
    }
}

fn disks(vm: &Vm, features: &Features) -> Vec<Disk> {
    match &vm.spec.source {
        Source::Disk { .. } | Source::Import { .. } => vec![Disk {
            file: vm.overlay(),
            format: features.disk,
            serial: DISK_SERIAL.into(),
            read_only: false,
            durable: true,
        }],
        Source::Direct { roots, .. } => roots
            .iter()
            .map(|(serial, file)| Disk {
                file: file.clone(),
                format: DiskFormat::Raw,
                serial: serial.clone(),
                read_only: true,
                durable: true,
            })
            .collect(),
    }
}
