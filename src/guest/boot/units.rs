//! Units that the host adds to a guest by credentials (systemd 256 and newer; older ones ignore
//! them).

use crate::hypervisor::Credential;

/// Name of the channel on which the guest says that its SSH servers have settled: they run, or
/// systemd won't start them.
pub const READY_CHANNEL: &str = "podman-bootc.ready";
/// Name of the channel between the host and the agent.
pub const AGENT_CHANNEL: &str = "podman-bootc.agent";
/// Name of the channel on which the guest writes messages of its journal that the agent's host
/// must know.
pub const EVENTS_CHANNEL: &str = "podman-bootc.events";
/// Names of the channels that each carry one session of the second SSH door, without their numbers.
pub const DOOR_CHANNEL: &str = "podman-bootc.ssh.";
/// Sessions at the same time through the second SSH door.
pub const DOORS: usize = 8;
/// Name of the channel that carries the journal.
pub const JOURNAL_CHANNEL: &str = "podman-bootc.journal";

const READY_UNIT: &str = include_str!("../../../vm-assets/units/podman-bootc-ready.service");
const UPDATES_DROPIN: &str = include_str!("../../../vm-assets/units/updates.conf");
const FIRST_BOOT_DROPIN: &str = include_str!("../../../vm-assets/units/firstboot.conf");
const ASKING_DROPIN: &str = include_str!("../../../vm-assets/units/asking.conf");
/// Services of Fedora and its kin, and of SUSE, that do nothing but ask.
const ASKING: [&str; 2] = ["initial-setup", "jeos-firstboot"];
const CLONE: &str = include_str!("../../../vm-assets/clone/clone");
const CLONE_SERVICE: &str = include_str!("../../../vm-assets/clone/podman-bootc-clone.service");
const GROW_UNIT: &str = include_str!("../../../vm-assets/units/podman-bootc-grow.service");
const AGENT_SERVICE: &str = include_str!("../../../vm-assets/units/podman-bootc-agent.service");
const AGENT_PATH: &str = include_str!("../../../vm-assets/units/podman-bootc-agent.path");
const SELINUX_UNIT: &str = include_str!("../../../vm-assets/units/podman-bootc-selinux.service");
const AGENT: &str = include_str!("../../../vm-assets/agent/agent");
const FREEZE: &str = include_str!("../../../vm-assets/warm/freeze");
const FREEZE_SERVICE: &str = include_str!("../../../vm-assets/warm/podman-bootc-freeze.service");
const SWAP_UNIT: &str = include_str!("../../../vm-assets/units/podman-bootc.swap");
const JOURNAL_UNIT: &str = include_str!("../../../vm-assets/units/podman-bootc-journal.service");

/// Makes the guest say on its channel when its SSH servers have settled, and adds the agent.
pub fn agent() -> Vec<Credential> {
    let ready = add_unit("podman-bootc-ready", READY_UNIT, "multi-user.target");
    let mut all = Vec::from(ready);
    all.extend(add_unit(
        "podman-bootc-selinux",
        SELINUX_UNIT,
        "initrd.target",
    ));
    all.extend([
        unit("podman-bootc-agent.service", AGENT_SERVICE),
        unit("podman-bootc-agent.path", AGENT_PATH),
        wanted_by("sysinit.target", "podman-bootc-agent", "path"),
        Credential {
            name: "podman-bootc.agent".into(),
            value: agent_script().into_bytes(),
        },
    ]);
    all
}

pub(super) fn agent_script() -> String {
    without_comments(AGENT)
}

pub(super) fn ready_unit() -> String {
    without_comments(READY_UNIT)
}

/// The key of the second SSH door, and the keys that it accepts.
pub fn door_keys(host_key: Vec<u8>, authorized: &str) -> [Credential; 2] {
    let credential = |name: &str, value| Credential {
        name: name.into(),
        value,
    };
    [
        credential("podman-bootc.hostkey", host_key),
        credential("podman-bootc.keys", format!("{authorized}\n").into_bytes()),
    ]
}

/// Keeps bootc from updating the guest by itself, unless the user asks for it by a kernel argument.
pub fn no_automatic_updates() -> Credential {
    Credential {
        name: "systemd.unit-dropin.bootc-fetch-apply-updates.timer~podman-bootc".into(),
        value: UPDATES_DROPIN.into(),
    }
}

/// Returns services that would ask questions at the console on a first boot, which no user answers, and
/// the drop-in that keeps each from it. systemd's own still do what the user's credentials say.
pub fn first_boot_dropins() -> impl Iterator<Item = (&'static str, String)> {
    let systemd =
        ["systemd-firstboot", "systemd-homed-firstboot"].map(|one| (one, FIRST_BOOT_DROPIN));
    let asking = ASKING.map(|one| (one, ASKING_DROPIN));
    let all = systemd.into_iter().chain(asking);
    all.map(|(service, text)| (service, without_comments(text)))
}

/// Keeps a first boot from asking questions at the console.
pub fn no_first_boot_questions() -> impl Iterator<Item = Credential> {
    first_boot_dropins().map(|(service, text)| Credential {
        name: format!("systemd.unit-dropin.{service}.service~podman-bootc"),
        value: text.into_bytes(),
    })
}

/// Makes the root filesystem fill a disk that has grown.
pub fn grow_root() -> [Credential; 2] {
    add_unit("podman-bootc-grow", GROW_UNIT, "multi-user.target")
}

/// Gives the guest of a clone a machine ID and SSH host keys of its own, once for each ID of a VM.
pub fn clone(id: &str) -> Vec<Credential> {
    let mut all = vec![Credential {
        name: "podman-bootc.clone".into(),
        value: without_comments(CLONE).into_bytes(),
    }];
    let service = CLONE_SERVICE.replace("@ID@", id);
    all.extend(add_unit("podman-bootc-clone", &service, "sysinit.target"));
    all
}

/// Makes the guest use its swap disk.
pub fn swap() -> [Credential; 2] {
    // systemd wants a unit of this name for the disk.
    let name = r"dev-disk-by\x2did-virtio\x2dswap";
    [
        unit(&format!("{name}.swap"), SWAP_UNIT),
        wanted_by("swap.target", name, "swap"),
    ]
}

/// Makes a guest with a disk wait for its identity. A direct boot has the units in its initramfs.
pub fn freeze() -> Vec<Credential> {
    let mut all = vec![Credential {
        name: "podman-bootc.freeze".into(),
        value: without_comments(FREEZE).into_bytes(),
    }];
    all.extend(add_unit(
        "podman-bootc-freeze",
        FREEZE_SERVICE,
        "sysinit.target",
    ));
    all
}

/// Makes the guest write its journal to the journal channel.
pub fn journal_to_channel() -> [Credential; 2] {
    add_unit("podman-bootc-journal", JOURNAL_UNIT, "sysinit.target")
}

/// Adds the service `name`, which `target` starts.
pub(super) fn add_unit(name: &str, text: &str, target: &str) -> [Credential; 2] {
    [
        unit(&format!("{name}.service"), text),
        wanted_by(target, name, "service"),
    ]
}

/// Comments are for readers of the source: firmware can carry few bytes.
fn unit(name: &str, text: &str) -> Credential {
    Credential {
        name: format!("systemd.extra-unit.{name}"),
        value: without_comments(text).into_bytes(),
    }
}

fn wanted_by(target: &str, name: &str, kind: &str) -> Credential {
    Credential {
        name: format!("systemd.unit-dropin.{target}~{name}"),
        value: format!("[Unit]\nWants={name}.{kind}\n").into_bytes(),
    }
}

pub(super) fn without_comments(text: &str) -> String {
    let kept = text.lines().filter(|line| {
        let line = line.trim_start();
        !line.is_empty() && (!line.starts_with('#') || line.starts_with("#!"))
    });
    kept.map(|line| format!("{}\n", line.trim_start()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_clone_gets_its_identity_once() {
        let [script, service, _] = clone("aabb00000000").try_into().unwrap();
        let service = String::from_utf8(service.value).unwrap();
        for line in [
            "ConditionPathExists=!/etc/podman-bootc/clone-aabb00000000\n",
            "ExecStart=/bin/sh /run/credentials/@system/podman-bootc.clone aabb00000000\n",
        ] {
            assert!(service.contains(line), "{line} is not in {service}");
        }
        let mut file = tempfile::NamedTempFile::new().unwrap();
        std::io::Write::write_all(&mut file, &script.value).unwrap();
        let mut shell = std::process::Command::new("sh");
        let output = shell.arg("-n").arg(file.path()).output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }

    #[test]
    fn a_first_boot_asks_nothing_and_still_reads_credentials() {
        let name = |service| format!("systemd.unit-dropin.{service}.service~podman-bootc");
        // A condition would skip the credentials of systemd's own services, too.
        let systemd = "[Service]\nEnvironment=SYSTEMD_PROC_CMDLINE=systemd.firstboot=off\n";
        let others = "[Unit]\nConditionKernelCommandLine=podman-bootc.first-boot\n";
        let dropins: Vec<_> = no_first_boot_questions()
            .map(|dropin| (dropin.name, String::from_utf8(dropin.value).unwrap()))
            .collect();
        let expected = [
            ("systemd-firstboot", systemd),
            ("systemd-homed-firstboot", systemd),
            ("initial-setup", others),
            ("jeos-firstboot", others),
        ];
        assert_eq!(
            dropins,
            expected.map(|(service, text)| (name(service), text.to_owned()))
        );
    }
}
