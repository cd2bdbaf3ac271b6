//! A clone is complete or doesn't exist, and its original lives on.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{FAULT, Host, Small, die, succeed};

/// Bytes that are frozen, not copied.
const SIZE: usize = 6 << 20;

pub fn overlay(host: &Host, vm: &str) -> PathBuf {
    host.vms().join(vm).join("overlay.qcow2")
}

pub fn write(disk: &Path, byte: u8) {
    let pattern = format!("write -q -P {byte} 0 {SIZE}");
    let mut write = Command::new("qemu-io");
    succeed(write.args(["-f", "qcow2", "-c", &pattern]).arg(disk));
}

/// Asserts that the disk begins with these bytes.
pub fn reads(disk: &Path, byte: u8) {
    let pattern = format!("read -q -P {byte} 0 {SIZE}");
    let mut read = Command::new("qemu-io");
    let output = succeed(read.args(["-r", "-f", "qcow2", "-c", &pattern]).arg(disk));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(!text.contains("failed"), "{}: {text}", disk.display());
}

/// Returns the names of the files that are layers or that a killed process left.
fn layers(host: &Host, vm: &str) -> usize {
    let names = std::fs::read_dir(host.vms().join(vm)).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.starts_with("layer")).count()
}

/// A host whose disk image has room for what the tests write.
pub fn with_disk() -> Host {
    let host = Host::new();
    let mut disk = std::fs::read(host.disk()).unwrap();
    disk.resize(2 * SIZE, 0);
    std::fs::write(host.disk(), disk).unwrap();
    die(&mut host.run("one"), "vm-made");
    host
}

#[test]
fn a_half_made_clone_is_not_listed() {
    let host = with_disk();
    let one = overlay(&host, "one");
    write(&one, 1);
    let clone = || host.command(&["clone", "one", "two"]);
    for fault in ["vm-reserved", "disk-freezing", "disk-frozen", "vm-cloned"] {
        // Only a filesystem whose files can't share blocks has layers.
        let died = !clone().env(FAULT, fault).status().unwrap().success();
        if !died {
            succeed(&mut host.command(&["rm", "two"]));
            continue;
        }
        assert_eq!(host.states(), ["one stopped"], "{fault}");
        assert!(!host.vms().join("two").exists(), "{fault}");
        reads(&one, 1);
        write(&one, 1);
    }
    succeed(&mut clone());
    assert_eq!(host.states(), ["one stopped", "two stopped"]);
    let two = overlay(&host, "two");
    reads(&two, 1);
    write(&one, 2);
    write(&two, 3);
    // A snapshot of the original survives, and the clone has none.
    succeed(&mut host.command(&["snapshot", "create", "one", "before"]));
    write(&one, 4);
    succeed(&mut host.command(&["clone", "one", "three"]));
    let names = |vm| {
        let list = ["snapshot", "list", vm, "--format", "{{.name}}"];
        String::from_utf8(succeed(&mut host.command(&list)).stdout).unwrap()
    };
    assert_eq!(
        (names("one"), names("three")),
        ("before\n".into(), String::new())
    );
    succeed(&mut host.command(&["snapshot", "restore", "one", "before"]));
    reads(&one, 2);
    reads(&overlay(&host, "three"), 4);
    // Each VM outlives the others.
    succeed(&mut host.command(&["rm", "one"]));
    succeed(&mut host.command(&["rename", "two", "four"]));
    reads(&overlay(&host, "four"), 3);
    succeed(&mut host.command(&["start", "four"]));
    // A clone of a running VM, which runs on.
    succeed(&mut host.command(&["clone", "four", "five"]));
    assert_eq!(
        host.states(),
        ["five stopped", "four running", "three stopped"]
    );
    succeed(&mut host.command(&["rm", "-f", "four"]));
    reads(&overlay(&host, "five"), 3);
    succeed(&mut host.command(&["start", "five"]));
    succeed(&mut host.command(&["suspend", "five"]));
    succeed(&mut host.command(&["clone", "five", "six"]));
    succeed(&mut host.command(&["start", "five"]));
    succeed(&mut host.command(&["start", "six"]));
    assert_eq!(
        host.states(),
        ["five running", "six running", "three stopped"]
    );
    let inspect = ["inspect", "six", "--format", "{{.spec.cloned_from}}"];
    assert_eq!(succeed(&mut host.command(&inspect)).stdout, b"five\n");
}

#[test]
fn a_disk_that_has_hardly_changed_is_copied() {
    let host = with_disk();
    succeed(&mut host.command(&["clone", "one", "two"]));
    assert_eq!((layers(&host, "one"), layers(&host, "two")), (0, 0));
    let taken = host.command(&["clone", "one", "two"]).output().unwrap();
    let message = String::from_utf8_lossy(&taken.stderr);
    assert!(message.contains("already exists"), "{message}");
    assert_eq!(host.states(), ["one stopped", "two stopped"]);
    // A generated name.
    let output = succeed(&mut host.command(&["clone", "one"]));
    let name = String::from_utf8(output.stdout).unwrap();
    assert!(host.vms().join(name.trim()).exists(), "{name}");
}

#[test]
fn a_full_disk_leaves_no_clone() {
    let host = with_disk();
    let small = Small::new(host.path("data"), "64m");
    die(&mut host.run("one"), "vm-made");
    let one = overlay(&host, "one");
    write(&one, 1);
    succeed(&mut host.command(&["start", "one"]));
    small.resize("9m");
    let clone = || host.command(&["clone", "one", "two"]);
    let refused = clone().output().unwrap();
    let message = String::from_utf8_lossy(&refused.stderr);
    assert!(message.contains("No space left"), "{message}");
    assert_eq!(host.states(), ["one running"]);
    assert!(!host.vms().join("two").exists());
    small.resize("64m");
    succeed(&mut clone());
    reads(&overlay(&host, "two"), 1);
    // The filesystem goes before the host.
    succeed(&mut host.command(&["rm", "-f", "--all"]));
}
