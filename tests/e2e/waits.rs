//! Waits: their conditions, and guests that won't come up without a person.

use std::fs;

use crate::harness::{BOOT, Own, SOON, Sandbox, shared, wait_for};

/// The key that detaches from a console.
const DETACH: &str = "\x1d";

/// A unit before everything else, from these lines.
fn early_unit(name: &str, lines: &str) -> String {
    let unit = format!(
        "[Unit]\\nDefaultDependencies=no\\nBefore=sysinit.target\\n\
         [Install]\\nWantedBy=sysinit.target\\n[Service]\\nType=oneshot\\n{lines}\\n"
    );
    format!("printf '{unit}' >/usr/lib/systemd/system/{name}; systemctl enable {name}")
}

#[test]
fn a_guest_in_emergency_mode_ends_the_wait_with_the_cause() {
    // tmpfs has no such option.
    let image = Own::with(
        "latest",
        "emergency",
        "printf 'none /var/data tmpfs nonsense 0 0\\n' >/etc/fstab",
    );
    let sandbox = Sandbox::new("emergency");
    let args = ["run", "--ephemeral", &image.name, "true"];
    let output = sandbox.start(&args).finish(BOOT).expect(125);
    // The VM goes with its command.
    output
        .says("emergency mode: Failed to mount var-data.mount")
        .says("The console's last lines")
        .silent_about("still running");
    sandbox.assert_clean(&[]);
}

#[test]
fn a_guest_without_an_address_ends_the_wait() {
    let image = Own::with(
        "latest",
        "no-address",
        "systemctl mask systemd-networkd.service",
    );
    let sandbox = Sandbox::new("no-address");
    let run = ["run", "--rm", "--ephemeral", "--ssh", "guest"];
    let args = [&run[..], &[&*image.name, "true"]].concat();
    let output = sandbox.start(&args).finish(BOOT).expect(125);
    output.says("the guest has no network address");
    sandbox.assert_clean(&[]);
}

#[test]
fn a_setup_that_waits_for_a_key_ends_the_wait_until_somebody_types() {
    let image = Own::with(
        "latest",
        "wizard",
        &early_unit(
            "wizard.service",
            "StandardInput=tty\\nStandardOutput=tty\\nTTYPath=/dev/console\\n\
             ExecStart=/bin/sh -c \"echo -n -- Press any key to proceed --; read x\"",
        ),
    );
    let sandbox = Sandbox::new("wizard");
    let reason = "first-boot setup waits for a key";
    let args = [
        "run",
        "--detach",
        "--name",
        "vm",
        "--ephemeral",
        "--wait",
        "ssh",
        &image.name,
    ];
    let output = sandbox.start(&args).finish(BOOT).expect(125);
    output
        .says(reason)
        .says("Press any key to proceed")
        .says("VM vm is still running");
    sandbox
        .start(&["wait", "vm"])
        .finish(SOON)
        .expect(125)
        .says(reason);
    let row = sandbox.vm("vm").unwrap();
    assert!(row["reason"].as_str().unwrap().contains(reason), "{row}");
    let mut console = sandbox.start_on_terminal(&["console", "vm"]);
    console.wait_stdout("detaches", SOON);
    console.type_keys("\r");
    console.wait_stdout("Reached target", SOON);
    console.type_keys(DETACH);
    console.finish(SOON).expect(0);
    sandbox
        .start(&["wait", "vm", "--for", "ssh"])
        .finish(BOOT)
        .expect(0);
    assert_eq!(sandbox.vm("vm").unwrap()["reason"], serde_json::Value::Null);
    sandbox.ok(&["rm", "--force", "vm"]);
    sandbox.assert_clean(&[]);
}

#[test]
fn a_kernel_that_restarts_after_its_panic_is_not_waited_for() {
    let sandbox = Sandbox::new("panic-n");
    let image = shared("latest");
    let kargs = ["--karg", "panic=3", "--karg", "rdinit=/nonexistent"];
    let run = [&["run", "--ephemeral"][..], &kargs, &[&image, "true"]].concat();
    let output = sandbox.start(&run).finish(BOOT).expect(125);
    output
        .says("kernel panic: ")
        .silent_about("is still running");
    sandbox.assert_clean(&[]);
}

#[test]
fn a_wait_has_a_condition() {
    let sandbox = Sandbox::new("wait");
    let image = shared("failing");
    let wait = ["--wait", "multi-user.target"];
    let args = [
        &["run", "--detach", "--name", "vm", "--ephemeral"][..],
        &wait,
        &[&image],
    ]
    .concat();
    let output = sandbox.start(&args).finish(BOOT).expect(0);
    assert_eq!(output.text(), "vm\n");
    sandbox.ok(&["wait", "vm", "--for", "ssh"]);
    let wait = |unit, code| {
        sandbox
            .run(&["wait", "vm", "--timeout", "5", "--for", unit])
            .expect(code)
    };
    wait("sysinit.target", 0);
    wait("failing", 125).says("`failing.service` failed (exit-code)");
    wait("no-such.service", 125).says("`no-such.service` doesn't exist");
    wait("running", 125).says("degraded: 1 failed unit (failing.service)");
    sandbox
        .run(&["wait", "vm", "--for", "two words"])
        .expect(125)
        .says("invalid condition");

    // What the guest's agent reports is there without a connection.
    wait_for("the state of the guest", SOON, || {
        let list = sandbox.ok(&["list"]);
        list.contains("running (degraded: 1 failed unit)")
            .then_some(())
    });
    let row = sandbox.vm("vm").unwrap();
    assert_eq!(row["system"], "degraded");
    assert_eq!(row["failed_units"], serde_json::json!(["failing.service"]));
    let log = sandbox.ok(&["inspect", "--format", "{{.guest.failed}}", "vm"]);
    assert!(log.contains("this unit fails on purpose"), "{log}");

    // A time that ends names what the guest was doing.
    let slow = [
        "ssh",
        "vm",
        "--",
        "systemd-run",
        "--no-block",
        "--unit=slow",
    ];
    sandbox.ok(&[&slow[..], &["--property=Type=oneshot", "sleep", "1000"]].concat());
    wait("slow", 124)
        .says("`slow.service` is activating")
        .says("jobs still running: slow.service: start running")
        .says("failed unit");
    sandbox.ok(&["rm", "--force", "vm"]);
    sandbox.assert_clean(&[]);
}

#[test]
fn a_disk_without_a_boot_loader_is_not_waited_for() {
    let sandbox = Sandbox::new("noloader");
    let disk = sandbox.root().join("noloader.raw");
    let mut bytes = vec![0; 1 << 20];
    // int 0x18: the BIOS tries the next disk.
    bytes[..2].copy_from_slice(&[0xcd, 0x18]);
    bytes[510..512].copy_from_slice(&[0x55, 0xaa]);
    fs::write(&disk, bytes).unwrap();
    for firmware in ["bios", "uefi"] {
        let options = ["--accel", "tcg", "--memory", "512M", "--firmware", firmware];
        let run = [&["run", "--name", firmware][..], &options].concat();
        let disk = ["--disk", disk.to_str().unwrap(), "true"];
        let output = sandbox
            .start(&[&run[..], &disk].concat())
            .finish(SOON)
            .expect(125);
        output
            .says("the firmware found no bootable disk")
            .says(&format!("`podman-bootc console {firmware}`"))
            .says("is still running");
        sandbox.ok(&["rm", "--force", firmware]);
    }
    sandbox.assert_clean(&[]);
}
