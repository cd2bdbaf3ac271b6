//! From a VM's spec to the machine that the hypervisor runs.

use std::path::Path;

use super::spec::{Firmware, Source, Spec};
use super::{Nic, Vm, credentials, disks};
use crate::direct_boot;
use crate::guest::boot::{shares, units};
use crate::host::fs::dirs::Dirs;
use crate::hypervisor::{
    self, Boot, Channel, Credential, Devices, Features, FolderServer, Machine, Screen,
    SharedFolder, Shares, VSOCK_SSH_PORT, Vsock, Vsocks,
};
use crate::image::SSHD_ON_VSOCK;

/// Name of the TPM's socket and of its log.
pub(super) const TPM: &str = "tpm";

/// Returns the machine that runs this VM.
///
/// # Errors
/// A file of the VM can't be read, or its credentials are invalid.
pub fn machine_for(
    vm: &Vm,
    dirs: &Dirs,
    features: &Features,
) -> Result<Machine, credentials::Error> {
    let credentials = credentials::credentials(vm, features)?;
    Ok(machine_with(vm, dirs, features, credentials))
}

/// Returns the machine with these credentials.
pub fn machine_with(
    vm: &Vm,
    dirs: &Dirs,
    features: &Features,
    credentials: Vec<Credential>,
) -> Machine {
    let spec = &vm.spec;
    let settings = &spec.settings;
    let runtime = dirs.runtime_of(&spec.id);
    let mut channels = vec![];
    let mut doors = vec![];
    if features.channels {
        for (name, socket) in [
            (units::READY_CHANNEL, "ready"),
            (units::AGENT_CHANNEL, "agent"),
            (units::EVENTS_CHANNEL, "events"),
        ] {
            channels.push(Channel {
                name: name.into(),
                socket: runtime.join(socket),
            });
        }
        doors = (0..units::DOORS)
            .map(|number| Channel {
                name: format!("{}{number}", units::DOOR_CHANNEL),
                socket: runtime.join(format!("door{number}")),
            })
            .collect();
    }
    if settings.journal {
        channels.push(Channel {
            name: units::JOURNAL_CHANNEL.into(),
            socket: runtime.join("journal"),
        });
    }
    Machine {
        name: spec.name.to_string(),
        arch: spec.arch,
        cpus: spec.cpus,
        memory_mib: spec.memory_mib,
        boot: boot(vm),
        disks: disks::always(vm, features),
        channels,
        doors,
        credentials,
        network: settings.nic == Nic::User,
        devices: devices(vm, dirs, features),
        saved: None,
        wakes: false,
        generation_id: true,
        control: runtime.join("qmp"),
        arguments: settings.hypervisor_args.clone(),
    }
}

fn devices(vm: &Vm, dirs: &Dirs, features: &Features) -> Devices {
    let settings = &vm.spec.settings;
    let runtime = dirs.runtime_of(&vm.spec.id);
    let screen = match (settings.gui, &vm.spec.source) {
        (true, _) => Some(Screen::Window),
        (false, Source::Disk { .. } | Source::Import { .. }) => Some(Screen::Hidden),
        // A graphics card only slows a direct boot down.
        (false, Source::Direct { .. }) => None,
    };
    Devices {
        disks: disks::removable(vm),
        // A running VM can get a share, whatever it starts with. The memory costs the same.
        shared_memory: features.shares == Shares::Virtiofsd,
        shares: shared_folders(vm, dirs, features),
        tpm: settings.tpm.then(|| runtime.join(TPM)),
        screen,
        ignition: settings.ignition.then(|| vm.ignition()),
        vsock: vsock(&vm.spec, &runtime, features),
    }
}

/// Returns the way over `AF_VSOCK`, if the guest's sshd listens there and the host supports it.
fn vsock(spec: &Spec, runtime: &Path, features: &Features) -> Option<Vsock> {
    if !spec.sshd || spec.systemd.is_none_or(|version| version < SSHD_ON_VSOCK) {
        return None;
    }
    let is_available = || crate::host::net::vsock::is_available(VSOCK_SSH_PORT);
    match features.vsocks {
        Vsocks::Kernel => is_available().then(|| Vsock::Cid(context_id(&spec.id))),
        Vsocks::Hyperv => is_available().then_some(Vsock::Hyperv(None)),
        Vsocks::Sockets => Some(Vsock::Socket(runtime.join("vsock"))),
        Vsocks::None => None,
    }
}

/// Returns the context ID for a VM's ID. It is as random as the ID, so that two VMs hardly ever
/// have the same. Context IDs below 3 and the last one are reserved (vsock(7)).
fn context_id(id: &str) -> u32 {
    let random = id
        .get(..8)
        .and_then(|digits| u32::from_str_radix(digits, 16).ok())
        .unwrap_or_default();
    random % (u32::MAX - 3) + 3
}

pub(super) fn shared_folders(vm: &Vm, dirs: &Dirs, features: &Features) -> Vec<SharedFolder> {
    let virtiofsd = |tag: &str| FolderServer::Virtiofsd(dirs.runtime_of(&vm.spec.id).join(tag));
    let share = |(index, share): shares::Numbered| {
        let tag = shares::tag(index);
        let server = match features.shares {
            Shares::Virtiofsd => virtiofsd(&tag),
            // `run` refuses shares where the hypervisor supports none.
            Shares::Virtiofs | Shares::NineP | Shares::None => FolderServer::Hypervisor {
                folder: share.source.clone(),
                read_only: share.read_only,
            },
        };
        SharedFolder { tag, server }
    };
    let shares = vm.spec.settings.shares.numbered().map(share);
    let root = vm.spec.shared_root().map(|_| SharedFolder {
        tag: direct_boot::SHARED_ROOT.to_owned(),
        server: virtiofsd(direct_boot::SHARED_ROOT),
    });
    shares.chain(root).collect()
}

fn boot(vm: &Vm) -> Boot {
    match &vm.spec.source {
        Source::Disk { firmware, .. } | Source::Import { firmware, .. } => {
            Boot::Firmware(match firmware {
                Firmware::Bios => hypervisor::Firmware::Bios,
                Firmware::Uefi { code, smm } => hypervisor::Firmware::Uefi {
                    code: code.clone(),
                    vars: vm.variables(),
                    smm: *smm,
                },
                Firmware::BuiltIn => hypervisor::Firmware::BuiltIn {
                    variables: vm.variables(),
                },
            })
        }
        Source::Direct {
            kernel,
            initramfs,
            cmdline,
            ..
        } => Boot::Kernel {
            kernel: kernel.clone(),
            initrd: initramfs.clone(),
            cmdline: cmdline.clone(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::direct_boot::{BootImage, Transport};
    use crate::disk::{ExtraDisk, Import};
    use crate::host::Os;
    use crate::hypervisor::accelerator::Accelerator;
    use crate::hypervisor::{Arch, DiskFormat, golden, qemu};
    use crate::vm::{Settings, create};

    /// Asserts that QEMU gets the golden command line for a VM of this spec.
    fn assert_golden(
        name: &str,
        os: Os,
        version: (u32, u32),
        accelerator: Accelerator,
        spec: Spec,
    ) {
        // Without an sshd no VM has a vsock device, whatever this host supports.
        let spec = Spec {
            sshd: false,
            ..spec
        };
        let program = format!("qemu-system-{}", spec.arch.name()).into();
        let qemu = qemu::Qemu {
            program,
            arch: spec.arch,
            version,
            os,
        };
        let features = spec.hypervisor.features(os);
        let vm = Vm {
            spec,
            folder: "tests/command-lines/vm".into(),
        };
        let folder = |name| Path::new("/podman-bootc").join(name);
        let dirs = Dirs {
            cache: folder("cache"),
            data: folder("data"),
            runtime: folder("run"),
        };
        let machine = machine_for(&vm, &dirs, &features).unwrap();
        golden::assert_launch(name, &qemu::launch(&qemu, &machine, accelerator).unwrap());
    }

    fn disk(firmware: Firmware) -> Source {
        Source::Disk {
            base: Spec::sample().base().unwrap().clone(),
            firmware,
        }
    }

    fn uefi(smm: bool) -> Firmware {
        Firmware::Uefi {
            code: "/usr/share/firmware/code.fd".into(),
            smm,
        }
    }

    fn direct(arch: Arch, transport: Transport) -> Spec {
        let boot = BootImage::sample(transport);
        let source = create::direct_source(&boot, arch, &[]);
        Spec {
            arch,
            source,
            ..Spec::sample()
        }
    }

    fn share(read_only: bool) -> shares::Share {
        shares::Share {
            source: "/home/user/src".into(),
            target: "/mnt/src".into(),
            read_only,
        }
    }

    #[test]
    fn a_vm_with_a_bios_has_its_golden_command_line() {
        let spec = Spec {
            source: disk(Firmware::Bios),
            ..Spec::sample()
        };
        assert_golden("qemu-bios-disk", Os::Linux, (10, 0), Accelerator::Kvm, spec);
    }

    #[test]
    fn a_vm_with_an_old_systemd_has_its_golden_command_line() {
        let mut spec = Spec {
            source: disk(Firmware::Bios),
            systemd: Some(252),
            ..Spec::sample()
        };
        spec.settings.credentials = vec!["app.token".into()];
        assert_golden(
            "qemu-old-systemd",
            Os::Linux,
            (10, 0),
            Accelerator::Tcg,
            spec,
        );
    }

    #[test]
    fn a_vm_with_a_uefi_and_all_devices_has_its_golden_command_line() {
        let mut spec = Spec {
            source: disk(uefi(true)),
            grow_root: true,
            ..Spec::sample()
        };
        spec.settings = Settings {
            shares: vec![share(false), share(true)].into(),
            hostname: Some("web.example".parse().unwrap()),
            credentials: vec!["app.token".into()],
            disks: vec![
                ExtraDisk::New { size: 1 << 30 },
                ExtraDisk::File {
                    file: "/data.raw".into(),
                    format: DiskFormat::Raw,
                    read_only: true,
                },
            ]
            .into(),
            swap: Some(1 << 30),
            tpm: true,
            cloudinit: true,
            ignition: true,
            journal: true,
            gui: true,
            ..Settings::default()
        };
        assert_golden("qemu-uefi-disk", Os::Linux, (10, 0), Accelerator::Kvm, spec);
    }

    #[test]
    fn an_imported_disk_without_a_network_has_its_golden_command_line() {
        let disk = Import {
            file: "/fedora.qcow2".into(),
            format: DiskFormat::Qcow2,
            size: 1,
            file_size: 1,
            modified: jiff::Timestamp::UNIX_EPOCH,
        };
        let source = Source::Import {
            disk,
            firmware: Firmware::Bios,
        };
        let settings = Settings {
            nic: Nic::None,
            ..Settings::default()
        };
        let spec = Spec {
            source,
            settings,
            ..Spec::sample()
        };
        assert_golden(
            "qemu-old-without-network",
            Os::Linux,
            (7, 2),
            Accelerator::Tcg,
            spec,
        );
    }

    #[test]
    fn a_direct_boot_has_its_golden_command_line() {
        for (name, transport) in [
            ("qemu-direct", Transport::Erofs),
            ("qemu-direct-shared-root", Transport::Virtiofs),
        ] {
            let spec = direct(Arch::X86_64, transport);
            assert_golden(name, Os::Linux, (10, 0), Accelerator::Tcg, spec);
        }
    }

    #[test]
    fn arm64_has_its_golden_command_lines() {
        let mut spec = direct(Arch::Aarch64, Transport::Erofs);
        spec.settings.credentials = vec!["app.token".into()];
        assert_golden(
            "qemu-arm64-direct",
            Os::Linux,
            (10, 0),
            Accelerator::Tcg,
            spec,
        );
        let settings = Settings {
            shares: vec![share(true)].into(),
            tpm: true,
            gui: true,
            ..Settings::default()
        };
        let spec = Spec {
            arch: Arch::Aarch64,
            source: disk(uefi(false)),
            settings,
            ..Spec::sample()
        };
        assert_golden(
            "qemu-arm64-macos",
            Os::Macos,
            (10, 0),
            Accelerator::Hvf,
            spec,
        );
    }

    #[test]
    fn qemu_on_windows_has_its_golden_command_line() {
        let spec = Spec {
            source: disk(uefi(false)),
            ..Spec::sample()
        };
        assert_golden(
            "qemu-windows",
            Os::Windows,
            (10, 0),
            Accelerator::Whpx,
            spec,
        );
    }

    #[test]
    fn context_ids_are_never_reserved_ones() {
        for (id, cid) in [
            ("000000000000", 3),
            ("00000001ffff", 4),
            ("fffffffb0000", u32::MAX - 1),
            ("fffffffc0000", 3),
            ("ffffffff0000", 6),
        ] {
            assert_eq!(context_id(id), cid, "{id}");
        }
    }
}
