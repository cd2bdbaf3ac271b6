//! Units that the host adds to a guest by credentials (systemd 256 and newer; older ones ignore
//! them).

use crate::hypervisor::Credential;

/// Name of the channel on which the guest says that it started its sshd.
pub const READY_CHANNEL: &str = "podman-bootc.ready";
/// Name of the channel that carries SSH to a VM without a network card.
pub const SSH_CHANNEL: &str = "podman-bootc.ssh";
/// Name of the channel that carries the journal.
pub const JOURNAL_CHANNEL: &str = "podman-bootc.journal";

const READY_UNIT: &str = include_str!("../../../vm-assets/units/podman-bootc-ready.service");
const GROW_UNIT: &str = include_str!("../../../vm-assets/units/podman-bootc-grow.service");
const SSH_UNIT: &str = include_str!("../../../vm-assets/units/podman-bootc-ssh.service");
const JOURNAL_UNIT: &str = include_str!("../../../vm-assets/units/podman-bootc-journal.service");

/// Makes the guest say on its channel when it started its sshd.
pub fn ready_signal() -> [Credential; 2] {
    add_unit("podman-bootc-ready", READY_UNIT, "multi-user.target")
}

/// Makes the root filesystem fill a disk that has grown.
pub fn grow_root() -> [Credential; 2] {
    add_unit("podman-bootc-grow", GROW_UNIT, "multi-user.target")
}

/// Makes an sshd serve the SSH channel.
pub fn ssh_over_channel() -> [Credential; 2] {
    add_unit("podman-bootc-ssh", SSH_UNIT, "multi-user.target")
}

/// Makes the guest write its journal to the journal channel.
pub fn journal_to_channel() -> [Credential; 2] {
    add_unit("podman-bootc-journal", JOURNAL_UNIT, "sysinit.target")
}

/// Adds the service `name`, which `target` starts.
pub(super) fn add_unit(name: &str, text: &str, target: &str) -> [Credential; 2] {
    let dropin = format!("[Unit]\nWants={name}.service\n");
    [
        Credential {
            name: format!("systemd.extra-unit.{name}.service"),
            value: text.into(),
        },
        Credential {
            name: format!("systemd.unit-dropin.{target}~{name}"),
            value: dropin.into_bytes(),
        },
    ]
}
