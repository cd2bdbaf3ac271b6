//! From a VM's spec to the machine that the hypervisor runs.

use super::Vm;
use super::spec::{Firmware, Source};
use crate::guest::credentials;
use crate::guest::keys;
use crate::host::dirs::Dirs;
use crate::hypervisor::{self, Boot, Channel, Disk, DiskFormat, Machine};

/// Serial of the disk that a VM boots from.
const DISK_SERIAL: &str = "disk";

/// The machine of this VM.
///
/// # Errors
/// Its public key can't be read.
pub fn of(vm: &Vm, dirs: &Dirs) -> Result<Machine, keys::Error> {
    let spec = &vm.spec;
    let runtime = dirs.runtime_of(&spec.id);
    let mut credentials =
        vec![credentials::authorized_key(&spec.user, &spec.home, &vm.keys().public_line()?)];
    credentials.extend(credentials::ready_signal());
    if spec.grow_root {
        credentials.extend(credentials::grow_root());
    }
    Ok(Machine {
        name: spec.name.to_string(),
        arch: spec.arch,
        cpus: spec.cpus,
        memory_mib: spec.memory_mib,
        boot: boot(vm),
        disks: disks(vm),
        channels: vec![Channel { name: credentials::READY_CHANNEL.into(), socket: runtime.join("ready") }],
        credentials,
        network: true,
        control: runtime.join("qmp"),
    })
}

fn boot(vm: &Vm) -> Boot {
    match &vm.spec.source {
        Source::Disk { firmware, .. } | Source::Import { firmware, .. } => Boot::Firmware(match firmware {
            Firmware::Bios => hypervisor::Firmware::Bios,
            Firmware::Uefi { code } => {
                hypervisor::Firmware::Uefi { code: code.clone(), vars: vm.variables() }
            }
        }),
        Source::Direct { kernel, initramfs, cmdline, .. } => {
            Boot::Kernel { kernel: kernel.clone(), initrd: initramfs.clone(), cmdline: cmdline.clone() }
        }
    }
}

fn disks(vm: &Vm) -> Vec<Disk> {
    match &vm.spec.source {
        Source::Disk { .. } | Source::Import { .. } => vec![Disk {
            file: vm.overlay(),
            format: DiskFormat::Qcow2,
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
