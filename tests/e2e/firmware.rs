//! Firmware: each one boots the disks it can and no others. These tests need no guest system.

use std::fs;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::{BOOT, Running, SOON, Sandbox, Signal, wait_for};

const BY_BIOS: &str = "the boot sector runs";
const BY_UEFI: &str = "the shell on the disk runs";

/// Creates a disk whose boot sector prints [`BY_BIOS`] on the first serial port.
fn bios_disk(folder: &Path) -> PathBuf {
    // cli; xor ax, ax; mov ds, ax; mov dx, 0x3f8; mov si, message
    let mut code = vec![0xfa, 0x31, 0xc0, 0x8e, 0xd8, 0xba, 0xf8, 0x03, 0xbe];
    // lodsb; test al, al; jz +3; out dx, al; jmp -8; hlt; jmp -3
    let body = [
        0xac, 0x84, 0xc0, 0x74, 0x03, 0xee, 0xeb, 0xf8, 0xf4, 0xeb, 0xfd,
    ];
    let message = 0x7c00 + code.len() + 2 + body.len();
    code.extend(u16::try_from(message).unwrap().to_le_bytes());
    code.extend(body);
    code.extend(BY_BIOS.bytes());
    code.extend(b"\r\n\0");
    let mut disk = vec![0; 1 << 20];
    disk[..code.len()].copy_from_slice(&code);
    disk[510..512].copy_from_slice(&[0x55, 0xaa]);
    keep(folder, "bios, \"1\".img", &disk)
}

/// Creates a disk with a script for UEFI's shell, which prints [`BY_UEFI`] and powers off.
fn uefi_disk(folder: &Path) -> PathBuf {
    let mut disk = Cursor::new(vec![0; 4 << 20]);
    fatfs::format_volume(&mut disk, fatfs::FormatVolumeOptions::new()).unwrap();
    let filesystem = fatfs::FileSystem::new(&mut disk, fatfs::FsOptions::new()).unwrap();
    let script = format!("@echo -off\r\necho {BY_UEFI}\r\nreset -s\r\n");
    filesystem
        .root_dir()
        .create_file("startup.nsh")
        .unwrap()
        .write_all(script.as_bytes())
        .unwrap();
    filesystem.unmount().unwrap();
    keep(folder, "uefi disk.img", &disk.into_inner())
}

fn keep(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, bytes).unwrap();
    path
}

/// Starts a VM with this disk, and waits until its console prints a text.
fn started(sandbox: &Sandbox, name: &str, disk: &Path, more: &[&str], text: &str) -> String {
    let disk = disk.to_str().unwrap();
    // A firmware that finds no boot loader tries the network for minutes.
    let words = [
        "run", "--detach", "--nic", "none", "--memory", "512M", "--name", name, "--disk", disk,
    ];
    sandbox.ok(&[&words, more].concat());
    wait_for(text, BOOT, || {
        let log = sandbox.ok(&["logs", name]);
        assert!(sandbox.state(name) != "crashed", "{log}");
        log.contains(text).then_some(log)
    })
}

#[test]
fn each_firmware_boots_the_disks_it_can() {
    let sandbox = Sandbox::new("firmware");
    let (bios, uefi) = (bios_disk(sandbox.root()), uefi_disk(sandbox.root()));

    started(&sandbox, "bios", &bios, &["--firmware", "bios"], BY_BIOS);
    let picture = sandbox.root().join("screen, 1.png");
    sandbox.ok(&["screenshot", "bios", picture.to_str().unwrap()]);
    assert!(fs::read(&picture).unwrap().starts_with(b"\x89PNG\r\n"));
    sandbox
        .run(&["screenshot", "bios", "/no/such/folder/x.png"])
        .expect(125)
        .says("/no/such/folder/x.png");
    settings_of_a_stopped_vm(&sandbox);
    sandbox.ok(&["rm", "--force", "bios"]);

    // The BIOS disk doesn't boot with UEFI, and secure boot refuses the unsigned UEFI disk.
    started(&sandbox, "uefi", &uefi, &["--firmware", "uefi"], BY_UEFI);
    wait_for("the end", SOON, || {
        (sandbox.state("uefi") == "stopped").then_some(())
    });
    let variables = sandbox.vm_folder("uefi").join("vars.fd");
    assert!(variables.exists(), "its variables are its own");
    let secure = ["--firmware", "secure", "--tpm"];
    let log = started(&sandbox, "secure", &uefi, &secure, "Security Violation");
    assert!(!log.contains(BY_UEFI), "{log}");
    // Another architecture has another firmware, which boots the disk too.
    started(&sandbox, "arm", &uefi, &["--arch", "aarch64"], BY_UEFI);
    let state = sandbox.vm_folder("secure").join("tpm");
    assert!(
        fs::read_dir(&state).unwrap().count() > 0,
        "the TPM's state is kept"
    );
    let tpm = sandbox.process("swtpm");
    sandbox.ok(&["rm", "--force", "uefi", "secure", "arm"]);
    assert!(!tpm.lives() && !state.exists());
    sandbox.assert_clean(&[]);
}

fn settings_of_a_stopped_vm(sandbox: &Sandbox) {
    sandbox
        .run(&["set", "bios", "--cpus", "3"])
        .expect(125)
        .says("is running")
        .says("stop bios");
    sandbox.ok(&["stop", "--time", "0", "bios"]);
    sandbox.run(&["set", "bios"]).expect(125).says("--cpus");
    sandbox.ok(&["set", "bios", "--cpus", "3", "--memory", "300M"]);
    sandbox.ok(&["set", "bios", "--memory", "400M"]);
    let format = "{{.spec.cpus}} {{.spec.memory_mib}}";
    assert_eq!(
        sandbox.ok(&["inspect", "--format", format, "bios"]),
        "3 400\n"
    );
    sandbox.ok(&["start", "bios"]);
    wait_for("the second start", BOOT, || {
        let boot = sandbox.ok(&["logs", "--boot", "bios"]);
        boot.contains(BY_BIOS)
            .then(|| assert_eq!(boot.matches(BY_BIOS).count(), 1))
    });
    assert_eq!(
        sandbox.ok(&["logs", "bios"]).matches(BY_BIOS).count(),
        2,
        "both starts are kept"
    );
    assert_eq!(
        sandbox
            .ok(&["logs", "--since", "1h", "bios"])
            .matches(BY_BIOS)
            .count(),
        2
    );
    let later = ["logs", "--since", "2999-01-01T00:00:00Z", "bios"];
    assert_eq!(sandbox.ok(&later), "");
    let qemu = sandbox.wait_qemu().command;
    assert!(qemu.contains("size=400M"), "{qemu}");
}

/// A display without a screen. It ends when the value is dropped.
struct Display {
    server: Running,
    name: String,
}

impl Display {
    fn new() -> Self {
        let mut server = Command::new("Xvfb");
        // The server chooses a free number and prints it.
        server.args([
            "-displayfd",
            "1",
            "-nolisten",
            "tcp",
            "-screen",
            "0",
            "800x600x24",
        ]);
        let server = Running::start(server, Some(vec![]));
        server.wait_stdout("\n", SOON);
        let name = format!(":{}", server.text().trim());
        Self { server, name }
    }

    /// Returns the titles of all windows.
    fn windows(&self) -> String {
        let output = Command::new("xwininfo")
            .args(["-root", "-tree", "-display", &self.name])
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

#[test]
fn a_vm_has_a_window_on_a_display() {
    let sandbox = Sandbox::new("window");
    let disk = bios_disk(sandbox.root());
    let display = Display::new();
    let words = [
        "run",
        "--detach",
        "--nic",
        "none",
        "--memory",
        "512M",
        "--firmware",
        "bios",
        "--gui",
        "--name",
        "seen",
    ];
    let mut tool = sandbox.tool(&[&words[..], &["--disk", disk.to_str().unwrap()]].concat());
    tool.env("DISPLAY", &display.name)
        .env_remove("WAYLAND_DISPLAY");
    Running::start(tool, Some(vec![])).finish(BOOT).expect(0);
    wait_for("the window", SOON, || {
        display.windows().contains("QEMU (seen)").then_some(())
    });
    sandbox.ok(&["rm", "--force", "seen"]);
    assert!(!display.windows().contains("QEMU (seen)"));
    // The server removes its lock and its socket.
    display.server.signal(Signal::TERM);
    display.server.finish(SOON);
    sandbox.assert_clean(&[]);
}

#[test]
fn impossible_vms_are_refused_before_any_work() {
    let sandbox = Sandbox::with_empty_cache("refused");
    let root = sandbox.root().to_path_buf();
    let file = |name: &str, text: &str| {
        keep(&root, name, text.as_bytes())
            .to_str()
            .unwrap()
            .to_owned()
    };
    fs::create_dir(root.join("seed")).unwrap();
    let seed = file("seed/user-data", "#cloud-config\nusers: [\n");
    let big = file("big", &"x".repeat(16 << 10));
    let private = file("key", "-----BEGIN OPENSSH PRIVATE KEY-----\n");
    let ignition = file("config.ign", "{\"ignition\": {}}");
    let seed = Path::new(&seed)
        .parent()
        .unwrap()
        .to_str()
        .unwrap()
        .to_owned();
    let refused = |flags: &[&str], words: &[&str]| {
        // The tool doesn't look at the image or at podman.
        let args = [&["run"], flags, &["localhost/no-such-image"]].concat();
        let mut tool = sandbox.tool(&args);
        tool.env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY");
        let output = Running::start(tool, Some(vec![])).finish(SOON).expect(125);
        let output = output.silent_about("no-such-image");
        words.iter().fold(output, |output, word| output.says(word));
    };
    refused(&["--cloudinit", &seed], &["user-data", "line 3"]);
    refused(&["--cloudinit", "/no/such"], &["/no/such"]);
    refused(&["--ignition", &ignition], &["config.ign", "version"]);
    refused(&["--ssh-key", &private], &["private key", ".pub"]);
    refused(&["--credential", &format!("a=@{big}")], &["16384"]);
    refused(&["--credential", "a b=c"], &["a b"]);
    refused(&["--hostname", "a_b"], &["a_b"]);
    refused(&["--add-disk", "/no/such.qcow2"], &["/no/such.qcow2"]);
    refused(&["--add-disk", "new:5"], &["new:5"]);
    refused(&["--nic", "none", "--publish", "80"], &["--nic none"]);
    refused(&["--gui"], &["WAYLAND_DISPLAY"]);
    refused(&["--hypervisor", "hyperv"], &["Hyper-V is not for"]);
    refused(&["--ephemeral", "--firmware", "bios"], &["--firmware"]);
    assert!(sandbox.list().is_empty());
    sandbox.assert_clean(&[]);
}
