//! Upgrades and rollbacks of a running VM. The guest has the stand-in for bootc, with which real
//! skopeo pulls.

use std::time::Instant;

use serde_json::Value;

use crate::harness::{Output, Own, SOON, Sandbox, podman, shared};

/// Bytes of the changed layer: 1 MiB, and what tar adds.
const LAYER: u64 = 1 << 20;
/// Bytes that may move beside the layer.
const REST: u64 = 164 << 10;

/// Gives the VM's name another content, whose version this is.
fn build(image: &Own, version: &str) {
    let file = format!(
        "FROM {}\nRUN echo {version} >/usr/share/version && head -c {LAYER} /dev/urandom \
         >/usr/share/mib\n",
        shared("containers")
    );
    let build = [
        "build",
        "--quiet",
        "--network",
        "none",
        "--tag",
        &image.name,
        "-",
    ];
    podman(&build, file.into_bytes()).expect(0);
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
    build(&image, "one");
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

    // One changed layer.
    build(&image, "two");
    let report = upgrade(
        &sandbox,
        &["--check", "test $(cat /usr/share/version) = two"],
    );
    eprintln!("{report:#}");
    assert_eq!(report["action"], "upgrade");
    assert_eq!((&report["from"], &report["fetched"]), (&first, &1.into()));
    let moved = report["sent"].as_u64().unwrap() + report["received"].as_u64().unwrap();
    assert!((LAYER..LAYER + REST).contains(&moved), "{moved}");
    let second = report["to"].clone();
    assert_eq!(version(&sandbox), "two");
    let inspected = sandbox.ok(&["inspect", "--format", "{{.booted.manifest}}", "vm"]);
    assert_eq!(inspected.trim(), second);
    assert_untouched(&sandbox);

    // There and back.
    let back: Value =
        serde_json::from_str(&sandbox.ok(&["rollback", "--format", "json", "vm"])).unwrap();
    assert_eq!((&back["from"], &back["to"]), (&second, &first));
    assert_eq!(version(&sandbox), "one");
    // The newer version is the rollback, and nothing is pulled.
    let report = upgrade(&sandbox, &["--no-apply"]);
    assert_eq!(
        (&report["action"], &report["sent"]),
        (&"rollback".into(), &0.into())
    );

    // A version that fails its check, and the old one again.
    build(&image, "three");
    let staged = upgrade(&sandbox, &["--no-apply"]);
    assert_eq!(
        (&staged["action"], &staged["booted"]),
        (&"upgrade".into(), &false.into())
    );
    let check = ["upgrade", "--auto-rollback", "--check", "false", "vm"];
    sandbox
        .run(&check)
        .expect(125)
        .says("rolled back to the old version")
        .says("`false` failed");
    assert_eq!(version(&sandbox), "one");
    assert_untouched(&sandbox);
    sandbox
        .start(&["rm", "--force", "vm"])
        .finish(SOON)
        .expect(0);
}
