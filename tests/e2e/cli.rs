//! Commands that need no VM: usage, completions, `doctor`, empty listings.

use std::process::Command;

use podman_bootc::host::fs::lock::Lock;

use crate::harness::{Running, SOON, Sandbox, Signal};

#[test]
fn wrong_usage_ends_with_125() {
    let sandbox = Sandbox::with_empty_cache("usage");
    for (args, said) in [
        (&[][..], "Usage:"),
        (&["no-such-command"], "no-such-command"),
        (&["run"], "IMAGE"),
        (&["run", "--no-such-flag", "x"], "--no-such-flag"),
        (&["run", "--memory", "2", "x"], "too little"),
        (&["run", "--memory", "lots", "x"], "--memory"),
        (&["run", "--cpus", "0", "x"], "--cpus"),
        (&["run", "--filesystem", "vfat", "x"], "ext4"),
        (&["run", "--name", "a/b", "x"], "invalid name"),
        (&["run", "--timeout", "soon", "x"], "--timeout"),
        (&["run", "--accel", "xen", "x"], "kvm"),
        (&["run", "--detach", "--timeout", "5m", "x"], "--timeout"),
        (&["run", "--disk", "x.img", "--pull", "always"], "--pull"),
        (&["list", "--format", "{{.Name"], "--format"),
        (&["stop"], "VM"),
        (&["rm", "--all", "x"], "--all"),
        (&["completion", "sh"], "zsh"),
        (&["--log-level", "loud", "list"], "--log-level"),
    ] {
        let output = sandbox.start(args).finish(SOON).expect(125).says(said);
        assert_eq!(output.text(), "", "{}", output.story());
    }
}

#[test]
fn a_missing_vm_is_an_error() {
    let sandbox = Sandbox::with_empty_cache("absent");
    for command in ["ssh", "stop", "start", "rm", "inspect", "logs"] {
        sandbox
            .start(&[command, "nobody"])
            .finish(SOON)
            .expect(125)
            .says("no VM nobody");
    }
    assert_eq!(sandbox.ok(&["list", "--format", "json"]).trim(), "[]");
    assert!(sandbox.ok(&["list"]).starts_with("NAME "));
    assert_eq!(sandbox.ok(&["rm", "--all"]), "");
}

#[test]
fn a_damaged_vm_is_removed_by_its_name() {
    let sandbox = Sandbox::with_empty_cache("damaged");
    let folder = sandbox.vm_folder("broken");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("vm.json"), "{").unwrap();
    assert!(sandbox.ok(&["list"]).contains("broken"));
    for args in [
        &["rm", "broken"][..],
        &["rm", "--force", "--all"],
        &["inspect", "broken"],
        &["prune", "--all"],
    ] {
        sandbox
            .start(args)
            .finish(SOON)
            .expect(125)
            .says("rm -f broken")
            .says("vm.json is damaged");
    }
    assert_eq!(sandbox.ok(&["rm", "--force", "broken"]), "broken\n");
    assert!(!folder.exists());
    sandbox.ok(&["prune", "--all"]);
}

#[test]
fn help_and_version_succeed() {
    let sandbox = Sandbox::with_empty_cache("help");
    for (args, said) in [
        (&["--help"][..], "Usage:"),
        (&["run", "--help"], "--detach"),
        (&["--version"], "podman-bootc "),
    ] {
        let output = sandbox.start(args).finish(SOON).expect(0);
        assert!(
            output.text().contains(said) && output.stderr.is_empty(),
            "{}",
            output.story()
        );
    }
}

#[test]
fn each_shell_has_completions() {
    let sandbox = Sandbox::with_empty_cache("completion");
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = sandbox.ok(&["completion", shell]);
        assert!(
            script.contains("podman-bootc") && script.contains("ephemeral"),
            "{shell}"
        );
        assert!(!script.contains("internal-supervise"), "{shell}");
        if shell == "bash" {
            let mut check = Command::new("bash");
            check.arg("-n");
            Running::start(check, Some(script.into_bytes()))
                .finish(SOON)
                .expect(0);
        }
    }
}

#[test]
fn doctor_says_what_is_missing() {
    let sandbox = Sandbox::with_empty_cache("doctor");
    // The host has everything that the tests need.
    let text = sandbox.ok(&["doctor", "--format", "json"]);
    let findings: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
    let status = |check: &str| {
        let found = findings.iter().find(|finding| finding["check"] == check);
        found.unwrap_or_else(|| panic!("{check}: {text}"))["status"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    for check in ["podman", "QEMU", "qemu-img", "mkfs.erofs", "ssh"] {
        assert_eq!(status(check), "ok", "{check}");
    }
    assert!(["ok", "optional"].contains(&status("KVM").as_str()));
    assert!(sandbox.ok(&["doctor"]).contains("QEMU"));

    let bare = sandbox.root().join("bin");
    std::fs::create_dir(&bare).unwrap();
    let mut command = sandbox.tool(&["doctor"]);
    command.env("PATH", &bare);
    let output = Running::start(command, Some(vec![])).finish(SOON).expect(1);
    for package in ["podman", "qemu-utils", "erofs-utils", "openssh-client"] {
        assert!(
            output.text().contains(&format!("install {package}")),
            "{}",
            output.story()
        );
    }
}

#[test]
fn a_closed_output_causes_no_panic() {
    let sandbox = Sandbox::with_empty_cache("pipe");
    for args in [
        &["completion", "bash"][..],
        &["doctor"],
        &["list"],
        &["list", "--format", "json"],
        &["--help"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = sandbox.tool(args).stdout(writer).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(!stderr.contains("panicked"), "{args:?}: {stderr}");
    }
    // Standard error carries only messages: the command does its work, and the exit code is right.
    for (args, code) in [
        (&["inspect", "nobody"][..], 125),
        (&["prune", "--dry-run"], 0),
        (&["run"], 125),
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let status = sandbox.tool(args).stderr(writer).status().unwrap();
        assert_eq!(status.code(), Some(code), "{args:?}");
    }
}

#[test]
fn a_wait_for_another_process_is_interrupted() {
    let sandbox = Sandbox::with_empty_cache("waiting");
    std::fs::create_dir_all(sandbox.cache()).unwrap();
    let _other = Lock::acquire(&sandbox.cache().join("storage.lock")).unwrap();
    let running = sandbox.start(&["run", "oci-archive:/x.tar"]);
    running.wait_stderr("waiting for another podman-bootc", SOON);
    running.signal(Signal::INT);
    running.finish(SOON).expect(130);
}
