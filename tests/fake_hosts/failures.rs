//! What the tool does when other systems' programs fail, lack something, or are cut short.

use std::process::Stdio;
use std::time::{Duration, Instant};

use super::{IMAGE, LONG, Tool, has, message};

#[test]
fn a_start_without_an_end_can_be_broken_off() {
    for words in [&["stop", "--time", "0", "one"][..], &["rm", "-f", "one"]] {
        let tool = Tool::new("macos", &["vfkit", "gvproxy"]).with("FAKE_STUCK", "1");
        let run = ["run", "-q", "-d", "--name", "one", "--disk-size", "520M", IMAGE];
        let mut running = tool.command(&run).stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
        until(&tool, || !tool.calls("vfkit").is_empty());
        let begun = Instant::now();
        tool.succeed(words);
        assert!(begun.elapsed() < Duration::from_secs(30), "a start is given a minute");
        assert_eq!(running.wait().unwrap().code(), Some(125));
    }
}

#[test]
fn a_kernel_panic_is_told_as_one() {
    for name in ["vfkit", "krunkit"] {
        let tool = Tool::new("macos", &[name, "gvproxy"]).with("FAKE_PANIC", "1");
        // It may be over before it has begun for the tool.
        let run = ["run", "-q", "-d", "--name", "one", "--disk-size", "520M", "--hypervisor", name, IMAGE];
        tool.command(&run).output().unwrap();
        until(&tool, || tool.row()["state"] != "running");
        has(&tool.fail(&["ssh", "one", "true"]), &["crashed: kernel panic: sysrq triggered crash"]);
    }
}

#[test]
fn what_hardware_fails_at_is_told_and_forgotten_once_it_works() {
    let qemu = format!("qemu-system-{}", std::env::consts::ARCH);
    let mut tool = Tool::new("macos", &[&qemu]);
    tool.firmware("share/qemu");
    let memory = tool.path("cache/accelerator.json");
    let accelerators = |tool: &Tool| -> Vec<String> {
        let starts = tool.calls(&qemu).into_iter().map(|call| call.line());
        starts
            .filter_map(|line| Some(line.split("-accel ").nth(1)?.split([' ', ',']).next()?.into()))
            .collect()
    };
    let start = |tool: &Tool, args: &[&str]| {
        let run = ["run", "-d", "--name", "one", "--disk-size", "520M", "--hypervisor", "qemu"];
        let output = tool.command(&[&run[..], args, &[IMAGE]].concat()).output().unwrap();
        (output.status.code().unwrap(), message(&output))
    };
    let note = "HVF doesn't work on this host";

    // What is no fault of the accelerator's would fail without it, too.
    tool.settings.push(("FAKE_HARDWARE_FAILS", "cannot set up guest memory 'pc.ram'"));
    let (code, text) = start(&tool, &[]);
    assert!(code == 125 && text.contains("guest memory") && !text.contains(note), "{text}");
    assert_eq!(accelerators(&tool), ["hvf"]);

    tool.settings.push(("FAKE_HARDWARE_FAILS", "-accel hvf: Error: ret = HV_DENIED"));
    let (code, text) = start(&tool, &[]);
    assert!(code == 0 && text.matches(note).count() == 1 && text.contains("--accel hvf"), "{text}");
    tool.has_logged("fake QEMU booted");
    assert_eq!(accelerators(&tool)[1..], ["hvf", "tcg"]);
    tool.succeed(&["rm", "-f", "one"]);
    let (code, text) = start(&tool, &[]);
    assert!(code == 0 && text.matches(note).count() == 1 && text.contains("HV_DENIED"), "{text}");
    assert_eq!(accelerators(&tool)[3..], ["tcg"]);
    tool.succeed(&["rm", "-f", "one"]);

    // It works by now.
    assert!(memory.exists());
    tool.settings.extend([("FAKE_HARDWARE_FAILS", ""), ("FAKE_READY", "1")]);
    assert_eq!(start(&tool, &["--accel", "hvf"]).0, 0);
    until(&tool, || !memory.exists());
    tool.succeed(&["rm", "-f", "one"]);
    let (code, text) = start(&tool, &[]);
    assert!(code == 0 && !text.contains(note), "{text}");
    assert_eq!(accelerators(&tool)[4..], ["hvf", "hvf"]);
}

#[test]
fn a_start_of_a_vm_that_runs_leaves_its_log_alone() {
    let tool = Tool::new("macos", &["vfkit", "gvproxy"]);
    tool.run(&[]);
    let log = tool.vm("supervisor.log");
    std::fs::write(&log, "said before\n").unwrap();
    has(&tool.fail(&["start", "one"]), &["running already"]);
    assert_eq!(std::fs::read_to_string(&log).unwrap(), "said before\n");
}

/// There are no descriptors: the firmware is where QEMU's packages put it.
#[test]
fn qemu_has_its_firmware_beside_it() {
    let qemu = format!("qemu-system-{}", std::env::consts::ARCH);
    for (os, folder) in [("macos", "share/qemu"), ("windows", "bin/share")] {
        let tool = Tool::new(os, &[&qemu, "ssh"]);
        let run = ["run", "-q", "-d", "--hypervisor", "qemu", "--firmware", "uefi", IMAGE];
        has(&tool.fail(&run), &["no UEFI firmware", "comes with QEMU"]);
        let installs = tool.calls("podman").iter().any(|call| call.line().contains("--privileged"));
        assert!(!installs, "it is said before the install");

        let code = tool.firmware(folder);
        tool.run(&["--hypervisor", "qemu"]);
        let line = tool.calls(&qemu).last().unwrap().line();
        has(&line, &[&format!("\"filename\":\"{}\"", code.display())]);
        assert_eq!(std::fs::read_to_string(tool.vm("vars.fd")).unwrap(), "variables");
        tool.succeed(&["stop", "one"]);
        let name = code.file_name().unwrap().to_str().unwrap();
        std::fs::rename(&code, tool.path("away")).unwrap();
        has(&tool.fail(&["start", "one"]), &["its firmware", name, "no longer exists"]);
        std::fs::rename(tool.path("away"), &code).unwrap();
        let doctor = tool.command(&["doctor"]).output().unwrap();
        has(&String::from_utf8(doctor.stdout).unwrap(), &[name]);
    }
}

/// Its help names the option in every build, so that it has to be tried.
#[test]
fn qemu_without_a_sandbox() {
    let qemu = format!("qemu-system-{}", std::env::consts::ARCH);
    let sandboxed = |tool: &Tool| -> Vec<bool> {
        let calls = tool.calls(&qemu);
        let starts = calls.iter().filter(|call| call.args != ["-help"]);
        starts.map(|call| call.args.iter().any(|arg| arg == "-sandbox")).collect()
    };
    for (setting, tries) in [("", &[true][..]), ("1", &[true, false])] {
        let tool = Tool::new("linux", &[&qemu]).with("FAKE_NO_SANDBOX", setting);
        tool.succeed(&["run", "-q", "-d", "--name", "one", "--accel", "tcg", "--disk", &disk(&tool)]);
        assert_eq!(tool.row()["state"], "running", "{}", tool.logs());
        assert_eq!(sandboxed(&tool), tries);
    }
    for (os, folder) in [("macos", "share/qemu"), ("windows", "bin/share")] {
        let tool = Tool::new(os, &[&qemu]);
        tool.firmware(folder);
        let run = ["run", "-q", "-d", "--name", "one", "--hypervisor", "qemu", "--accel", "tcg", "--disk"];
        tool.succeed(&[&run[..], &[&disk(&tool)]].concat());
        assert_eq!(sandboxed(&tool), [false], "{os}");
        assert!(tool.calls("podman").is_empty(), "a disk image needs no podman machine");
    }
}

/// A disk that has the mark of one that boots.
fn disk(tool: &Tool) -> String {
    let disk = tool.path("state").join("disk.raw");
    std::fs::write(&disk, [&[0; 510][..], &[0x55, 0xaa]].concat()).unwrap();
    disk.to_str().unwrap().to_owned()
}

#[test]
fn a_guest_that_gets_stuck_before_it_is_up_is_started_once_more() {
    let qemu = format!("qemu-system-{}", std::env::consts::ARCH);
    for (lost, starts, state) in [("1", 2, "running"), ("2", 2, "crashed")] {
        let tool = Tool::new("linux", &[&qemu]).with("FAKE_TIMER_LOST", lost);
        let run = ["run", "-q", "-d", "--name", "one", "--accel", "tcg", "--cpus", "2", "--disk"];
        tool.succeed(&[&run[..], &[&disk(&tool)]].concat());
        let started = || tool.calls(&qemu).iter().filter(|call| call.args != ["-help"]).count();
        until(&tool, || started() == starts && tool.row()["state"] == state);
    }
}

/// On Linux the fake dies with the supervisor, too. It leaves a VM that still uses its disk.
#[cfg(target_os = "linux")]
#[test]
fn what_a_killed_supervisor_leaves_in_hyperv_goes_before_its_disk() {
    let tool = Tool::new("windows", &["powershell"]);
    tool.run(&[]);
    let left = tool.path("state/running-podman-bootc-one");
    assert!(left.exists());
    kill_supervisor(&tool);
    tool.succeed(&["rm", "one"]);
    assert!(!left.exists() && !tool.vm("").exists());
    let removal = super::script(tool.calls("powershell").last().unwrap().args.last().unwrap());
    has(&removal, &["Remove-VM"]);
    assert_eq!(super::value(&removal)["disk"], tool.vm("disk.vhdx").to_str().unwrap());
    // One that was to go with its end is swept.
    tool.run(&["--rm"]);
    assert!(left.exists());
    kill_supervisor(&tool);
    assert_eq!(tool.succeed(&["list", "-q"]), "");
    assert!(!left.exists() && !tool.vm("").exists());
}

/// Waits until it is so.
fn until(tool: &Tool, so: impl Fn() -> bool) {
    let deadline = Instant::now() + LONG;
    while !so() {
        assert!(Instant::now() < deadline, "{}", tool.logs());
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// By the rules of macOS the kernel ends nothing with its parent.
#[cfg(target_os = "linux")]
#[test]
fn a_hypervisor_ends_with_a_supervisor_that_is_killed() {
    let tool = Tool::new("macos", &["vfkit", "gvproxy"]);
    tool.run(&[]);
    // Each helper has somebody who watches over it.
    let watchers =
        || processes(&tool).into_iter().filter(|(_, line)| line.contains("internal-watch")).count();
    assert_eq!(watchers(), 2, "{:?}", processes(&tool));
    kill_supervisor(&tool);
    until(&tool, || processes(&tool).is_empty());
    assert_eq!(tool.row()["state"], "crashed");
    // Nothing has the VM's disk or its sockets.
    tool.succeed(&["start", "one"]);
    tool.stop_start_remove();
    until(&tool, || processes(&tool).is_empty());
}

/// The processes of this test: their numbers and command lines.
#[cfg(target_os = "linux")]
fn processes(tool: &Tool) -> Vec<(String, String)> {
    let folder = tool.path("").to_str().unwrap().to_owned();
    let read = |pid: &str, file: &str| {
        let bytes = std::fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).replace('\0', " ")
    };
    let pids = std::fs::read_dir("/proc").unwrap().flatten();
    let pids = pids.filter_map(|entry| entry.file_name().into_string().ok());
    let ours = pids.filter(|pid| read(pid, "environ").contains(&folder));
    // One that has ended has no command line any more.
    ours.map(|pid| (pid.clone(), read(&pid, "cmdline"))).filter(|(_, line)| !line.is_empty()).collect()
}

/// `kill -9` of the VM's supervisor.
#[cfg(target_os = "linux")]
fn kill_supervisor(tool: &Tool) {
    let supervisors = || -> Vec<String> {
        let ours = processes(tool).into_iter().filter(|(_, line)| line.contains("internal-supervise"));
        ours.map(|(pid, _)| pid).collect()
    };
    let [pid] = &supervisors()[..] else { panic!("{:?}", processes(tool)) };
    assert!(std::process::Command::new("kill").args(["-KILL", pid]).status().unwrap().success());
    until(tool, || supervisors().is_empty());
}
