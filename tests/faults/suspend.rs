//! A suspended VM has a state that counts, or it has none.

use std::process::Command;

use super::{FAULT, Host, die, succeed};

#[test]
fn a_half_saved_vm_never_resumes() {
    let host = Host::new();
    die(&mut host.run("one"), "vm-made");
    let start = || host.command(&["start", "one"]);
    let suspend = || host.command(&["suspend", "one"]);
    let files = || {
        let names = std::fs::read_dir(host.vms().join("one")).unwrap();
        let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.filter(|name| name.starts_with("suspended")).collect();
        names.sort();
        names
    };
    let ended = |state: &str| {
        host.wait_until(state, || host.states() == [state]);
        host.wait_until("QEMU ends with its supervisor", || {
            host.processes().is_empty()
        });
    };

    succeed(start().env(FAULT, "suspend-saved"));
    assert!(!suspend().status().unwrap().success());
    ended("one crashed");
    assert_eq!(files(), ["suspended.partial"]);

    succeed(start().env(FAULT, "suspended"));
    assert_eq!(files(), [""; 0]);
    assert!(!suspend().status().unwrap().success());
    ended("one suspended");
    assert_eq!(files(), ["suspended.json", "suspended.state"]);
    for command in [
        &["set", "one", "--cpus", "1"][..],
        &["rename", "one", "two"],
    ] {
        let refused = host.command(command).output().unwrap();
        let message = String::from_utf8_lossy(&refused.stderr);
        assert!(message.contains("podman-bootc start one"), "{message}");
    }

    assert!(
        !start()
            .env(FAULT, "suspend-loaded")
            .status()
            .unwrap()
            .success()
    );
    ended("one suspended");
    // What doesn't load stays, too.
    let state = host.vms().join("one/suspended.state");
    let saved = std::fs::read(&state).unwrap();
    std::fs::write(&state, &saved[..saved.len() / 2]).unwrap();
    let refused = start().output().unwrap();
    let message = String::from_utf8_lossy(&refused.stderr);
    assert!(message.contains("can't resume"), "{message}");
    ended("one suspended");
    std::fs::write(&state, saved).unwrap();
    succeed(&mut start());
    assert_eq!(host.states(), ["one running"]);
    assert_eq!(files(), [""; 0]);

    succeed(&mut suspend());
    assert_eq!(host.states(), ["one suspended"]);
    succeed(&mut host.command(&["stop", "one"]));
    assert_eq!(
        (host.states(), files()),
        (vec!["one stopped".to_owned()], vec![])
    );
    succeed(&mut start());
    succeed(&mut suspend());
    succeed(&mut host.command(&["start", "--cold", "one"]));
    assert_eq!(
        (host.states(), files()),
        (vec!["one running".to_owned()], vec![])
    );
    succeed(&mut host.command(&["rm", "-f", "one"]));
}

#[test]
fn a_disk_that_changes_under_a_suspended_vm_is_noticed() {
    let host = Host::new();
    let disk = host.path("data.qcow2");
    let create = ["create", "-q", "-f", "qcow2"];
    succeed(Command::new("qemu-img").args(create).arg(&disk).arg("1M"));
    succeed(host.run("one").arg("--add-disk").arg(&disk));
    let start = || host.command(&["start", "one"]);
    for _ in 0..2 {
        succeed(&mut host.command(&["suspend", "one"]));
        succeed(&mut start());
    }
    succeed(&mut host.command(&["suspend", "one"]));
    let write = ["-f", "qcow2", "-c", "write -q 0 4k"];
    succeed(Command::new("qemu-io").args(write).arg(&disk));
    let refused = start().output().unwrap();
    let message = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success(), "{message}");
    for words in [
        "data.qcow2 has changed since",
        "podman-bootc start --cold one",
    ] {
        assert!(message.contains(words), "{message}");
    }
    assert_eq!(host.states(), ["one suspended"]);
    succeed(&mut host.command(&["start", "--cold", "one"]));
    succeed(&mut host.command(&["rm", "-f", "one"]));
}
