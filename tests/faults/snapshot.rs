//! A snapshot with memory is complete or doesn't count, and the VM runs on.

use std::process::Command;

use super::clone::{overlay, reads, with_disk, write};
use super::{FAULT, Host, Small, die, succeed};

impl Host {
    fn snapshot(&self, words: &[&str]) -> Command {
        self.command(&[&["snapshot"], words].concat())
    }

    /// Returns the snapshots that count, each with a dash if it has no memory.
    fn snapshots(&self) -> Vec<String> {
        let list = ["list", "--format", "{{.name}} {{.memory}}", "one"];
        let output = succeed(&mut self.snapshot(&list));
        let text = String::from_utf8(output.stdout).unwrap();
        let row = |line: &str| {
            let (name, memory) = line.split_once(' ').unwrap();
            match memory.parse::<u64>() {
                Ok(1..) => name.to_owned(),
                _ => format!("{name} -"),
            }
        };
        text.lines().map(row).collect()
    }

    /// Returns the files of memories.
    fn memories(&self) -> Vec<String> {
        let names = std::fs::read_dir(self.vms().join("one")).unwrap();
        let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let is_memory =
            |name: &String| name.starts_with("memory.") || name.starts_with("suspended");
        let mut names: Vec<String> = names.filter(is_memory).collect();
        names.sort();
        names
    }

    /// Returns the names in the VM's own disk.
    fn in_disk(&self) -> String {
        let mut list = Command::new("qemu-img");
        list.args(["snapshot", "-l", "-U"])
            .arg(overlay(self, "one"));
        String::from_utf8(succeed(&mut list).stdout).unwrap()
    }

    fn ended(&self, state: &str) {
        self.wait_until(state, || self.states() == [state]);
        self.wait_until("QEMU ends with its supervisor", || {
            self.processes().is_empty()
        });
    }
}

const COMPLETE: [&str; 2] = ["memory.a.json", "memory.a.snapshot"];

#[test]
fn a_half_made_snapshot_doesnt_count() {
    let host = with_disk();
    let one = overlay(&host, "one");
    write(&one, 1);
    let start = || host.command(&["start", "one"]);
    let create = || host.snapshot(&["create", "one", "a"]);
    let none: [&str; 0] = [];
    // The supervisor dies, and QEMU with it.
    for fault in ["snapshot-paused", "snapshot-disks"] {
        succeed(start().env(FAULT, fault));
        assert!(!create().status().unwrap().success(), "{fault}");
        host.ended("one crashed");
        assert_eq!(host.memories(), ["memory.a.json", "memory.a.partial"]);
        assert_eq!(host.snapshots(), none, "{fault}");
        assert_eq!(
            host.in_disk().contains("podman-bootc:a"),
            fault == "snapshot-disks"
        );
    }
    // A start removes it.
    succeed(&mut start());
    assert_eq!(host.memories(), none);
    assert!(!host.in_disk().contains("podman-bootc:a"));

    die(&mut create(), "snapshot-saved");
    assert_eq!(
        (host.states(), host.snapshots()),
        (vec!["one running".to_owned()], vec![])
    );
    assert!(host.in_disk().contains("podman-bootc:a"));
    // So does the next snapshot, whatever its name.
    succeed(&mut host.snapshot(&["create", "one", "b"]));
    assert!(!host.in_disk().contains("podman-bootc:a"));
    succeed(&mut host.snapshot(&["rm", "one", "b"]));
    assert_eq!((host.memories(), host.snapshots()), (vec![], vec![]));

    die(&mut create(), "snapshot-counts");
    assert_eq!(
        (host.memories(), host.snapshots()),
        (COMPLETE.map(str::to_owned).to_vec(), vec!["a".to_owned()])
    );
    let refused = create().output().unwrap();
    assert!(String::from_utf8_lossy(&refused.stderr).contains("already"));
    succeed(&mut host.snapshot(&["create", "--disk-only", "one", "disk"]));
    assert_eq!(host.snapshots(), ["a", "disk -"]);
    succeed(&mut host.command(&["rm", "-f", "one"]));
}

#[test]
fn an_interrupted_restore_can_be_repeated() {
    let host = with_disk();
    let one = overlay(&host, "one");
    write(&one, 1);
    let start = || host.command(&["start", "one"]);
    let stop = || succeed(&mut host.command(&["stop", "--time", "0", "one"]));
    let restore = || host.snapshot(&["restore", "one", "a"]);
    succeed(&mut start());
    succeed(&mut host.snapshot(&["create", "one", "a"]));
    stop();
    write(&one, 2);

    let states = [
        ("suspend-saved", "one stopped"),
        ("suspended", "one suspended"),
    ];
    for (fault, state) in states {
        die(&mut restore(), fault);
        assert_eq!(host.states(), [state], "{fault}");
    }
    // A VM with a memory of its own drops that.
    succeed(&mut restore());
    assert_eq!(host.states(), ["one running"]);
    assert_eq!(host.memories(), COMPLETE);
    stop();
    reads(&one, 1);
    write(&one, 2);

    // A running VM restores itself, and its supervisor may die.
    for (fault, state) in states {
        succeed(start().env(FAULT, fault));
        assert!(!restore().status().unwrap().success(), "{fault}");
        host.ended(state);
    }
    succeed(&mut start());
    succeed(&mut restore());
    assert_eq!(host.states(), ["one running"]);
    assert_eq!(host.memories(), COMPLETE);
    // It can be saved once more.
    succeed(&mut host.command(&["suspend", "one"]));
    succeed(&mut start());
    succeed(&mut host.command(&["suspend", "one"]));
    succeed(&mut start());
    stop();
    reads(&one, 1);

    // The memory fits after a rename, and not after a change of the machine.
    succeed(&mut host.command(&["rename", "one", "two"]));
    succeed(&mut host.snapshot(&["restore", "two", "a"]));
    succeed(&mut host.command(&["stop", "--time", "0", "two"]));
    succeed(&mut host.command(&["rename", "two", "one"]));
    succeed(&mut host.command(&["set", "one", "--cpus", "1"]));
    write(&one, 2);
    let refused = restore().output().unwrap();
    let message = String::from_utf8_lossy(&refused.stderr);
    assert!(
        message.contains("devices") && message.contains("--disk-only one a"),
        "{message}"
    );
    reads(&one, 2);
    succeed(&mut host.snapshot(&["restore", "--disk-only", "one", "a"]));
    assert_eq!(host.states(), ["one stopped"]);
    reads(&one, 1);
    succeed(&mut host.command(&["rm", "one"]));
}

#[test]
fn a_full_disk_leaves_the_vm_running() {
    let host = Host::new();
    let small = Small::new(host.path("data"), "64m");
    succeed(&mut host.run("one"));
    let create = || host.snapshot(&["create", "one", "a"]);
    let used = || {
        let mut df = Command::new("df");
        let output = succeed(df.args(["--output=used", "-k"]).arg(host.path("data")));
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().last().unwrap().trim().parse::<u64>().unwrap()
    };
    // Nothing has room, or the disks, or a part of the memory.
    for kib in [0, 512, 2048] {
        let before = used();
        small.resize(&format!("{}k", before + kib));
        let failed = create().output().unwrap();
        let message = String::from_utf8_lossy(&failed.stderr);
        assert!(
            message.contains("No space left") && message.contains("runs on"),
            "{kib} KiB: {message}"
        );
        small.resize("64m");
        assert_eq!(host.states(), ["one running"], "{kib} KiB");
        let none = (vec![], vec![]);
        assert_eq!((host.snapshots(), host.memories()), none, "{kib} KiB");
    }
    succeed(&mut create());
    assert_eq!(host.snapshots(), ["a"]);
    succeed(&mut host.snapshot(&["restore", "one", "a"]));
    assert_eq!(host.states(), ["one running"]);
    succeed(&mut host.command(&["rm", "-f", "one"]));
}

#[test]
fn a_disk_that_is_not_in_the_snapshot_keeps_the_memory_out() {
    let host = Host::new();
    let data = host.path("data.img");
    std::fs::write(&data, vec![0; 1 << 20]).unwrap();
    let add = ["--add-disk", data.to_str().unwrap()];
    succeed(host.run("one").args(add));
    let refused = host.snapshot(&["create", "one", "a"]).output().unwrap();
    let message = String::from_utf8_lossy(&refused.stderr);
    assert!(
        message.contains(add[1]) && message.contains("--disk-only one a"),
        "{message}"
    );
    assert_eq!((host.snapshots(), host.memories()), (vec![], vec![]));
    succeed(&mut host.snapshot(&["create", "--disk-only", "one", "a"]));
    assert_eq!(host.snapshots(), ["a -"]);
    assert_eq!(host.states(), ["one running"]);
    succeed(&mut host.command(&["rm", "-f", "one"]));

    // What the machine only reads doesn't change.
    let read_only = format!("{}:ro", add[1]);
    succeed(host.run("one").args(["--add-disk", &read_only]));
    succeed(&mut host.snapshot(&["create", "one", "a"]));
    assert_eq!(host.snapshots(), ["a"]);
    succeed(&mut host.command(&["rm", "-f", "one"]));
}
