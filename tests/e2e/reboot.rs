//! Terminals of commands, and sessions over reboots of the guest.

use std::fs;

use crate::harness::{BOOT, SOON, Sandbox, shared};

/// Prints the boot, the soft reboots in it, the network card and the shared file.
const BOOT_OF: &str = "cat /proc/sys/kernel/random/boot_id; systemctl show -p SoftRebootsCount; \
                       ls -x -I lo /sys/class/net; cat /var/s/file";

#[test]
fn sessions_end_with_the_guests_boot_and_the_next_one_is_in_the_new_boot() {
    let sandbox = Sandbox::new("reboot");
    let share = sandbox.root().join("share");
    fs::create_dir(&share).unwrap();
    fs::write(share.join("file"), "shared\n").unwrap();
    let volume = format!("{}:/var/s", share.display());
    let image = shared("latest");
    let run = [
        "run",
        "--ephemeral",
        "--detach",
        "--name",
        "vm",
        "--volume",
        &volume,
        &image,
    ];
    sandbox.ok(&run);
    let first = sandbox.ok(&["ssh", "vm", BOOT_OF]);
    assert!(
        first.ends_with("SoftRebootsCount=0\nenp0s30\nshared\n"),
        "{first}"
    );

    terminals(&sandbox);
    with_openssh(&sandbox);

    // A captured command, whose connection the guest doesn't end.
    let rebooted = "the guest of VM vm rebooted";
    let command = ["ssh", "vm", "systemctl reboot; sleep 3600"];
    sandbox.run(&command).expect(125).says(rebooted);
    let second = sandbox.ok(&["ssh", "vm", BOOT_OF]);
    assert_changed(&first, &second);

    // A command on a terminal, when the kernel restarts at once.
    let session = sandbox.start_on_terminal(&["ssh", "vm", "reboot -f; sleep 3600"]);
    session.wait_stdout(rebooted, BOOT);
    session.finish(SOON).expect(125);

    // `ssh` waits for a boot that lasts, also right after the request.
    let asked = sandbox.ok(&[
        "ssh",
        "vm",
        "cat /proc/sys/kernel/random/boot_id; systemctl reboot",
    ]);
    let third = sandbox.ok(&["ssh", "vm", BOOT_OF]);
    assert_changed(&second, &third);
    assert_ne!(asked.lines().next(), third.lines().next());

    by_command(&sandbox, &third);
    sandbox.ok(&["stop", "vm"]);
}

/// Asserts that only the boot ID differs.
#[track_caller]
fn assert_changed(before: &str, after: &str) {
    let (before, after) = (before.split_once('\n'), after.split_once('\n'));
    let (before, after) = (before.unwrap(), after.unwrap());
    assert_ne!(before.0, after.0);
    assert_eq!(before.1, after.1);
}

/// The command `reboot`, with the kernel and without it.
fn by_command(sandbox: &Sandbox, before: &str) {
    let mut shell = sandbox.start_on_terminal(&["ssh", "vm"]);
    shell.wait_stdout("# ", BOOT);
    shell.type_line("echo in $((40 + 2))");
    shell.wait_stdout("in 42", SOON);
    // systemd would restart the userspace alone for a root that is prepared.
    let prepare = "mkdir -p /run/nextroot && mount --bind / /run/nextroot";
    sandbox.ok(&["ssh", "vm", prepare]);
    assert_eq!(
        sandbox.ok(&["restart", "--wait=multi-user.target", "vm"]),
        "vm\n"
    );
    shell.finish(SOON).expect(125);
    let after = sandbox.ok(&["ssh", "vm", BOOT_OF]);
    assert_changed(before, &after);

    // The agent reports the next one when a session is there already.
    let folder = "/run/systemd/system/podman-bootc-agent.service.d";
    let late = format!(
        "mkdir {folder}; printf '[Service]\\nExecStartPre=sleep 10\\n' >{folder}/late.conf"
    );
    sandbox.ok(&["ssh", "vm", &late]);
    let session = sandbox.start(&["ssh", "vm", "echo begun; exec sleep 3600"]);
    session.wait_stdout("begun", BOOT);
    assert_eq!(sandbox.ok(&["reboot", "--soft", "vm"]), "vm\n");
    session.finish(SOON).expect(125).says("rebooted");
    let soft = sandbox.ok(&["ssh", "vm", &format!("sleep 15; {BOOT_OF}")]);
    assert_eq!(soft, after.replace("Count=0", "Count=1"));
}

fn terminals(sandbox: &Sandbox) {
    let look = "tty; stty size; echo $TERM; exit 7";
    let prepare = "export TERM=vt220; stty cols 91 rows 33;";
    let seen = sandbox
        .start_on_terminal_after(prepare, &["ssh", "vm", look])
        .finish(BOOT)
        .expect(7)
        .text();
    assert!(
        seen.contains("/dev/pts/") && seen.contains("33 91\r\nvt220"),
        "{seen}"
    );
    let plain = sandbox.start_on_terminal(&["ssh", "-T", "vm", "tty"]);
    assert!(plain.finish(BOOT).expect(1).text().contains("not a tty"));
    // One can be asked for, and its input has an end.
    let asked = sandbox
        .start_with_input(
            &["ssh", "vm", "-it", "tty; cat; kill -9 $$"],
            b"typed".into(),
        )
        .finish(BOOT)
        .expect(137)
        .text();
    assert!(
        asked.contains("/dev/pts/") && asked.contains("typed"),
        "{asked}"
    );

    let go = sandbox.root().join("go");
    let resize = format!(
        "(until [ -e {} ]; do sleep 0.1; done; stty cols 77 rows 22 </dev/tty) &",
        go.display()
    );
    let trap = "trap 'stty size; exit 9' WINCH; echo begun; while :; do sleep 0.2; done";
    let session = sandbox.start_on_terminal_after(&resize, &["ssh", "vm", "bash", "-c", trap]);
    session.wait_stdout("begun", BOOT);
    fs::write(go, "").unwrap();
    session.wait_stdout("22 77", BOOT);
    session.finish(SOON).expect(9);
}

/// Words after `--` that begin with an option.
fn with_openssh(sandbox: &Sandbox) {
    let words = [
        "ssh",
        "vm",
        "--",
        "-o",
        "Compression=yes",
        "echo via openssh; exit 5",
    ];
    assert_eq!(sandbox.run(&words).expect(5).text(), "via openssh\n");
}

#[test]
fn a_stop_during_the_boot_lets_the_guest_shut_down() {
    let sandbox = Sandbox::new("stop-early");
    sandbox.ok(&[
        "run",
        "--ephemeral",
        "--detach",
        "--name",
        "vm",
        &shared("latest"),
    ]);
    let follower = sandbox.start(&["logs", "--follow", "vm"]);
    // ACPI and logind come much later.
    follower.wait_stdout("Linux version", BOOT);
    let stop = ["stop", "--time", "500", "vm"];
    sandbox.run(&stop).expect(0).silent_about("power was cut");
    let console = follower.finish(SOON).expect(0).text();
    assert!(console.contains("Power down"), "{console}");
    assert!(sandbox.list().is_empty());
}
