//! The programs of other systems fail, lack something or are killed.

use std::process::Stdio;

use super::{Host, IMAGE, has, message};
#[cfg(target_os = "linux")]
use crate::common::process::Process;

#[test]
fn a_start_that_hangs_can_be_broken_off() {
    for words in [&["stop", "--time", "0", "one"][..], &["rm", "-f", "one"]] {
        let host = Host::new("macos", &["vfkit", "gvproxy"]).with("FAKE_STUCK", "1");
        let run = [
            "run",
            "-q",
            "-d",
            "--name",
            "one",
            "--disk-size",
            "520M",
            IMAGE,
        ];
        let running = host
            .command(&run)
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        host.wait_until("vfkit starts", || !host.calls("vfkit").is_empty());
        host.succeed(words);
        let output = running.wait_with_output().unwrap();
        let text = message(&output);
        assert_eq!(output.status.code(), Some(125), "{text}");
        assert!(
            !text.contains("within"),
            "it waited for vfkit's answer to the end: {text}"
        );
    }
}

#[test]
fn a_kernel_panic_is_reported_as_one() {
    for name in ["vfkit", "krunkit"] {
        let host = Host::new("macos", &[name, "gvproxy"]).with("FAKE_PANIC", "1");
        // The guest may crash before or after `run` sees it run.
        let run = [
            "run",
            "-q",
            "-d",
            "--name",
            "one",
            "--disk-size",
            "520M",
            "--hypervisor",
            name,
            IMAGE,
        ];
        host.command(&run).output().unwrap();
        host.wait_until("the VM crashes", || host.row()["state"] != "running");
        has(
            &host.fail(&["ssh", "one", "true"]),
            &["crashed: kernel panic: sysrq triggered crash"],
        );
    }
}

#[test]
fn a_failed_accelerator_is_reported_and_forgotten_once_it_works() {
    let qemu = format!("qemu-system-{}", std::env::consts::ARCH);
    let mut host = Host::new("macos", &[&qemu]);
    host.firmware("share/qemu");
    let memory = host.path("cache/accelerator.json");
    let accelerators = |host: &Host| -> Vec<String> {
        let starts = host.calls(&qemu).into_iter().map(|call| call.line());
        starts
            .filter_map(|line| {
                Some(
                    line.split("-accel ")
                        .nth(1)?
                        .split([' ', ','])
                        .next()?
                        .into(),
                )
            })
            .collect()
    };
    let start = |host: &Host, args: &[&str]| {
        let run = [
            "run",
            "-d",
            "--name",
            "one",
            "--disk-size",
            "520M",
            "--hypervisor",
            "qemu",
        ];
        let output = host
            .command(&[&run[..], args, &[IMAGE]].concat())
            .output()
            .unwrap();
        (output.status.code().unwrap(), message(&output))
    };
    let note = "HVF doesn't work on this host";

    // This failure has nothing to do with the accelerator, so emulation would not help.
    host.set("FAKE_HARDWARE_FAILS", "cannot set up guest memory 'pc.ram'");
    let (code, text) = start(&host, &[]);
    assert!(
        code == 125 && text.contains("guest memory") && !text.contains(note),
        "{text}"
    );
    assert_eq!(accelerators(&host), ["hvf"]);

    host.set("FAKE_HARDWARE_FAILS", "-accel hvf: Error: ret = HV_DENIED");
    let (code, text) = start(&host, &[]);
    assert!(
        code == 0 && text.matches(note).count() == 1 && text.contains("--accel hvf"),
        "{text}"
    );
    host.has_logged("fake QEMU booted");
    assert_eq!(accelerators(&host)[1..], ["hvf", "tcg"]);
    host.succeed(&["rm", "-f", "one"]);
    let (code, text) = start(&host, &[]);
    assert!(
        code == 0 && text.matches(note).count() == 1 && text.contains("HV_DENIED"),
        "{text}"
    );
    assert_eq!(accelerators(&host)[3..], ["tcg"]);
    host.succeed(&["rm", "-f", "one"]);

    // From here on, the accelerator works.
    assert!(memory.exists());
    host.set("FAKE_HARDWARE_FAILS", "");
    host.set("FAKE_READY", "1");
    assert_eq!(start(&host, &["--accel", "hvf"]).0, 0);
    host.wait_until("the failure is forgotten", || !memory.exists());
    host.succeed(&["rm", "-f", "one"]);
    let (code, text) = start(&host, &[]);
    assert!(code == 0 && !text.contains(note), "{text}");
    assert_eq!(accelerators(&host)[4..], ["hvf", "hvf"]);
}

#[test]
fn a_start_of_a_running_vm_leaves_its_log_alone() {
    let host = Host::new("macos", &["vfkit", "gvproxy"]);
    host.run(&[]);
    let log = host.vm("supervisor.log");
    std::fs::write(&log, "said before\n").unwrap();
    has(&host.fail(&["start", "one"]), &["already running"]);
    assert_eq!(std::fs::read_to_string(&log).unwrap(), "said before\n");
}

/// Without descriptors, the tool looks for the firmware where QEMU's packages put it.
#[test]
fn qemus_firmware_is_found_beside_qemu() {
    let qemu = format!("qemu-system-{}", std::env::consts::ARCH);
    for (os, folder) in [("macos", "share/qemu"), ("windows", "bin/share")] {
        let host = Host::new(os, &[&qemu, "ssh"]);
        let run = [
            "run",
            "-q",
            "-d",
            "--hypervisor",
            "qemu",
            "--firmware",
            "uefi",
            IMAGE,
        ];
        has(&host.fail(&run), &["no UEFI firmware", "comes with QEMU"]);
        let installs = host
            .calls("podman")
            .iter()
            .any(|call| call.line().contains("--privileged"));
        assert!(!installs, "it is said before the install");

        let code = host.firmware(folder);
        host.run(&["--hypervisor", "qemu"]);
        let line = host.calls(&qemu).last().unwrap().line();
        has(&line, &[&format!("\"filename\":\"{}\"", code.display())]);
        assert_eq!(
            std::fs::read_to_string(host.vm("vars.fd")).unwrap(),
            "variables"
        );
        host.succeed(&["stop", "one"]);
        let name = code.file_name().unwrap().to_str().unwrap();
        std::fs::rename(&code, host.path("away")).unwrap();
        has(
            &host.fail(&["start", "one"]),
            &["its firmware", name, "no longer exists"],
        );
        std::fs::rename(host.path("away"), &code).unwrap();
        let doctor = host.command(&["doctor"]).output().unwrap();
        has(&String::from_utf8(doctor.stdout).unwrap(), &[name]);
    }
}

/// The help of every build names the option, so that the tool has to try it.
#[test]
fn qemu_without_its_sandbox_is_started_without_it() {
    let qemu = format!("qemu-system-{}", std::env::consts::ARCH);
    let sandboxed = |host: &Host| -> Vec<bool> {
        let calls = host.calls(&qemu);
        let starts = calls.iter().filter(|call| call.args != ["-help"]);
        starts
            .map(|call| call.args.iter().any(|arg| arg == "-sandbox"))
            .collect()
    };
    for (setting, tries) in [("", &[true][..]), ("1", &[true, false])] {
        let host = Host::new("linux", &[&qemu]).with("FAKE_NO_SANDBOX", setting);
        host.succeed(&[
            "run",
            "-q",
            "-d",
            "--name",
            "one",
            "--accel",
            "tcg",
            "--disk",
            &disk(&host),
        ]);
        assert_eq!(host.row()["state"], "running", "{}", host.logs());
        assert_eq!(sandboxed(&host), tries);
    }
    for (os, folder) in [("macos", "share/qemu"), ("windows", "bin/share")] {
        let host = Host::new(os, &[&qemu]);
        host.firmware(folder);
        let run = [
            "run",
            "-q",
            "-d",
            "--name",
            "one",
            "--hypervisor",
            "qemu",
            "--accel",
            "tcg",
            "--disk",
        ];
        host.succeed(&[&run[..], &[&disk(&host)]].concat());
        assert_eq!(sandboxed(&host), [false], "{os}");
        assert!(
            host.calls("podman").is_empty(),
            "a disk image needs no podman machine"
        );
    }
}

/// Creates a disk with the mark of a boot sector.
fn disk(host: &Host) -> String {
    let disk = host.path("state").join("disk.raw");
    std::fs::write(&disk, [&[0; 510][..], &[0x55, 0xaa]].concat()).unwrap();
    disk.to_str().unwrap().to_owned()
}

#[test]
fn a_guest_that_stalls_during_boot_is_started_once_more() {
    let qemu = format!("qemu-system-{}", std::env::consts::ARCH);
    for (lost, starts, state) in [("1", 2, "running"), ("2", 2, "crashed")] {
        let host = Host::new("linux", &[&qemu]).with("FAKE_TIMER_LOST", lost);
        let run = [
            "run", "-q", "-d", "--name", "one", "--accel", "tcg", "--cpus", "2", "--disk",
        ];
        host.succeed(&[&run[..], &[&disk(&host)]].concat());
        let started = || {
            host.calls(&qemu)
                .iter()
                .filter(|call| call.args != ["-help"])
                .count()
        };
        host.wait_until(state, || {
            started() == starts && host.row()["state"] == state
        });
    }
}

/// On Linux the fake dies with the supervisor, too. It leaves a VM that still uses its disk.
#[cfg(target_os = "linux")]
#[test]
fn a_vm_that_a_killed_supervisor_left_in_hyperv_is_removed_before_its_disk() {
    let host = Host::new("windows", &["powershell"]);
    host.run(&[]);
    let left = host.path("state/running-podman-bootc-one");
    assert!(left.exists());
    kill_supervisor(&host);
    host.succeed(&["rm", "one"]);
    assert!(!left.exists() && !host.vm("").exists());
    let removal = super::windows::script(
        host.calls("powershell")
            .last()
            .unwrap()
            .args
            .last()
            .unwrap(),
    );
    has(&removal, &["Remove-VM"]);
    assert_eq!(
        super::windows::value(&removal)["disk"],
        host.vm("disk.vhdx").to_str().unwrap()
    );
    // `list` removes a `--rm` VM whose supervisor was killed.
    host.run(&["--rm"]);
    assert!(left.exists());
    kill_supervisor(&host);
    assert_eq!(host.succeed(&["list", "-q"]), "");
    assert!(!left.exists() && !host.vm("").exists());
}

/// macOS does not end a process with its parent.
#[cfg(target_os = "linux")]
#[test]
fn a_hypervisor_ends_with_a_supervisor_that_is_killed() {
    let host = Host::new("macos", &["vfkit", "gvproxy"]);
    host.run(&[]);
    // Each helper has a process that watches over it.
    assert_eq!(
        processes(&host, "internal-watch").len(),
        2,
        "{:?}",
        processes(&host, "")
    );
    kill_supervisor(&host);
    host.wait_until("all processes end", || processes(&host, "").is_empty());
    assert_eq!(host.row()["state"], "crashed");
    // No process holds the VM's disk or its sockets.
    host.succeed(&["start", "one"]);
    host.stop_start_remove();
    host.wait_until("all processes end", || processes(&host, "").is_empty());
}

/// Returns the processes of this test with `word` in their command lines.
#[cfg(target_os = "linux")]
fn processes(host: &Host, word: &str) -> Vec<Process> {
    let mut all = Process::of(&host.path(""));
    all.retain(|process| process.command.contains(word));
    all
}

/// Sends SIGKILL to the VM's supervisor.
#[cfg(target_os = "linux")]
fn kill_supervisor(host: &Host) {
    let supervisors = || processes(host, "internal-supervise");
    let [supervisor] = &supervisors()[..] else {
        panic!("{:?}", processes(host, ""))
    };
    podman_bootc::host::process::kill(supervisor.pid);
    host.wait_until("the supervisor ends", || supervisors().is_empty());
}

#[test]
fn a_guest_that_does_not_see_the_power_button_is_asked_again_and_then_cut_off() {
    let qemu = format!("qemu-system-{}", std::env::consts::ARCH);
    let mut host = Host::new("macos", &[&qemu]).with("FAKE_DEAF", "1");
    host.firmware("share/qemu");
    host.run(&["--hypervisor", "qemu"]);
    let stop = |host: &Host, seconds: &str| {
        let output = host
            .command(&["stop", "--time", seconds, "one"])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0));
        message(&output)
    };
    let cut = "its power was cut";
    assert!(!stop(&host, "60").contains(cut));
    assert_eq!(host.row()["reason"], serde_json::Value::Null);

    host.set("FAKE_DEAF", "100");
    host.succeed(&["start", "one"]);
    has(
        &stop(&host, "1"),
        &["VM one: the guest didn't shut down within 1 s", cut],
    );
    let row = host.row();
    assert_eq!(row["state"], "stopped");
    has(row["reason"].as_str().unwrap(), &[cut]);
    has(
        &host.succeed(&["inspect", "--format", "{{.reason}}", "one"]),
        &[cut],
    );
    host.succeed(&["start", "one"]);
    assert_eq!(host.row()["reason"], serde_json::Value::Null);
    host.succeed(&["rm", "-f", "one"]);
}
