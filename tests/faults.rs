//! The tool is killed at named places, or the disk is full: what it leaves does no harm.
//!
//! These tests need QEMU and qemu-img, and no image. The tests that fill a filesystem need root for
//! a tmpfs.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use podman_bootc::disk::export::{self, Overwrite};
use podman_bootc::disk::{BaseDisk, Cache, Claim, InstallOptions, Key};
use podman_bootc::hypervisor::DiskFormat;
use podman_bootc::image::{Facts, Image};

#[path = "common"]
mod common {
    pub mod process;
    pub mod small;
    pub mod tool;
    pub mod wait;
}
#[path = "faults/clone.rs"]
mod clone;
#[path = "faults/snapshot.rs"]
mod snapshot;
#[path = "faults/suspend.rs"]
mod suspend;

use common::process::Process;
use common::small::Small;
use common::tool::Tool;
use common::wait::eventually;
use tempfile::TempDir;

const FAULT: &str = "PODMAN_BOOTC_FAULT";
/// The time for a process to end, or for a state to change.
const TIME: Duration = Duration::from_secs(20);

/// A host with a disk image, whose VMs are removed at the end.
struct Host {
    tool: Tool,
    _folder: TempDir,
}

impl Host {
    fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("pbf").tempdir().unwrap();
        let mut tool = Tool::new(folder.path());
        for (variable, folder) in [
            ("XDG_CACHE_HOME", "cache"),
            ("XDG_DATA_HOME", "data"),
            ("XDG_RUNTIME_DIR", "run"),
        ] {
            tool.set(variable, tool.path(folder));
        }
        tool.set("PODMAN_BOOTC_NO_CONFIG", "1");
        let host = Self {
            tool,
            _folder: folder,
        };
        std::fs::create_dir(host.path("run")).unwrap();
        // The firmware takes it for a disk that boots, finds no boot loader, and waits.
        let mut disk = vec![0; 1 << 20];
        disk[510..512].copy_from_slice(&[0x55, 0xaa]);
        std::fs::write(host.disk(), disk).unwrap();
        host
    }

    fn path(&self, name: &str) -> PathBuf {
        self.tool.path(name)
    }

    fn disk(&self) -> PathBuf {
        self.path("disk.img")
    }

    fn vms(&self) -> PathBuf {
        self.path("data/podman-bootc/vms")
    }

    fn command(&self, args: &[&str]) -> Command {
        self.tool.command(args)
    }

    /// Returns `run -d` with the disk image and this name.
    fn run(&self, name: &str) -> Command {
        let disk = self.disk();
        self.command(&[
            "run",
            "-q",
            "--accel",
            "tcg",
            "--name",
            name,
            "-d",
            "--disk",
            disk.to_str().unwrap(),
        ])
    }

    fn states(&self) -> Vec<String> {
        let output = succeed(&mut self.command(&["list", "--format", "{{.name}} {{.state}}"]));
        String::from_utf8(output.stdout)
            .unwrap()
            .lines()
            .map(str::to_owned)
            .collect()
    }

    fn processes(&self) -> Vec<Process> {
        Process::of(self.tool.folder())
    }

    fn wait_until(&self, what: &str, is_true: impl Fn() -> bool) {
        let found = eventually(TIME, || is_true().then_some(()));
        assert!(
            found.is_some(),
            "{what}; {:?}; {:?}",
            self.states(),
            self.processes()
        );
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // A failed test leaves nothing running either.
        let _ = self.command(&["rm", "-f", "--all"]).output();
    }
}

fn succeed(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

/// Runs the command with a fault, and asserts that the fault kills it.
fn die(command: &mut Command, fault: &str) {
    use std::os::unix::process::ExitStatusExt;
    let output = command.env(FAULT, fault).output().unwrap();
    assert_eq!(
        output.status.signal(),
        Some(9),
        "{fault}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn a_half_made_vm_is_not_listed() {
    let host = Host::new();
    for fault in ["vm-reserved", "vm-keys", "vm-files", "json-written"] {
        die(&mut host.run("one"), fault);
        assert_eq!(host.states(), [""; 0], "{fault}");
        assert_eq!(
            std::fs::read_dir(host.vms()).unwrap().count(),
            0,
            "{fault}: nothing is left"
        );
    }
    // `run` waits for the VM to run, and removes one that does not.
    for fault in ["supervisor-listens", "supervisor-runs"] {
        let run = host.run("one").env(FAULT, fault).output().unwrap();
        assert_eq!(run.status.code(), Some(125), "{fault}");
        assert_eq!(
            std::fs::read_dir(host.vms()).unwrap().count(),
            0,
            "{fault}: nothing is left"
        );
        host.wait_until("QEMU ends with its supervisor", || {
            host.processes().is_empty()
        });
    }
    succeed(&mut host.run("one"));
    assert_eq!(host.states(), ["one running"]);
    succeed(&mut host.command(&["rm", "-f", "one"]));
    assert_eq!(std::fs::read_dir(host.vms()).unwrap().count(), 0);
    assert_eq!(
        std::fs::read_dir(host.path("run/podman-bootc"))
            .unwrap()
            .count(),
        0
    );
}

#[test]
fn a_complete_vm_outlives_the_tool_and_its_supervisor() {
    let host = Host::new();
    die(&mut host.run("one"), "vm-made");
    assert_eq!(host.states(), ["one stopped"]);

    for fault in ["json-written", "supervisor-listens", "supervisor-runs"] {
        let start = host
            .command(&["start", "one"])
            .env(FAULT, fault)
            .output()
            .unwrap();
        assert!(!start.status.success(), "{fault}");
        let message = String::from_utf8_lossy(&start.stderr);
        assert!(
            message.ends_with(": its supervisor died\n"),
            "{fault}: {message:?}"
        );
        if fault == "json-written" {
            assert_eq!(host.states(), ["one stopped"]);
            continue;
        }
        host.wait_until(fault, || host.states() == ["one crashed"]);
        host.wait_until("QEMU ends with its supervisor", || {
            host.processes().is_empty()
        });
    }
    succeed(&mut host.command(&["start", "one"]));
    assert_eq!(host.states(), ["one running"]);
    succeed(&mut host.command(&["stop", "--time", "0", "one"]));

    die(&mut host.command(&["rename", "one", "two"]), "vm-renaming");
    assert_eq!(host.states(), ["one stopped"]);
    die(&mut host.command(&["rename", "one", "two"]), "vm-renamed");
    assert_eq!(host.states(), ["two stopped"]);
    succeed(&mut host.command(&["rename", "two", "one"]));

    die(&mut host.command(&["rm", "one"]), "vm-doomed");
    assert_eq!(host.states(), [""; 0]);
    assert_eq!(std::fs::read_dir(host.vms()).unwrap().count(), 0);
}

#[test]
fn a_signal_ends_the_wait_for_a_supervisor_at_once() {
    let host = Host::new();
    // A QEMU that doesn't answer the supervisor's first question.
    let qemu = host.path("bin/qemu-system-x86_64");
    let (asked, ended) = (host.path("asked"), host.path("ended"));
    std::fs::create_dir(host.path("bin")).unwrap();
    let script = format!(
        "#!/bin/sh\ntouch {}\nsleep 60\ntouch {}\n",
        asked.display(),
        ended.display()
    );
    std::fs::write(&qemu, script).unwrap();
    std::fs::set_permissions(&qemu, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let path = format!(
        "{}:{}",
        host.path("bin").display(),
        std::env::var("PATH").unwrap()
    );
    let interrupt = |mut command: Command| {
        let _ = std::fs::remove_file(&asked);
        let mut running = command.env("PATH", &path).spawn().unwrap();
        host.wait_until("the supervisor asks QEMU", || asked.exists());
        succeed(Command::new("kill").args(["-INT", &running.id().to_string()]));
        assert_eq!(running.wait().unwrap().code(), Some(130));
        assert!(!ended.exists(), "it waited for QEMU");
    };
    interrupt(host.run("one"));
    assert_eq!(
        std::fs::read_dir(host.vms()).unwrap().count(),
        0,
        "a new VM is taken back"
    );
    die(&mut host.run("one"), "vm-made");
    interrupt(host.command(&["start", "one"]));
    assert_eq!(host.states(), ["one stopped"]);
}

#[test]
fn a_vm_without_a_network_card_gets_no_ports() {
    let host = Host::new();
    succeed(host.run("one").args(["--nic", "none"]));
    for state in ["running", "stopped"] {
        assert_eq!(host.states(), [format!("one {state}")]);
        let add = host
            .command(&["port", "one", "--add", "0:80"])
            .output()
            .unwrap();
        let message = String::from_utf8_lossy(&add.stderr);
        assert!(
            add.status.code() == Some(125) && message.contains("--nic none"),
            "{state}: {message}"
        );
        succeed(&mut host.command(&["stop", "--time", "0", "one"]));
    }
    // The VM still starts.
    succeed(&mut host.command(&["start", "one"]));
}

#[test]
fn an_imported_disk_that_changes_is_refused() {
    let host = Host::new();
    succeed(&mut host.run("one"));
    succeed(&mut host.command(&["stop", "--time", "0", "one"]));
    let fails = |want: &str| {
        let output = host.command(&["start", "one"]).output().unwrap();
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            !output.status.success() && message.contains(want),
            "{message}"
        );
    };
    let old = std::fs::read(host.disk()).unwrap();
    std::fs::write(host.disk(), [&old[..], &[0; 512]].concat()).unwrap();
    fails("has changed since the VM was made");
    std::fs::remove_file(host.disk()).unwrap();
    fails("no longer exists");
    succeed(&mut host.command(&["rm", "one"]));
}

fn disk() -> BaseDisk {
    let image = Image::sample();
    let options = InstallOptions::default();
    BaseDisk {
        key: Key::new(&image, &options),
        image,
        options,
        facts: Facts::default(),
        installed: None,
        created: jiff::Timestamp::UNIX_EPOCH,
        file: PathBuf::new(),
    }
}

/// Names the folder that the child below works in.
const CHILD: &str = "PODMAN_BOOTC_FAULT_CHILD";

/// Not a test: [`in_child`] runs it in a process that a fault kills.
#[test]
fn child() {
    let Some(folder) = std::env::var_os(CHILD).map(PathBuf::from) else {
        return;
    };
    let cache = Cache::open(&folder.join("disks")).unwrap();
    let disk = disk();
    let key = disk.key.clone();
    if let Claim::Ours(partial) = cache.claim(&key, false).unwrap() {
        std::fs::write(partial.disk(), vec![7; 1 << 20]).unwrap();
        std::fs::write(partial.folder().join("scratch"), "x").unwrap();
        partial.finish(disk).unwrap();
    }
    let lease = cache.lease(&key).unwrap().unwrap();
    let to = folder.join("out/disk.qcow2");
    let overwrite = Overwrite {
        file: true,
        block_device: false,
    };
    export::write(&lease.disk.file, &to, DiskFormat::Qcow2, overwrite, |_| {}).unwrap();
    drop(lease);
    assert!(
        cache
            .remove::<podman_bootc::disk::Error>(&key, false, || Ok(false))
            .unwrap()
    );
}

fn in_child(folder: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "child"]).env(CHILD, folder);
    command
}

#[test]
fn the_cache_holds_complete_disks_only() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("out")).unwrap();
    let cache = Cache::open(&dir.path().join("disks")).unwrap();
    let names = || {
        let mut names: Vec<String> = std::fs::read_dir(dir.path().join("disks"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| !name.ends_with(".lock"))
            .collect();
        names.sort();
        names
    };
    let key = disk().key;
    for fault in [
        "disk-claimed",
        "disk-synced",
        "json-written",
        "disk-described",
    ] {
        die(&mut in_child(dir.path()), fault);
        assert_eq!(cache.find(&key).unwrap(), None, "{fault}");
        assert_eq!(names(), [format!("{key}.partial")], "{fault}");
        cache.sweep(|_| {});
        assert_eq!(names(), [""; 0], "{fault}");
    }
    die(&mut in_child(dir.path()), "disk-placed");
    let whole = |disk: &BaseDisk| std::fs::read(&disk.file).unwrap() == vec![7; 1 << 20];
    assert!(whole(&cache.find(&key).unwrap().unwrap()));
    assert_eq!(names(), [key.to_string()]);

    die(&mut in_child(dir.path()), "export-converted");
    assert!(
        !dir.path().join("out/disk.qcow2").exists(),
        "a file appears when it is complete"
    );
    assert!(whole(&cache.find(&key).unwrap().unwrap()));

    die(&mut in_child(dir.path()), "disk-doomed");
    assert_eq!(cache.find(&key).unwrap(), None);
    // Without a fault it succeeds, whatever the others left.
    succeed(&mut in_child(dir.path()));
    assert_eq!(
        std::fs::read_dir(dir.path().join("disks")).unwrap().count(),
        0
    );
    let out: Vec<_> = std::fs::read_dir(dir.path().join("out"))
        .unwrap()
        .flatten()
        .collect();
    assert_eq!(out.len(), 1, "{out:?}");
}

#[test]
fn a_full_disk_leaves_no_half_made_vm() {
    let host = Host::new();
    let small = Small::new(host.path("data"), "4k");
    let mut failures = 0;
    // The room grows step by step, so that each file of the VM is once the one that does not fit.
    for pages in 1.. {
        small.resize(&format!("{}k", pages * 4));
        let output = host.run("one").output().unwrap();
        if output.status.success() {
            break;
        }
        failures += 1;
        let message = String::from_utf8_lossy(&output.stderr);
        assert!(
            message.contains("No space left on device"),
            "{pages} pages: {message}"
        );
        assert_eq!(output.status.code(), Some(125));
        let left: Vec<_> = std::fs::read_dir(host.vms())
            .map(|l| l.flatten().collect())
            .unwrap_or_default();
        assert!(left.is_empty(), "{pages} pages: {left:?}");
        assert!(pages < 1000);
        // The firmware's variables are large: many steps fail in the same way.
        if failures > 40 {
            small.resize("64m");
        }
    }
    assert!(failures > 5, "{failures}");
    small.resize("64m");
    succeed(&mut host.command(&["rm", "-f", "one"]));
}

#[test]
fn a_full_disk_leaves_no_half_made_base_disk_or_export() {
    let dir = tempfile::tempdir().unwrap();
    let out = Small::new(dir.path().join("out"), "256k");
    let disks = Small::new(dir.path().join("disks"), "2m");
    let fails = |what: &str| {
        let output = in_child(dir.path()).output().unwrap();
        assert!(!output.status.success(), "{what}");
    };
    fails("exporting");
    assert_eq!(std::fs::read_dir(&out).unwrap().count(), 0);
    let cache = Cache::open(disks.as_ref()).unwrap();
    assert!(
        cache
            .remove::<podman_bootc::disk::Error>(&disk().key, false, || Ok(false))
            .unwrap()
    );
    out.resize("16m");
    let mut failures = Vec::new();
    for pages in [1, 2, 100, 256, 257, 258] {
        disks.resize(&format!("{}k", pages * 4));
        let output = in_child(dir.path()).output().unwrap();
        if !output.status.success() {
            assert_eq!(cache.find(&disk().key).unwrap(), None, "{pages} pages");
            failures.push(pages);
        }
    }
    // The disk's data takes 256 pages; the filesystem needs a few of its own.
    assert!(failures.starts_with(&[1, 2, 100, 256]), "{failures:?}");
    disks.resize("16m");
    succeed(&mut in_child(dir.path()));
    assert_eq!(std::fs::read_dir(&disks).unwrap().count(), 0);
}
