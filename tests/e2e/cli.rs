//! Commands that need no VM: usage, completions, `doctor`, empty listings.

use std::process::Command;
use std::time::Duration;

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
fn a_projects_file_sets_defaults_and_disturbs_no_other_command() {
    let sandbox = Sandbox::with_empty_cache("config");
    let (deep, user) = (
        sandbox.root().join("project/src"),
        sandbox.root().join("user"),
    );
    std::fs::create_dir_all(&deep).unwrap();
    std::fs::create_dir_all(user.join("podman-bootc")).unwrap();
    let start = |args: &[&str]| {
        let mut tool = sandbox.tool(args);
        tool.current_dir(&deep)
            .env("PODMAN_BOOTC_NO_CONFIG", "")
            .env("PODMAN_BOOTC_CPUS", "3")
            .env("XDG_CONFIG_HOME", &user);
        Running::start(tool, Some(vec![])).finish(SOON)
    };
    let project = sandbox.root().join("project/.podman-bootc.toml");
    std::fs::write(&project, "[run]\nmemory = '4G'\nvolume = ['src:/src']\n").unwrap();
    let users = "[run]\nmemory = '1G'\ncpus = 9\nrm = true\n";
    std::fs::write(user.join("podman-bootc/config.toml"), users).unwrap();
    let text = start(&["config", "show", "run", "--format", "json"])
        .expect(0)
        .text();
    let rows: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
    let row = |flag: &str| rows.iter().find(|row| row["flag"] == flag).unwrap();
    for (flag, value, source, line) in [
        ("memory", serde_json::json!("4G"), "project", Some(2)),
        ("cpus", "3".into(), "environment", None),
        ("rm", true.into(), "user", Some(4)),
        ("user", "root".into(), "default", None),
        (
            "volume",
            vec![format!("{}:/src", deep.display())].into(),
            "project",
            Some(3),
        ),
    ] {
        let row = row(flag);
        assert_eq!(row["value"], value, "{row}");
        assert_eq!(row["source"], source, "{row}");
        assert_eq!(row["line"].as_u64(), line, "{row}");
    }
    let said = format!("{}:2", project.display());
    start(&["config", "show"])
        .expect(0)
        .says(&project.display().to_string());

    for content in ["[run]\nmemroy = '4G'\n", "[run]\nvolume = '/etc:/etc'\n"] {
        std::fs::write(&project, content).unwrap();
        start(&["run", "x"]).expect(125).says(&said);
        start(&["config", "show"]).expect(125).says(&said);
        start(&["list"]).expect(0).silent_about("toml");
        start(&["run", "--help"]).expect(0).silent_about("toml");
    }
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
        // A script either asks the program or has the options itself.
        let asks = script.contains("internal-complete");
        assert!(asks || script.contains("ephemeral"), "{shell}");
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

#[test]
fn a_watcher_of_events_costs_nothing_while_nothing_happens() {
    let sandbox = Sandbox::new("events");
    std::fs::create_dir_all(sandbox.data()).unwrap();
    // Each look at the record opens it, which must not be taken for a change.
    std::fs::write(sandbox.data().join("events.log"), "").unwrap();
    let watcher = sandbox.start(&["events"]);
    std::thread::sleep(Duration::from_secs(3));
    let time = watcher.processor_time();
    assert!(time < Duration::from_millis(500), "{time:?}");
    watcher.signal(Signal::INT);
    watcher.finish(SOON).expect(130);
}
