//! Decides whether a VM can resume from a template, and what its machine is then.

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::disks::DISK_SERIAL;
use super::spec::settings::Warm as Choice;
use super::spec::{Source, Spec};
use super::store::instance::RunRecord;
use super::{Vm, credentials};
use crate::direct_boot::FREEZE_WORD;
use crate::disk::{self, Cache};
use crate::engine::Warm;
use crate::guest::boot::hostname::Hostname;
use crate::guest::boot::identity::{FREEZE_CHANNEL, Identity, MachineId};
use crate::guest::boot::units;
use crate::host::Os;
use crate::host::fs::dirs::Dirs;
use crate::hypervisor::qemu::FREE_PORTS;
use crate::hypervisor::{
    Arch, Base, Boot, Channel, Credential, Disk, DiskFormat, Features, Hypervisor, Machine,
};
use crate::image::UNIT_CREDENTIALS;
use crate::warm::Templates;

/// The first QEMU whose machines map a template's memory privately, and save their state to a file.
const FIRST_QEMU: (u32, u32) = (8, 2);

/// Credentials that systemd reads early in a boot and never again, or that concern units which may run
/// already. A name that ends with a dot is the beginning of names.
const EARLY_CREDENTIALS: [&str; 22] = [
    "agetty.",
    "cryptsetup.",
    "firstboot.",
    "fstab.extra",
    "getty.",
    "home.",
    "import.",
    "journal.",
    "locale.",
    "login.",
    "network.",
    "passwd.",
    "shell.",
    "ssh.listen",
    "system.hostname",
    "system.machine_id",
    "systemd.unit-dropin.",
    "tty.",
    "udev.",
    "userdb.",
    "vconsole.",
    "vmm.",
];

/// Returns what the engine needs to start this VM warm. None if the user doesn't expect that.
///
/// # Errors
/// The reason why the VM starts cold, in one line.
pub fn warm(
    vm: &Vm,
    dirs: &Dirs,
    features: &Features,
    hypervisor: &Hypervisor,
    machine: &Machine,
) -> Result<Option<Warm>, String> {
    let settings = &vm.spec.settings;
    if settings.warm == Choice::Never || has_own_disk(vm) {
        return Ok(None);
    }
    let machine = &over_base(&vm.spec, machine, dirs)?;
    let host = host_obstacle(Os::current(), hypervisor).or_else(|| source_obstacle(&vm.spec));
    if let Some(reason) = host.or_else(|| obstacle(&vm.spec, machine)) {
        return match settings.warm {
            Choice::Always => Err(reason),
            Choice::Auto | Choice::Never => Ok(None),
        };
    }
    let common = common_credentials(&vm.spec);
    let all = credentials::credentials(vm, features).map_err(|error| error.to_string())?;
    // The script of the identity mounts the shares.
    let mounts = credentials::mounts(vm, features);
    let is_own = |credential: &_| !common.contains(credential) && !mounts.contains(credential);
    let added = machine.devices.disks.iter();
    let shares = settings.shares.numbered();
    let identity = Identity {
        machine_id: MachineId::new().map_err(|error| error.to_string())?,
        disks: added.map(|disk| disk.serial.clone()).collect(),
        shares: shares
            .map(|(number, share)| (number, share.clone()))
            .collect(),
        hostname: settings.hostname.as_ref().map(Hostname::to_string),
        credentials: all.into_iter().filter(is_own).collect(),
    };
    let templates = Templates::open(&dirs.templates()).map_err(|error| error.to_string())?;
    let shares = machine.devices.shares.clone();
    let (machine, channel) = frozen(machine, common);
    Ok(Some(Warm {
        templates,
        shares,
        machine,
        channel,
        may_make: settings.warm == Choice::Always,
        identity,
        variables: variables(&vm.variables()).map_err(|error| error.to_string())?,
        origin: vm.spec.origin(),
    }))
}

/// Returns whether the VM's disk differs from each template's, because a guest has written to it. A
/// start that was warm would renew the disk, so the record alone doesn't decide: it may be lost.
fn has_own_disk(vm: &Vm) -> bool {
    let has_run = vm.record().started.is_some() || vm.console_log().exists();
    !vm.spec.is_ephemeral() && (has_run || vm.spec.cloned_from.is_some())
}

/// Returns the machine that loads the state of one that had resumed from a template.
pub fn copy(spec: &Spec, machine: &Machine) -> Machine {
    let (machine, _) = frozen(machine, common_credentials(spec));
    // Each template's machine has one.
    Machine {
        generation_id: true,
        ..machine
    }
}

/// Returns the machine with a disk that the engine makes anew, over the base disk.
fn over_base(spec: &Spec, machine: &Machine, dirs: &Dirs) -> Result<Machine, String> {
    let mut machine = machine.clone();
    if let Some(key) = spec.base() {
        let cache = Cache::open(&dirs.disks()).map_err(|error| error.to_string())?;
        for disk in &mut machine.disks {
            if disk.serial == DISK_SERIAL && disk.format == DiskFormat::Qcow2 {
                disk.fresh_over = Some(base(cache.file(key), spec));
            }
        }
    }
    Ok(machine)
}

fn base(file: PathBuf, spec: &Spec) -> Base {
    Base {
        file,
        format: DiskFormat::Raw,
        size: spec.disk_size,
        linked: false,
    }
}

/// Takes a VM's disk from its template, and puts it on its base disk again: the VM ended before its
/// guest had an identity of its own, and the disk has the template's. The caller has taken the VM.
///
/// # Errors
/// The disk can't be made, or the record can't be written.
pub fn leave_template(vm: &Vm, dirs: &Dirs) -> Result<(), Box<dyn Error + Send + Sync>> {
    if let Some(key) = vm.spec.base() {
        let file = Cache::open(&dirs.disks())?.file(key);
        disk::renew_overlay(&base(file, &vm.spec), &vm.overlay())?;
    }
    let record = RunRecord {
        lacks_identity: false,
        ..vm.record()
    };
    Ok(vm.set_record(&record)?)
}

/// Returns the credentials that all VMs of a template have.
fn common_credentials(spec: &Spec) -> Vec<Credential> {
    let mut common = vec![units::no_automatic_updates()];
    if !spec.is_ephemeral() {
        common.extend(units::agent());
        common.extend(units::freeze());
        common.extend(units::no_first_boot_questions());
    }
    if spec.grow_root {
        common.extend(units::grow_root());
    }
    common
}

/// Returns the hash of the file with the firmware's variables, or nothing if there is no file.
fn variables(file: &Path) -> io::Result<Vec<u8>> {
    match std::fs::read(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(vec![]),
        bytes => bytes.map(|bytes| Sha256::digest(bytes).to_vec()),
    }
}

/// Returns the machine of a template with these credentials, and the index of the channel for the
/// identity. The other channels keep their numbers.
fn frozen(machine: &Machine, credentials: Vec<Credential>) -> (Machine, usize) {
    let mut machine = Machine {
        credentials,
        ..machine.clone()
    };
    // A context ID can't change.
    machine.devices.vsock = None;
    // The engine plugs them in after the resume.
    machine.devices.disks.clear();
    machine.devices.shares.clear();
    if let Boot::Kernel { cmdline, .. } = &mut machine.boot {
        cmdline.push(' ');
        cmdline.push_str(FREEZE_WORD);
    }
    let channel = machine.channels.len();
    machine.channels.push(Channel {
        name: FREEZE_CHANNEL.into(),
        socket: machine.runtime().join("freeze"),
    });
    (machine, channel)
}

/// Returns the reason why a VM from this source can't resume from a template.
fn source_obstacle(spec: &Spec) -> Option<String> {
    match (&spec.source, spec.systemd) {
        (Source::Import { .. }, _) => Some("an imported disk has no template".into()),
        (Source::Disk { .. }, Some(version)) if version < UNIT_CREDENTIALS => Some(format!(
            "systemd {version} is too old for the template of a disk: it needs {UNIT_CREDENTIALS}"
        )),
        (Source::Disk { .. }, None) => Some("the version of the image's systemd is unknown".into()),
        (Source::Disk { .. } | Source::Direct { .. }, _) => None,
    }
}

/// Returns the reason why no VM of this host can resume from a template.
fn host_obstacle(os: Os, hypervisor: &Hypervisor) -> Option<String> {
    let Hypervisor::Qemu(qemu) = hypervisor else {
        return Some("only QEMU has templates".into());
    };
    if os != Os::Linux {
        return Some(format!("there are no templates on {}", os.name()));
    }
    if Arch::host() != Some(Arch::X86_64) {
        return Some("templates need an x86_64 host".into());
    }
    if qemu.version < FIRST_QEMU {
        let ((major, minor), (first_major, first_minor)) = (qemu.version, FIRST_QEMU);
        return Some(format!(
            "QEMU {major}.{minor} is too old for templates: they need {first_major}.{first_minor}"
        ));
    }
    None
}

/// Returns the reason why this VM can't resume from a template where others can.
fn obstacle(spec: &Spec, machine: &Machine) -> Option<String> {
    let settings = &spec.settings;
    if spec.arch != Arch::X86_64 {
        return Some(format!(
            "an {} VM needs a cold start here",
            spec.arch.name()
        ));
    }
    let early = settings
        .credentials
        .iter()
        .find(|name| is_early(name))
        .map(|name| format!("--credential {name}, which counts early in a boot,"));
    let flags = [
        (settings.tpm, "--tpm"),
        (settings.gui, "--gui"),
        (settings.cloudinit, "--cloudinit"),
        (settings.ignition, "--ignition"),
        (spec.shared_root().is_some(), "--root-transport virtiofs"),
        (
            settings.disks.numbered().count() + settings.shares.numbered().count() > FREE_PORTS,
            "so many --add-disk and -v",
        ),
        (!settings.hypervisor_args.is_empty(), "--hypervisor-arg"),
        (settings.swap.is_some(), "--swap"),
    ];
    let flag = flags
        .into_iter()
        .find_map(|(used, flag)| used.then_some(flag.to_owned()));
    if let Some(flag) = flag.or(early) {
        return Some(format!("{flag} needs a cold start"));
    }
    let is_kept = |disk: &Disk| !disk.read_only && disk.fresh_over.is_none();
    let has_writable = machine.disks.iter().any(is_kept);
    has_writable.then(|| "its disk is not part of templates".into())
}

fn is_early(name: &str) -> bool {
    EARLY_CREDENTIALS
        .iter()
        .any(|early| match early.ends_with('.') {
            true => name.starts_with(early),
            false => name == *early,
        })
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use super::*;
    use crate::disk::ExtraDisk;
    use crate::guest::boot::shares::Share;
    use crate::guest::boot::user_credentials;
    use crate::hypervisor::qemu::Qemu;
    use crate::hypervisor::{Vsock, sample_machine};

    fn machine() -> Machine {
        let mut machine = sample_machine();
        machine.disks[0].read_only = true;
        machine
    }

    fn qemu(version: (u32, u32)) -> Hypervisor {
        Hypervisor::Qemu(Qemu {
            program: "/qemu".into(),
            arch: Arch::X86_64,
            version,
            os: Os::Linux,
        })
    }

    #[test]
    fn what_a_template_cant_have_is_named() {
        type Change = fn(&mut Spec);
        let reason = |change: Change| {
            let mut spec = Spec::sample_direct();
            change(&mut spec);
            host_obstacle(Os::Linux, &qemu((10, 0)))
                .or_else(|| source_obstacle(&spec))
                .or_else(|| obstacle(&spec, &machine()))
        };
        let disk: Change = |s| (s.source, s.systemd) = (Spec::sample().source, Some(256));
        let fits: [Change; 7] = [
            |s| s.settings.shares = vec!["/a:/b".parse::<Share>().unwrap()].into(),
            |s| s.settings.disks = vec![ExtraDisk::New { size: 1 }; FREE_PORTS].into(),
            |_| {},
            disk,
            |s| s.settings.hostname = Some("web".parse().unwrap()),
            |s| s.settings.ssh_keys = vec!["ssh-ed25519 A".into()],
            |s| s.settings.credentials = vec!["app.token".into(), "tmpfiles.extra".into()],
        ];
        for change in fits {
            assert_eq!(reason(change), None);
        }
        let cold: [(Change, &str); 15] = [
            (
                |s| {
                    s.settings.disks = vec![ExtraDisk::New { size: 1 }; FREE_PORTS].into();
                    s.settings.shares = vec!["/a:/b".parse::<Share>().unwrap()].into();
                },
                "-v",
            ),
            (
                |s| (s.source, s.systemd) = (Spec::sample().source, Some(255)),
                "systemd 255",
            ),
            (
                |s| (s.source, s.systemd) = (Spec::sample().source, None),
                "unknown",
            ),
            (|s| s.arch = Arch::Aarch64, "aarch64"),
            (|s| s.settings.tpm = true, "--tpm"),
            (|s| s.settings.gui = true, "--gui"),
            (|s| s.settings.cloudinit = true, "--cloudinit"),
            (|s| s.settings.ignition = true, "--ignition"),
            (
                |s| s.settings.disks = vec![ExtraDisk::New { size: 1 }; FREE_PORTS + 1].into(),
                "--add-disk",
            ),
            (|s| s.settings.swap = Some(1 << 30), "--swap"),
            (
                |s| s.settings.hypervisor_args = vec!["-snapshot".into()],
                "--hypervisor-arg",
            ),
            (
                |s| s.settings.credentials = vec!["agetty.autologin".into()],
                "agetty.autologin",
            ),
            (
                |s| s.settings.credentials = vec!["systemd.unit-dropin.a.service".into()],
                "systemd.unit-dropin.a.service",
            ),
            (
                |s| s.settings.credentials = vec!["network.dns".into()],
                "network.dns",
            ),
            (
                |s| s.settings.credentials = vec!["fstab.extra".into()],
                "fstab.extra",
            ),
        ];
        for (change, word) in cold {
            let reason = reason(change).unwrap();
            assert!(reason.contains(word), "{word}: {reason}");
        }
        for os in [Os::Macos, Os::Windows] {
            assert!(host_obstacle(os, &qemu((10, 0))).is_some());
        }
        let old = host_obstacle(Os::Linux, &qemu((8, 1))).unwrap();
        assert!(old.contains("8.1") && old.contains("8.2"), "{old}");
        assert!(obstacle(&Spec::sample_direct(), &sample_machine()).is_some());
    }

    #[test]
    fn a_disk_outlives_the_record_of_its_runs() {
        let dir = tempfile::tempdir().unwrap();
        let vm = |spec| Vm {
            spec,
            folder: dir.path().to_owned(),
        };
        assert!(!has_own_disk(&vm(Spec::sample())));
        std::fs::write(vm(Spec::sample()).console_log(), "").unwrap();
        assert!(has_own_disk(&vm(Spec::sample())));
        assert!(!has_own_disk(&vm(Spec::sample_direct())));
    }

    #[test]
    fn the_units_of_a_template_fit_into_its_firmware() {
        let spec = Spec {
            grow_root: true,
            ..Spec::sample()
        };
        user_credentials::merge(common_credentials(&spec), vec![]).unwrap();
    }

    #[test]
    fn a_frozen_machine_keeps_the_numbers_of_its_channels() {
        let mut machine = machine();
        machine.boot = Boot::Kernel {
            kernel: "/k".into(),
            initrd: "/i".into(),
            cmdline: "a".into(),
        };
        machine.devices.vsock = Some(Vsock::Cid(3));
        machine.channels = vec![Channel {
            name: "ready".into(),
            socket: "/run/x/ready".into(),
        }];
        let (frozen, channel) = frozen(&machine, vec![]);
        assert_eq!(frozen.channels[..1], machine.channels);
        assert_eq!(
            (channel, frozen.channels[1].name.as_str()),
            (1, FREEZE_CHANNEL)
        );
        assert_eq!(frozen.devices.vsock, None);
        assert!(
            matches!(frozen.boot, Boot::Kernel { cmdline, .. } if cmdline.ends_with(FREEZE_WORD))
        );
    }
}
