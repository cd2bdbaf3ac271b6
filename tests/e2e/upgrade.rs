//! Upgrades and rollbacks of a running VM. The guest has the stand-in for bootc, with which real
//! skopeo pulls.

use std::time::Instant;

use serde_json::Value;

use crate::harness::{BOOT, Output, Own, SOON, Sandbox, podman, shared};

/// Bytes of the changed layer: 1 MiB, and what tar adds.
const LAYER: u64 = 1 << 20;
/// Bytes that may move beside the layer.
const REST: u64 = 164 << 10;

/// The ID of an image, which is removed when the value is dropped.
struct Built(String);

impl Drop for Built {
    fn drop(&mut self) {
        podman(&["rmi", "--force", &self.0], vec![]);
    }
}

/// Gives the VM's name another content, whose version this is. The format is docker's: podman's own
/// digest of the image isn't the one of its OCI folder, which bootc tells.
fn build(image: &Own, version: &str) -> Built {
    let file = format!(
        "FROM {}\nRUN echo {version} >/usr/share/version && head -c {LAYER} /dev/urandom \
         >/usr/share/mib\n",
        shared("containers")
    );
    let build = [
        "build",
        "--quiet",
        "--format",
        "docker",
        "--network",
        "none",
        "--tag",
        &image.name,
        "-",
    ];
    let built = podman(&build, file.into_bytes()).expect(0);
    Built(built.text().trim().to_owned())
}

#[track_caller]
fn upgrade(sandbox: &Sandbox, words: &[&str]) -> Value {
    let words = [&["upgrade", "--format", "json", "vm"][..], words].concat();
    serde_json::from_str(&sandbox.ok(&words)).unwrap()
}

#[track_caller]
fn version(sandbox: &Sandbox) -> String {
    sandbox
        .ok(&["ssh", "vm", "cat /usr/share/version"])
        .trim()
        .to_owned()
}

/// Nothing of the tool's is left in `/etc`.
#[track_caller]
fn assert_untouched(sandbox: &Sandbox) {
    let look = "cat /etc/containers/registries.conf.d/user.conf; \
                ls /etc/containers/registries.conf.d | grep podman-bootc";
    let seen: Output = sandbox.run(&["ssh", "vm", look]);
    assert_eq!(seen.expect(1).text(), "# the user's\n");
}

#[test]
fn a_vm_goes_through_upgrades_and_rollbacks() {
    let sandbox = Sandbox::with_empty_cache("upgrade");
    let image = Own::of("containers", "upgrade");
    let one = build(&image, "one");
    sandbox.ok(&[
        "run",
        "--detach",
        "--name",
        "vm",
        "--disk-size",
        "4G",
        &image.name,
    ]);
    sandbox.ok(&[
        "ssh",
        "vm",
        "echo '# the user'\\''s' >/etc/containers/registries.conf.d/user.conf",
    ]);
    let start = Instant::now();
    let report = upgrade(&sandbox, &[]);
    assert_eq!(report["action"], "none");
    eprintln!("nothing to do: {:?}", start.elapsed());
    let first = report["to"].clone();
    let installed = sandbox.ok(&["inspect", "--format", "{{.installed.manifest}}", "vm"]);
    assert_eq!(installed.trim(), first, "what the guest's bootc says");

    // One changed layer, and the same kernel.
    let _two = build(&image, "two");
    let check = "test $(cat /usr/share/version) = two";
    let report = upgrade(
        &sandbox,
        &["--soft-reboot", "--auto-rollback", "--check", check],
    );
    eprintln!("{report:#}");
    assert_eq!(
        (&report["action"], &report["soft_reboot"]),
        (&"upgrade".into(), &true.into())
    );
    assert_eq!((&report["from"], &report["fetched"]), (&first, &1.into()));
    let moved = report["sent"].as_u64().unwrap() + report["received"].as_u64().unwrap();
    assert!((LAYER..LAYER + REST).contains(&moved), "{moved}");
    let second = report["to"].clone();
    let inspected = sandbox.ok(&["inspect", "--format", "{{.booted.manifest}}", "vm"]);
    assert_eq!(inspected.trim(), second);
    assert_untouched(&sandbox);

    // The image of before is the rollback, and nothing is pulled.
    podman(&["tag", &one.0, &image.name], vec![]).expect(0);
    let report = upgrade(&sandbox, &["--no-apply"]);
    assert_eq!(
        (&report["action"], &report["sent"]),
        (&"rollback".into(), &0.into())
    );
    assert_eq!((&report["to"], &report["booted"]), (&first, &false.into()));

    // It is queued, which a second `bootc rollback` would undo. It boots and fails its check, and
    // the newer one boots again.
    let check = "grep . /usr/share/version >&2; false";
    sandbox
        .start(&["rollback", "--auto-rollback", "--check", check, "vm"])
        // Two boots.
        .finish(2 * BOOT)
        .expect(125)
        .says("one\n")
        .says("rolled back to the old version")
        .says("false` failed");
    assert_eq!(version(&sandbox), "two");
    assert_untouched(&sandbox);
    let left = sandbox.ok(&["snapshot", "list", "--format", "{{.name}}", "vm"]);
    assert_eq!(left, "");

    // A rollback that waits for the next boot.
    let queued = sandbox.ok(&["rollback", "--no-apply", "--format", "json", "vm"]);
    let queued: Value = serde_json::from_str(&queued).unwrap();
    assert_eq!(
        (&queued["action"], &queued["to"], &queued["booted"]),
        (&"rollback".into(), &first, &false.into())
    );
    assert_eq!(version(&sandbox), "two");
    // An upgrade with nothing to do, a staged one and a failed one bring nothing.
    let past = ["events", "--since", "1d", "--stream=false"];
    let only = ["--filter", "event=upgraded", "--format", "{{.name}}"];
    assert_eq!(sandbox.ok(&[&past[..], &only].concat()), "vm\n");
    sandbox
        .start(&["rm", "--force", "vm"])
        .finish(SOON)
        .expect(0);
}
