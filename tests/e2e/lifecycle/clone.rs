//! A VM gets another name, and a clone.

use crate::harness::Sandbox;

/// Prints what differs between a VM and its clone, a line each.
pub const IDENTITY: [&str; 3] = [
    "ssh",
    "keeper",
    "cat /etc/machine-id; ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub",
];

/// The VM has another name for a while.
pub fn renamed(sandbox: &Sandbox, id: &str) {
    assert_eq!(sandbox.ok(&["rename", "keeper", "other"]), "other\n");
    assert_eq!(sandbox.ok(&["list", "--quiet"]), "other\n");
    sandbox
        .run(&["start", "keeper"])
        .expect(125)
        .says("no VM keeper");
    assert_eq!(sandbox.vm("other").unwrap()["id"], id);
    assert_eq!(sandbox.ok(&["rename", id, "keeper"]), "keeper\n");
}

/// A clone has the same content. Returns its identity.
pub fn cloned(sandbox: &Sandbox) -> String {
    assert_eq!(sandbox.ok(&["clone", "keeper", "copy"]), "copy\n");
    assert_eq!(sandbox.ok(&["start", "copy"]), "copy\n");
    let look = format!(
        "systemctl --failed --no-legend; cat /var/kept; {}",
        IDENTITY[2]
    );
    let seen = sandbox.ok(&["ssh", "copy", &look]);
    sandbox.ok(&["rm", "--force", "copy"]);
    let identity = seen
        .strip_prefix("kept\n")
        .unwrap_or_else(|| panic!("{seen}"));
    assert_eq!(identity.lines().count(), 2, "{seen}");
    identity.to_owned()
}
