//! From a guest to the objects of a cluster.
//! <https://kubevirt.io/api-reference/main/definitions.html>

use serde_json::{Value, json};

use super::labels::labels;
use super::objects::{
    key_secret, key_secret_name, metadata, seed_secret, seed_secret_name, service,
};
use super::{Boot, Guest};
use crate::disk::ExtraDisk;
use crate::hypervisor::Arch;
use crate::hypervisor::qemu::firmware;
use crate::vm::disks::{DISK_SERIAL, SEED_SERIAL, extra_serial};

/// The place of the files in the image with the kernel.
pub const KERNEL: &str = "boot/vmlinuz";
pub const INITRAMFS: &str = "boot/initramfs";
/// A guest that shuts down in this time loses nothing. Seconds.
const GRACE: u32 = 120;

/// Returns the objects of a guest, in the order in which a cluster needs them.
pub fn objects(guest: &Guest) -> Vec<Value> {
    let mut objects = vec![key_secret(guest)];
    objects.extend(guest.seed.as_ref().map(|seed| seed_secret(guest, seed)));
    if !guest.settings.ports.is_empty() {
        objects.push(service(guest));
    }
    objects.push(virtual_machine(guest));
    objects
}

fn virtual_machine(guest: &Guest) -> Value {
    let mut metadata = metadata(guest, guest.name.as_str());
    metadata["annotations"] = json!({ "podman-bootc/image": guest.origin });
    let blank = blank_disks(guest);
    let mut spec = json!({
        // A guest that powers itself off stays off.
        "runStrategy": "RerunOnFailure",
        "template": {
            "metadata": { "labels": labels(guest) },
            "spec": instance(guest),
        },
    });
    if !blank.is_empty() {
        spec["dataVolumeTemplates"] = blank.into();
    }
    json!({
        "apiVersion": "kubevirt.io/v1",
        "kind": "VirtualMachine",
        "metadata": metadata,
        "spec": spec,
    })
}

fn instance(guest: &Guest) -> Value {
    let disks = disks(guest);
    let devices: Vec<&Value> = disks.iter().map(|disk| &disk.device).collect();
    let volumes: Vec<&Value> = disks.iter().map(|disk| &disk.volume).collect();
    let (settings, is_direct) = (&guest.settings, matches!(guest.boot, Boot::Direct { .. }));
    let mut spec = json!({
        "architecture": guest.arch.oci_name(),
        "domain": {
            "cpu": { "cores": guest.cpus },
            "memory": { "guest": format!("{}Mi", guest.memory_mib) },
            "machine": { "type": match guest.arch {
                Arch::X86_64 => "q35",
                Arch::Aarch64 => "virt",
            } },
            "firmware": firmware(&guest.boot),
            "devices": {
                "disks": devices,
                "interfaces": [{ "name": "default", "masquerade": {} }],
                "rng": {},
                "autoattachSerialConsole": true,
                "logSerialConsole": true,
                // As `run` has it: a direct boot needs no screen.
                "autoattachGraphicsDevice": settings.gui || !is_direct,
            },
        },
        "networks": [{ "name": "default", "pod": {} }],
        "volumes": volumes,
        "terminationGracePeriodSeconds": GRACE,
        "accessCredentials": [{ "sshPublicKey": {
            "source": { "secret": { "secretName": key_secret_name(guest) } },
            "propagationMethod": match guest.seed {
                Some(_) => json!({ "noCloud": {} }),
                // For an image with the agent. Others have the key already.
                None => json!({ "qemuGuestAgent": { "users": [guest.user] } }),
            },
        } }],
    });
    if guest.sshd {
        spec["readinessProbe"] = json!({
            "tcpSocket": { "port": 22 },
            "initialDelaySeconds": 5,
            "periodSeconds": 5,
            "timeoutSeconds": 3,
        });
    }
    if settings.tpm {
        spec["domain"]["devices"]["tpm"] = json!({});
    }
    if is_secure(&guest.boot) {
        // Without it the guest could write other keys into the variables.
        spec["domain"]["features"] = json!({ "smm": { "enabled": true } });
    }
    // A direct boot may have a longer one on its command line.
    let label = settings.hostname.as_ref().map(ToString::to_string);
    if let Some(label) = label.and_then(|name| Some(name.split('.').next()?.to_lowercase())) {
        spec["hostname"] = label.into();
    }
    spec
}

fn is_secure(boot: &Boot) -> bool {
    let secure = firmware::Choice::Secure;
    matches!(boot, Boot::Disk { firmware, .. } if *firmware == secure)
}

fn firmware(boot: &Boot) -> Value {
    match boot {
        Boot::Disk { firmware, .. } => json!({ "bootloader": match firmware {
            firmware::Choice::Bios => json!({ "bios": { "useSerial": true } }),
            firmware::Choice::Auto | firmware::Choice::Uefi => {
                json!({ "efi": { "secureBoot": false } })
            }
            firmware::Choice::Secure => json!({ "efi": { "secureBoot": true } }),
        } }),
        Boot::Direct {
            kernel,
            kernel_args,
            ..
        } => json!({ "kernelBoot": {
            "kernelArgs": kernel_args,
            "container": {
                "image": kernel,
                "kernelPath": format!("/{KERNEL}"),
                "initrdPath": format!("/{INITRAMFS}"),
            },
        } }),
    }
}

/// A disk: its device and its content.
struct Disk {
    device: Value,
    volume: Value,
}

impl Disk {
    /// The guest finds the disk by its serial, which is also its name here.
    fn new(serial: &str, read_only: bool, source: (&str, Value)) -> Self {
        let mut disk = json!({ "bus": "virtio" });
        if read_only {
            disk["readonly"] = true.into();
        }
        let (kind, content) = source;
        Self {
            device: json!({ "name": serial, "serial": serial, "disk": disk }),
            volume: json!({ "name": serial, kind: content }),
        }
    }

    fn of_image(serial: &str, read_only: bool, image: &str) -> Self {
        let source = ("containerDisk", json!({ "image": image }));
        Self::new(serial, read_only, source)
    }
}

/// Returns the disks in the order in which the machine has them.
fn disks(guest: &Guest) -> Vec<Disk> {
    let mut disks = match &guest.boot {
        Boot::Disk { disk, .. } => {
            let mut boot = Disk::of_image(DISK_SERIAL, false, disk);
            boot.device["bootOrder"] = 1.into();
            vec![boot]
        }
        Boot::Direct { roots, scratch, .. } => {
            let roots = roots.iter();
            let roots = roots.map(|(serial, image)| Disk::of_image(serial, true, image));
            let serial = crate::direct_boot::SCRATCH_SERIAL;
            let scratch = scratch.iter();
            let scratch = scratch.map(|image| Disk::of_image(serial, false, image));
            roots.chain(scratch).collect()
        }
    };
    if guest.seed.is_some() {
        let secret = json!({ "name": seed_secret_name(guest) });
        let mut source = json!({ "secretRef": secret });
        if let Some(seed) = &guest.seed
            && seed.network_config.is_some()
        {
            source["networkDataSecretRef"] = secret;
        }
        disks.push(Disk::new(SEED_SERIAL, false, ("cloudInitNoCloud", source)));
    }
    for (number, extra) in guest.settings.disks.numbered() {
        let serial = extra_serial(number);
        let image = guest.extra.iter().find(|(of, _)| *of == number);
        disks.push(match (extra, image) {
            (ExtraDisk::File { .. }, Some((_, image))) => Disk::of_image(&serial, true, image),
            _ => {
                let name = json!({ "name": volume_name(guest, number) });
                Disk::new(&serial, false, ("dataVolume", name))
            }
        });
    }
    disks
}

fn volume_name(guest: &Guest, number: usize) -> String {
    format!("{}-{}", guest.name, extra_serial(number))
}

/// Returns templates for the user's empty disks, which last longer than a run of the VM.
fn blank_disks(guest: &Guest) -> Vec<Value> {
    let template = |(number, disk): (usize, &ExtraDisk)| match disk {
        ExtraDisk::New { size } => Some(json!({
            "metadata": { "name": volume_name(guest, number) },
            "spec": {
                "source": { "blank": {} },
                "storage": { "resources": { "requests": { "storage": quantity(*size) } } },
            },
        })),
        ExtraDisk::File { .. } => None,
    };
    guest
        .settings
        .disks
        .numbered()
        .filter_map(template)
        .collect()
}

/// Returns a size in bytes as Kubernetes writes it.
fn quantity(size: u64) -> String {
    for (shift, unit) in [(30, "Gi"), (20, "Mi")] {
        if size.is_multiple_of(1 << shift) {
            return format!("{}{unit}", size >> shift);
        }
    }
    size.to_string()
}
