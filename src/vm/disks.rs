//! The disks of a VM's machine.

use std::path::Path;

use super::Vm;
use super::spec::Source;
use crate::direct_boot::SCRATCH_SERIAL;
use crate::disk::ExtraDisk;
use crate::hypervisor::{Base, Disk, DiskFormat, Features};

/// Serial of the boot disk.
pub const DISK_SERIAL: &str = "disk";
/// Prefix of the serials of the user's other disks: `extra0`, `extra1`, and so on.
const EXTRA_SERIAL: &str = "extra";
/// Serial of the disk for cloud-init, which finds the disk by its label.
pub const SEED_SERIAL: &str = "cidata";
/// Serial of the swap disk, which the guest's unit names.
const SWAP_SERIAL: &str = "swap";

fn disk(file: &Path, format: DiskFormat, serial: &str, read_only: bool) -> Disk {
    Disk {
        file: file.to_owned(),
        format,
        serial: serial.to_owned(),
        read_only,
        durable: true,
        fresh_over: None,
    }
}

/// Returns the user's disks beside the boot disk, which can go while the machine runs.
pub fn removable(vm: &Vm) -> Vec<Disk> {
    let extra = |(number, extra): (usize, &ExtraDisk)| {
        let own = vm.extra_disk(number);
        let (file, format, read_only) = match extra {
            ExtraDisk::New { .. } => (&own, DiskFormat::Qcow2, false),
            #[rustfmt::skip]
            ExtraDisk::File { file, format, read_only } => (file, *format, *read_only),
        };
        disk(file, format, &extra_serial(number), read_only)
    };
    vm.spec.settings.disks.numbered().map(extra).collect()
}

/// Returns the serial of the user's disk with this number.
pub fn extra_serial(number: usize) -> String {
    format!("{EXTRA_SERIAL}{number}")
}

/// Returns the disks with the block images that a VM's running machine may have.
pub fn roots(vm: &Vm) -> impl Iterator<Item = Disk> {
    let roots = vm.spec.machine_roots().iter();
    roots.map(|(serial, file)| disk(file, DiskFormat::Raw, serial, true))
}

/// Returns the disks that a VM's machine always has.
pub fn always(vm: &Vm, features: &Features) -> Vec<Disk> {
    let mut disks = match &vm.spec.source {
        Source::Disk { .. } | Source::Import { .. } => {
            vec![disk(&vm.overlay(), features.disk, DISK_SERIAL, false)]
        }
        Source::Direct { roots, scratch, .. } => {
            let roots = roots
                .iter()
                .map(|(serial, file)| disk(file, DiskFormat::Raw, serial, true));
            let scratch = scratch.iter().map(|base| Disk {
                durable: false,
                fresh_over: Some(Base {
                    file: base.clone(),
                    format: DiskFormat::Raw,
                    size: None,
                    linked: false,
                }),
                ..disk(&vm.overlay(), features.disk, SCRATCH_SERIAL, false)
            });
            roots.chain(scratch).collect()
        }
    };
    if vm.spec.settings.cloudinit {
        disks.push(disk(&vm.seed(), DiskFormat::Raw, SEED_SERIAL, true));
    }
    if vm.spec.settings.swap.is_some() {
        disks.push(Disk {
            // No boot reads what an earlier one wrote.
            durable: false,
            ..disk(&vm.swap(), DiskFormat::Qcow2, SWAP_SERIAL, false)
        });
    }
    disks
}
