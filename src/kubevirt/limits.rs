//! What KubeVirt's API can't say. Each answer names the flag and the nearest way.

use super::labels;
use super::name::ClusterName;
use crate::disk::ExtraDisk;
use crate::guest::boot::cloudinit;
use crate::hypervisor::Arch;
use crate::hypervisor::qemu::firmware;
use crate::image::Facts;
use crate::vm::create::NewVm;
use crate::vm::spec::settings::{Nic, Ssh};
use crate::vm::{Settings, UserFiles};

/// The first version of systemd that takes binary credentials from the kernel's command line.
const CREDENTIALS_ON_COMMAND_LINE: u32 = 254;

/// A flag that has no place in KubeVirt's API.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{flag} has no counterpart in KubeVirt: {why}. {instead}")]
pub struct Unsupported {
    pub flag: String,
    pub why: &'static str,
    /// A sentence without its full stop.
    pub instead: String,
}

/// A VM that is to run in a cluster.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    pub new: &'a NewVm,
    pub arch: Arch,
    /// A boot of the image's own kernel, without a disk.
    pub direct: bool,
}

fn no(flag: impl Into<String>, why: &'static str, instead: impl Into<String>) -> Unsupported {
    Unsupported {
        flag: flag.into(),
        why,
        instead: instead.into(),
    }
}

/// Checks a VM's settings before any work.
///
/// # Errors
/// The API has no place for one of them.
pub fn check(wanted: &Wanted) -> Result<(), Unsupported> {
    let NewVm {
        settings, files, ..
    } = wanted.new;
    // All fields by name, so that a new one is not forgotten.
    let Settings {
        shares,
        ports,
        hostname,
        ssh_keys: _,
        credentials,
        disks,
        nic,
        ssh,
        tpm: _,
        cloudinit: _,
        ignition,
        journal,
        gui: _,
        warm: _,
        swap,
        labels,
        hypervisor_args,
    } = settings;
    if swap.is_some() {
        return Err(no(
            "--swap",
            "the guest's unit for it comes by the firmware's strings, which the API doesn't have",
            "Make swap space in the image, for example by systemd's zram-generator",
        ));
    }
    for (key, value) in labels {
        if let Some(why) = labels::fault(key, value) {
            return Err(no(
                format!("--label {key}={value}"),
                why,
                "Choose another label, or leave it out",
            ));
        }
    }
    if !hypervisor_args.is_empty() {
        return Err(no(
            "--hypervisor-arg",
            "the API has no arguments for the hypervisor",
            "Use KubeVirt's hook sidecars, where the cluster allows them",
        ));
    }
    if !shares.is_empty() {
        return Err(no(
            "-v",
            "a node of the cluster can't read folders of this machine",
            "Put the files into the image, or add a PersistentVolumeClaim to the manifest \
             (`filesystems`)",
        ));
    }
    if *nic == Nic::None {
        return Err(no(
            "--nic none",
            "the cluster reaches the guest's SSH server over its network only",
            "Leave it out, and close the network with a NetworkPolicy",
        ));
    }
    if *ssh == Ssh::Direct {
        return Err(no(
            "--ssh direct",
            "the API has no serial ports of one's own, which the direct door needs",
            "Leave it out; `virtctl console` reaches a guest whose sshd is off",
        ));
    }
    if *ignition {
        return Err(no(
            "--ignition",
            "the API has no firmware configuration device",
            "Use --cloudinit, or put the configuration into the image",
        ));
    }
    if *journal {
        return Err(no(
            "--journal",
            "the API has no serial ports of one's own",
            "Leave it out: the pod's log has the serial console",
        ));
    }
    check_firmware(wanted)?;
    check_ports(ports)?;
    check_seed(files)?;
    if let (Some(name), false) = (credentials.first(), wanted.direct) {
        return Err(no(
            format!("--credential {name}"),
            "the API has no SMBIOS strings",
            "Use --direct, which puts it on the kernel's command line, or put it into the image",
        ));
    }
    if let (Some(hostname), false) = (hostname, wanted.direct)
        && hostname.to_string().parse::<ClusterName>().is_err()
    {
        return Err(no(
            format!("--hostname {hostname}"),
            "a hostname there is one label of lower-case letters, digits and `-`",
            "Use the first label, or --direct, which sets it on the kernel's command line",
        ));
    }
    let user = &wanted.new.user;
    if user != "root" && !wanted.direct && files.seed.is_none() {
        return Err(no(
            format!("--user {user}"),
            "`bootc install` puts a key on the disk for root only",
            "Use --direct, or --cloudinit with user-data that makes the user and has a key",
        ));
    }
    let writable = |(_, disk): &(usize, &ExtraDisk)| {
        matches!(
            disk,
            ExtraDisk::File {
                read_only: false,
                ..
            }
        )
    };
    if let Some((_, ExtraDisk::File { file, .. })) = disks.numbered().find(writable) {
        let file = file.display();
        return Err(no(
            format!("--add-disk {file}"),
            "a container disk forgets what a guest writes",
            format!(
                "Use --add-disk {file}:ro, or import it with `virtctl image-upload` and add the \
                 PersistentVolumeClaim to the manifest"
            ),
        ));
    }
    Ok(())
}

fn check_firmware(wanted: &Wanted) -> Result<(), Unsupported> {
    match (wanted.new.firmware, wanted.arch) {
        (firmware::Choice::Bios, Arch::Aarch64) => Err(no(
            "--firmware bios",
            "arm64 machines have no BIOS",
            "Use --firmware uefi",
        )),
        (firmware::Choice::Secure, Arch::Aarch64) => Err(no(
            "--firmware secure",
            "it has secure boot on x86-64 only",
            "Use --firmware uefi",
        )),
        _ => Ok(()),
    }
}

fn check_ports(ports: &[crate::hypervisor::Forward]) -> Result<(), Unsupported> {
    for (index, port) in ports.iter().enumerate() {
        if !port.address.is_loopback() {
            return Err(no(
                format!("-p {port}"),
                "the cluster chooses a Service's address",
                "Leave out the address. For a reach beyond the cluster, use \
                 `virtctl expose --type LoadBalancer`",
            ));
        }
        let same = |other: &&crate::hypervisor::Forward| {
            other.protocol == port.protocol && service_port(other) == service_port(port)
        };
        if ports[..index].iter().find(same).is_some() {
            return Err(no(
                format!("-p {port}"),
                "a Service has each port once",
                "Give the ports different numbers, as in 8081:80",
            ));
        }
    }
    Ok(())
}

/// The port of the Service for a forward. One that the system would choose is the guest's own.
pub fn service_port(port: &crate::hypervisor::Forward) -> u16 {
    match port.host {
        0 => port.guest,
        chosen => chosen,
    }
}

fn check_seed(files: &UserFiles) -> Result<(), Unsupported> {
    let Some(cloudinit::Seed {
        user_data: _,
        meta_data,
        network_config: _,
        vendor_data,
    }) = &files.seed
    else {
        return Ok(());
    };
    for (name, content) in [("meta-data", meta_data), ("vendor-data", vendor_data)] {
        if content.is_some() {
            return Err(no(
                format!("--cloudinit with a file {name}"),
                "it writes that file itself",
                "Move its content to user-data, and set the name with --hostname",
            ));
        }
    }
    Ok(())
}

/// Checks a direct boot against the image.
///
/// # Errors
/// The image's systemd can't take the SSH key.
pub fn check_image(facts: &Facts) -> Result<(), Unsupported> {
    match facts.systemd {
        Some(version) if version < CREDENTIALS_ON_COMMAND_LINE => Err(no(
            "--direct",
            "the image's systemd is older than 254 and takes no SSH key from the \
             kernel's command line",
            "Leave it out, for a boot from a disk with the key on it",
        )),
        _ => Ok(()),
    }
}
