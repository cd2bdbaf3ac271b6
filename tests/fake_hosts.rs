//! What the tool asks of the programs of other systems, from `run` to `rm`.
//!
//! Fakes (`fakes/`) answer in place of these programs, on every system. The tests show that the
//! tool asks for the right things in the right order, and understands the answers that the real
//! programs are known to give.
//!
//! The tests for macOS need a Unix. The tests for Windows run everywhere, also under wine.
//! `cross.sh` runs them there, and all of them for arm64.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "common"]
mod common {
    #[cfg(target_os = "linux")]
    pub mod process;
    pub mod tool;
    pub mod wait;
}
#[cfg(unix)]
#[path = "fake_hosts/failures.rs"]
mod failures;
#[cfg(unix)]
#[path = "fake_hosts/macos.rs"]
mod macos;
#[path = "fake_hosts/windows.rs"]
mod windows;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use common::tool::Tool;
use common::wait::eventually;
use serde_json::Value;
use tempfile::TempDir;

const IMAGE: &str = "localhost/my-os";
/// More than any step takes, even with an emulated processor.
const LONG: Duration = Duration::from_secs(60);

/// The tool on a host whose programs are all fakes.
struct Host {
    tool: Tool,
    _folder: TempDir,
}

/// One call of a program.
#[derive(Debug)]
struct Call {
    program: String,
    args: Vec<String>,
}

impl Call {
    fn line(&self) -> String {
        self.args.join(" ")
    }
}

impl Host {
    /// A host with the rules of this system, and with these programs besides podman and qemu-img.
    fn new(os: &'static str, programs: &[&str]) -> Self {
        let folder = tempfile::Builder::new().prefix("pbs").tempdir().unwrap();
        let mut tool = Tool::new(folder.path());
        for (variable, folder) in [
            ("PODMAN_BOOTC_FAKE_FOLDERS", ""),
            ("FAKE_RECORD", "record"),
            ("FAKE_STATE", "state"),
            // The tool finds no other program.
            ("PATH", "bin"),
            ("ProgramFiles", "programs"),
        ] {
            tool.set(variable, tool.path(folder));
        }
        tool.set("PODMAN_BOOTC_FAKE_OS", os);
        for name in ["bin", "record", "state", "share"] {
            std::fs::create_dir(tool.path(name)).unwrap();
        }
        let suffix = std::env::consts::EXE_SUFFIX;
        for program in [&["podman", "qemu-img"], programs].concat() {
            let place = tool.path("bin").join(format!("{program}{suffix}"));
            let fake = Path::new(env!("CARGO_BIN_EXE_fake"));
            std::fs::hard_link(fake, &place)
                .or_else(|_| std::fs::copy(fake, &place).map(drop))
                .unwrap();
        }
        Self {
            tool,
            _folder: folder,
        }
    }

    /// Writes firmware files to a folder, as QEMU's packages do, and returns the path of the code.
    /// An arm64 machine doesn't start without firmware.
    fn firmware(&self, folder: &str) -> PathBuf {
        let (code, vars) = match std::env::consts::ARCH {
            "aarch64" => ("edk2-aarch64-code.fd", "edk2-arm-vars.fd"),
            _ => ("edk2-x86_64-code.fd", "edk2-i386-vars.fd"),
        };
        std::fs::create_dir_all(self.path(folder)).unwrap();
        for (name, text) in [(code, "code"), (vars, "variables")] {
            std::fs::write(self.path(folder).join(name), text).unwrap();
        }
        self.path(folder).join(code)
    }

    fn set(&mut self, name: &str, value: &str) {
        self.tool.set(name, value);
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        self.set(name, value);
        self
    }

    fn path(&self, name: &str) -> PathBuf {
        self.tool.path(name)
    }

    fn vm(&self, name: &str) -> PathBuf {
        self.path("data/vms/one").join(name)
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.tool.command(args);
        for variable in ["CONTAINER_HOST", "CONTAINER_CONNECTION", "CONTAINERS_CONF"] {
            command.env_remove(variable);
        }
        command
    }

    fn succeed(&self, args: &[&str]) -> String {
        let output = self.command(args).output().unwrap();
        assert!(
            output.status.success(),
            "{args:?}: {}\n{}",
            message(&output),
            self.logs()
        );
        String::from_utf8(output.stdout).unwrap()
    }

    fn fail(&self, args: &[&str]) -> String {
        let output = self.command(args).output().unwrap();
        assert_eq!(
            output.status.code(),
            Some(125),
            "{args:?}: {}",
            message(&output)
        );
        message(&output)
    }

    /// Runs `run -d` with the image, a small disk and the name `one`.
    fn run(&self, args: &[&str]) {
        let words = [
            &["run", "-q", "-d", "--name", "one", "--disk-size", "520M"],
            args,
            &[IMAGE],
        ]
        .concat();
        assert_eq!(self.succeed(&words), "one\n");
    }

    fn row(&self) -> Value {
        let rows: Value =
            serde_json::from_str(&self.succeed(&["list", "--format", "json"])).unwrap();
        rows[0].clone()
    }

    fn logs(&self) -> String {
        let logs = ["supervisor.log", "qemu.log", "console.log"];
        logs.map(|log| std::fs::read_to_string(self.vm(log)).unwrap_or_default())
            .join("\n")
    }

    /// Returns all calls of a program so far.
    fn calls(&self, program: &str) -> Vec<Call> {
        let mut files: Vec<PathBuf> = std::fs::read_dir(self.path("record"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        files.retain(|file| file.extension().is_some_and(|e| e == "json"));
        files.sort();
        let call = |file: &PathBuf| {
            let value: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
            let args = value["args"]
                .as_array()
                .unwrap()
                .iter()
                .map(|arg| arg.as_str().unwrap().to_owned());
            Call {
                program: value["program"].as_str().unwrap().to_owned(),
                args: args.collect(),
            }
        };
        files
            .iter()
            .map(call)
            .filter(|call| call.program == program)
            .collect()
    }

    /// Returns the only call of a program.
    fn call(&self, program: &str) -> String {
        let [call] = &self.calls(program)[..] else {
            panic!("{:?}", self.calls(program))
        };
        call.line()
    }

    fn has_logged(&self, text: &str) {
        let log = self.vm("console.log");
        self.wait_until(text, || {
            std::fs::read_to_string(&log)
                .unwrap_or_default()
                .contains(text)
        });
    }

    fn wait_until(&self, what: &str, is_true: impl Fn() -> bool) {
        let found = eventually(LONG, || is_true().then_some(()));
        assert!(found.is_some(), "{what}\n{}", self.logs());
    }

    /// Types keys on the console, detaches, and returns the messages of `console`.
    fn type_on_console(&self, keys: &[u8]) -> String {
        let mut command = self.command(&["console", "one"]);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut console = command.spawn().unwrap();
        console
            .stdin
            .take()
            .unwrap()
            .write_all(&[keys, &[0x1d]].concat())
            .unwrap();
        let output = console.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", message(&output));
        message(&output)
    }

    /// Stops the VM, starts it again, and removes it.
    fn stop_start_remove(&self) {
        self.succeed(&["stop", "one"]);
        assert_eq!(self.row()["state"], "stopped", "{}", self.logs());
        self.succeed(&["start", "one"]);
        assert_eq!(self.row()["state"], "running");
        self.fail(&["rm", "one"]);
        self.succeed(&["rm", "-f", "one"]);
        assert_eq!(self.succeed(&["list", "-q"]), "");
        assert!(!self.vm("").exists());
        let left: Vec<_> = std::fs::read_dir(self.path("run"))
            .unwrap()
            .flatten()
            .collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // A failed test leaves nothing running either.
        let _ = self.command(&["rm", "-f", "--all"]).output();
    }
}

fn message(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Asserts that the text contains each of these.
fn has(line: &str, wanted: &[&str]) {
    for want in wanted {
        assert!(line.contains(want), "{want}\nis not in\n{line}");
    }
}

#[test]
fn an_unusable_podman_machine_is_reported_with_the_remedy() {
    for (machine, want) in [
        ("absent", "podman machine init --rootful --now"),
        ("stopped", "podman machine start podman-machine-default"),
        (
            "rootless",
            "podman machine set --rootful podman-machine-default",
        ),
    ] {
        let host = Host::new("macos", &["vfkit", "gvproxy"]).with("FAKE_MACHINE", machine);
        has(&host.fail(&["run", "-q", "-d", IMAGE]), &[want]);
        assert!(host.calls("vfkit").is_empty());
    }
}

#[test]
fn an_install_that_fails_in_a_container_is_reported_and_logged() {
    for (how, wants) in [
        (
            "unasked",
            &["print-configuration failed", "unrecognized subcommand"][..],
        ),
        (
            "half",
            &["exit status: 1", "Installing image", "no loop device"],
        ),
        (
            "nothing",
            &["is not whole: the disk has no valid partition table"],
        ),
    ] {
        let host = Host::new("macos", &["vfkit", "gvproxy"]).with("FAKE_INSTALL", how);
        let message = host.fail(&["run", "-q", "-d", "--disk-size", "520M", IMAGE]);
        // On Windows the message says "exit code".
        has(&message.replace("exit code", "exit status"), wants);
        let log = message
            .split("the whole log is in ")
            .nth(1)
            .unwrap()
            .split(')')
            .next()
            .unwrap();
        let log = std::fs::read_to_string(log).unwrap();
        has(
            &log,
            &wants[1..]
                .iter()
                .copied()
                .filter(|want| !want.starts_with("exit"))
                .collect::<Vec<_>>(),
        );
        assert!(host.calls("vfkit").is_empty());
    }
}

#[cfg(unix)]
#[test]
fn an_install_without_a_boot_loader_is_whole() {
    let host = Host::new("macos", &["vfkit", "gvproxy"]);
    host.run(&["--bootloader", "none"]);
    assert_eq!(host.row()["state"], "running");
}

#[cfg(target_os = "linux")]
#[test]
fn a_podman_that_is_only_a_client_is_reported_with_the_remedy() {
    use std::os::unix::fs::PermissionsExt as _;
    let report = |host: &Host| {
        let output = host
            .command(&["doctor", "--format", "json"])
            .output()
            .unwrap();
        let rows: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(1), "{rows}");
        assert_eq!(rows[0]["status"], "missing", "{rows}");
        rows[0]["result"].as_str().unwrap().to_owned()
    };
    let host = Host::new("linux", &["podman-remote"]);
    let podman = host.path("bin/podman");
    std::fs::remove_file(&podman).unwrap();
    let remedy = "with `--connection NAME`";
    has(&report(&host), &["only podman-remote", remedy]);
    has(
        &host.fail(&["run", "-q", IMAGE]),
        &["only podman-remote", remedy],
    );

    std::fs::write(&podman, "#!/bin/sh\necho '  images  List images'\n").unwrap();
    std::fs::set_permissions(&podman, std::fs::Permissions::from_mode(0o755)).unwrap();
    has(&report(&host), &["podman here is only a client", remedy]);
}

#[test]
fn doctor_checks_what_each_system_needs() {
    let check = |host: &Host| -> (Value, Option<i32>) {
        let output = host
            .command(&["doctor", "--format", "json"])
            .output()
            .unwrap();
        (
            serde_json::from_slice(&output.stdout).unwrap(),
            output.status.code(),
        )
    };
    let status = |rows: &Value, name: &str| -> Option<String> {
        let row = rows
            .as_array()
            .unwrap()
            .iter()
            .find(|row| row["check"] == name)?;
        Some(row["status"].as_str().unwrap().to_owned())
    };
    let (rows, code) = check(&Host::new("macos", &["vfkit", "gvproxy", "ssh"]));
    for (name, want) in [
        ("podman machine", "ok"),
        ("QEMU", "optional"),
        ("vfkit", "ok"),
        ("ssh", "ok"),
    ] {
        assert_eq!(status(&rows, name).as_deref(), Some(want), "{rows}");
    }
    assert_eq!(
        (status(&rows, "mkfs.erofs"), code),
        (None, Some(0)),
        "{rows}"
    );
    // Hyper-V works without its sockets, and only Windows can have these.
    let (rows, code) = check(&Host::new("windows", &["powershell", "ssh"]));
    assert_eq!(
        (status(&rows, "Hyper-V").as_deref(), code),
        (Some("ok"), Some(0)),
        "{rows}"
    );
    let row = rows
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["check"] == "SSH without a network")
        .unwrap();
    #[cfg(windows)]
    has(
        row["hint"].as_str().unwrap(),
        &[
            r"New-Item -Force -Path 'HKLM:\SOFTWARE\Microsoft\Windows NT\",
            "00000016-facb-",
        ],
    );
    assert!(
        ["ok", "optional"].contains(&row["status"].as_str().unwrap()),
        "{rows}"
    );
    let denied = Host::new("windows", &["powershell", "ssh"]).with("FAKE_HYPERV", "denied");
    let (rows, code) = check(&denied);
    assert_eq!(
        (status(&rows, "Hyper-V").as_deref(), code),
        (Some("missing"), Some(1)),
        "{rows}"
    );
}

#[test]
fn what_a_hypervisor_cannot_do_is_refused_before_the_boot() {
    let mac = Host::new("macos", &["vfkit", "gvproxy"]);
    let share = format!("{}:/mnt/x", mac.path("share").display());
    let read_only = format!("{share}:ro");
    for (args, want) in [
        (&["--ephemeral"][..], "--ephemeral"),
        (&["-v", &read_only], "leave out :ro"),
        (&["--user", "core"], "for root only"),
        (&["--accel", "hvf"], "leave out --accel"),
        (&["--hypervisor", "hyperv"], "Hyper-V is not for macOS"),
        (&["--hypervisor", "krunkit"], "brew install krunkit"),
        (&["--install-in", "vm"], "Linux only"),
    ] {
        has(
            &mac.fail(&[&["run", "-q", "-d"], args, &[IMAGE]].concat()),
            &[want],
        );
    }
    assert!(mac.calls("vfkit").is_empty());

    let windows = Host::new("windows", &["powershell"]);
    let error = windows.fail(&["run", "-q", "-d", "-v", &share, IMAGE]);
    has(&error, &["Hyper-V can't share folders", "SSHFS", "SMB"]);
    has(
        &windows.fail(&["run", "-q", "-d", "-p", "53/udp", IMAGE]),
        &["UDP"],
    );
    for (like, want) in [
        ("denied", "Hyper-V Administrators"),
        ("stopped", "Start-Service vmms"),
        ("absent", "Enable-WindowsOptionalFeature"),
    ] {
        let windows = Host::new("windows", &["powershell"]).with("FAKE_HYPERV", like);
        has(
            &windows.fail(&["run", "-q", "-d", "--hypervisor", "hyperv", "--rm", IMAGE]),
            &[want],
        );
        assert!(
            windows.calls("podman").is_empty(),
            "no disk is installed first"
        );
    }
}
