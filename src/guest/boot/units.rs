//! Units that come into a guest as credentials, for what the host wants of it while it runs.

use crate::hypervisor::Credential;

/// Name of the channel that carries SSH where there is no network.
pub const SSH_CHANNEL: &str = "podman-bootc.ssh";
/// Name of the channel that carries the journal.
pub const JOURNAL_CHANNEL: &str = "podman-bootc.journal";

const SSH_UNIT: &str = include_str!("../../../vm-assets/units/podman-bootc-ssh.service");
const JOURNAL_UNIT: &str = include_str!("../../../vm-assets/units/podman-bootc-journal.service");

/// Lets an sshd talk over the channel (systemd 256 and up).
pub fn ssh_over_channel() -> [Credential; 2] {
    wanted("podman-bootc-ssh", SSH_UNIT, "multi-user.target")
}

/// Lets the journal be written to the channel (systemd 256 and up).
pub fn journal_to_channel() -> [Credential; 2] {
    wanted("podman-bootc-journal", JOURNAL_UNIT, "sysinit.target")
}

fn wanted(name: &str, unit: &str, by: &str) -> [Credential; 2] {
    [
        Credential { name: format!("systemd.extra-unit.{name}.service"), value: unit.into() },
        Credential {
            name: format!("systemd.unit-dropin.{by}~{name}"),
            value: format!("[Unit]\nWants={name}.service\n").into_bytes(),
        },
    ]
}
