//! A host whose disk runs full.

use std::fs;

use crate::harness::{BOOT, Own, SOON, Sandbox, Small, shared, wait_for};

#[test]
fn a_full_disk_fails_the_install_and_leaves_nothing() {
    let image = Own::of("latest", "full");
    let sandbox = Sandbox::with_empty_cache("full");
    let small = Small::new(sandbox.cache(), "1m");
    let file = sandbox.root().join("x.qcow2");
    let file = file.to_str().unwrap();
    let clean = |size: &str| {
        assert!(sandbox.base_disks().is_empty(), "{size}");
        let disks = fs::read_dir(sandbox.cache().join("disks"))
            .unwrap()
            .flatten();
        let left: Vec<_> = disks
            .map(|entry| entry.file_name().into_string().unwrap())
            .collect();
        let small = |name: &String| name.ends_with(".lock") || name.ends_with(".log");
        assert!(left.iter().all(small), "{size}: {left:?}");
        assert!(!image.is_mounted());
    };
    small.resize("100m");
    sandbox
        .run(&["run", "--ephemeral", &image.name])
        .expect(125)
        .says("o space");
    // The tool refuses before any work.
    for size in ["100m", "300m"] {
        small.resize(size);
        sandbox
            .run(&["disk", &image.name, file])
            .expect(125)
            .says("no space on the host")
            .says("to save its content");
        clean(size);
    }
    // The disk is full while the guest writes.
    small.resize("1200m");
    let install = sandbox.start(&["disk", &image.name, file]);
    install.wait_stderr("booting the image", BOOT);
    small.resize("660m");
    install.finish(BOOT).expect(125).says("o space");
    clean("660m");
    drop(small);
    sandbox.assert_clean(&[]);
}

#[test]
fn a_vm_pauses_while_the_hosts_disk_is_full() {
    let sandbox = Sandbox::new("waits");
    let image = shared("latest");
    // The VM's own folder is on the disk that runs full. It has the scratch disk, too.
    let small = Small::new(sandbox.data(), "64m");
    for kind in [&[][..], &["--ephemeral", "--cold"]] {
        small.resize("64m");
        let run = [&["run", "--detach", "--name", "vm"], kind, &[&*image]].concat();
        sandbox.ok(&run);
        pauses(&sandbox, &small);
        sandbox.ok(&["rm", "--force", "vm"]);
    }
    drop(small);
}

/// The guest writes more than the host's disk has room for.
fn pauses(sandbox: &Sandbox, small: &Small) {
    sandbox.ok(&["ssh", "vm", "true"]);
    let write = "head -c 100M /dev/urandom >/var/large && sync && sha256sum </var/large >/var/sum && echo written";
    let writer = sandbox.start(&["ssh", "vm", write]);
    let reason = || {
        sandbox.vm("vm").unwrap()["reason"]
            .as_str()
            .map(str::to_owned)
    };
    let told = wait_for("the VM to stand still", BOOT, reason);
    assert!(told.contains("no space left for /"), "{told}");
    assert!(told.contains(".qcow2; the VM is paused"), "{told}");
    assert_eq!(sandbox.state("vm"), "running");
    small.resize("1g");
    assert_eq!(writer.finish(BOOT).expect(0).text(), "written\n");
    wait_for("the problem to be over", SOON, || {
        reason().is_none().then_some(())
    });
    assert_eq!(
        sandbox.ok(&[
            "ssh",
            "vm",
            "sha256sum </var/large | cmp - /var/sum && echo same"
        ]),
        "same\n"
    );
}
