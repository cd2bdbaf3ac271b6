//! A VM from `run --detach` to `rm`, over stops, starts and crashes.

use crate::harness::{BOOT, Running, SOON, Sandbox, shared, wait_for};

#[test]
fn a_vm_lives_through_stops_starts_and_crashes() {
    let sandbox = Sandbox::new("lifecycle");
    let image = shared("latest");
    sandbox.ok(&[
        "run",
        "--detach",
        "--name",
        "keeper",
        "--add-disk",
        "new:16M",
        &image,
    ]);
    let disk = "/dev/disk/by-id/virtio-extra0";
    let marked = format!("echo kept | tee /var/kept /etc/kept >{disk}; sync");
    sandbox.ok(&["ssh", "keeper", &marked]);
    let kept = [
        "ssh",
        "keeper",
        &format!("cat /var/kept /etc/kept; head -n 1 {disk}"),
    ];

    shown(&sandbox, &image);
    let id = sandbox.vm("keeper").unwrap()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    for name in ["keeper", &id, &id[..6]] {
        assert_eq!(sandbox.ok(&["ssh", name, "cat /var/kept"]), "kept\n");
    }

    sandbox.run(&["rm", "keeper"]).expect(125).says("running");
    sandbox
        .run(&["start", "keeper"])
        .expect(125)
        .says("running");
    stopped_in_a_session(&sandbox);
    sandbox
        .run(&["ssh", "keeper", "true"])
        .expect(125)
        .says("not running");
    assert_eq!(
        sandbox.ok(&["snapshot", "create", "keeper", "before"]),
        "before\n"
    );
    let variables = std::fs::read(sandbox.vm_folder("keeper").join("vars.fd")).unwrap();

    assert_eq!(sandbox.ok(&["start", "keeper"]), "keeper\n");
    assert_eq!(sandbox.ok(&kept), "kept\nkept\nkept\n", "after a stop");

    let keys = ["ssh", "keeper", "grep -c podman-bootc .ssh/authorized_keys"];
    assert_eq!(sandbox.ok(&keys), "2\n", "each key once, after two starts");

    killed(&sandbox);
    sandbox.ok(&["start", "keeper"]);
    assert_eq!(sandbox.ok(&kept), "kept\nkept\nkept\n", "after a crash");
    sandbox.ok(&[
        "ssh",
        "keeper",
        &format!("rm /etc/kept; echo changed | tee /var/kept >{disk}; sync"),
    ]);
    // The snapshot has the host key of its own time.
    let key = "/etc/ssh/ssh_host_ed25519_key";
    let renew =
        format!("rm {key} && ssh-keygen -q -t ed25519 -N '' -f {key} && systemctl restart ssh");
    sandbox.ok(&["ssh", "keeper", &renew]);
    sandbox.ok(&["trust", "keeper"]);
    sandbox.ok(&["ssh", "keeper", "true"]);
    brought_back(&sandbox, &variables);
    assert_eq!(sandbox.ok(&kept), "kept\nkept\nkept\n", "in the snapshot");
    assert_eq!(
        sandbox.ok(&keys),
        "2\n",
        "a snapshot knows that it has the keys"
    );

    removed(&sandbox);
}

/// Restores a snapshot, starting from a running VM.
fn brought_back(sandbox: &Sandbox, variables: &[u8]) {
    let names = || sandbox.ok(&["snapshot", "list", "--format", "{{.name}}", "keeper"]);
    assert_eq!(names(), "before\n", "also of a running VM");
    for words in [["create", "after"], ["restore", "before"], ["rm", "before"]] {
        sandbox
            .run(&["snapshot", words[0], "keeper", words[1]])
            .expect(125)
            .says("podman-bootc stop keeper");
    }
    sandbox.ok(&["stop", "keeper"]);
    sandbox
        .run(&["snapshot", "create", "keeper", "before"])
        .expect(125)
        .says("already");
    sandbox
        .run(&["snapshot", "restore", "keeper", "none"])
        .expect(125)
        .says("has no snapshot none");
    let now = || std::fs::read(sandbox.vm_folder("keeper").join("vars.fd")).unwrap();
    assert!(
        now() != variables,
        "the firmware writes to them at each start"
    );
    assert_eq!(sandbox.ok(&["snapshot", "create", "keeper", "1"]), "1\n");
    assert_eq!(
        sandbox.ok(&["snapshot", "restore", "keeper", "before"]),
        "before\n"
    );
    assert!(now() == variables);
    assert_eq!(sandbox.ok(&["snapshot", "rm", "keeper", "1"]), "1\n");
    assert_eq!(names(), "before\n");
    sandbox.ok(&["start", "keeper"]);
}

fn shown(sandbox: &Sandbox, image: &str) {
    let table = sandbox.ok(&["list"]);
    for command in ["ls", "ps"] {
        assert_eq!(
            sandbox.ok(&[command]).lines().next(),
            table.lines().next(),
            "{command}"
        );
    }
    let row = table
        .lines()
        .find(|line| line.starts_with("keeper"))
        .unwrap();
    assert!(row.contains("running") && row.contains(image), "{table}");
    let port = sandbox.vm("keeper").unwrap()["ssh_port"].to_string();
    assert!(port != "0" && row.contains(&port), "{table}");
    assert_eq!(sandbox.ok(&["list", "--quiet"]), "keeper\n");
    assert_eq!(
        sandbox.ok(&["list", "--format", "{{.Name}}\\t{{.state}} {{.SshPort}}"]),
        format!("keeper\trunning {port}\n")
    );

    let inspected = sandbox.ok(&["inspect", "keeper"]);
    let inspected: serde_json::Value = serde_json::from_str(&inspected).unwrap();
    assert_eq!(inspected[0]["name"], "keeper");
    assert_eq!(inspected[0]["image"], image);
    assert_eq!(
        inspected[0]["folder"],
        sandbox.vm_folder("keeper").to_str().unwrap()
    );
    assert_eq!(
        sandbox.ok(&["inspect", "--format", "{{.spec.cpus}}", "keeper"]),
        "2\n"
    );

    assert!(sandbox.ok(&["logs", "keeper"]).contains("Linux version"));
    let images = sandbox.ok(&["images", "--format", "json"]);
    let images: Vec<serde_json::Value> = serde_json::from_str(&images).unwrap();
    let image = images.iter().find(|row| row["name"] == image).unwrap();
    // Other tests may have made base disks of this image with other options.
    let of_image = |disk: &std::path::PathBuf| {
        let description = std::fs::read_to_string(disk.join("disk.json")).unwrap();
        let description: serde_json::Value = serde_json::from_str(&description).unwrap();
        description["image"]["digest"] == image["digest"]
    };
    let disks = sandbox
        .base_disks()
        .iter()
        .filter(|disk| of_image(disk))
        .count();
    assert!(disks > 0 && image["base_disks"] == disks, "{image}");
}

fn stopped_in_a_session(sandbox: &Sandbox) {
    let session = sandbox.start(&["ssh", "keeper", "echo begun; exec sleep 1000"]);
    session.wait_stdout("begun", SOON);
    let follower = sandbox.start(&["logs", "--follow", "keeper"]);
    follower.wait_stdout("Linux version", SOON);
    // The reader closes the pipe after the first line; `logs` ends, with or without more output.
    let program = sandbox
        .tool(&["logs"])
        .get_program()
        .to_str()
        .unwrap()
        .to_owned();
    let line = format!("'{program}' logs --follow keeper | head -n 1");
    let head = Running::start(sandbox.command("sh", &["-c", &line]), Some(vec![]))
        .finish(SOON)
        .expect(0);
    assert_eq!(head.text().lines().count(), 1, "{}", head.story());
    assert_eq!(sandbox.ok(&["stop", "keeper"]), "keeper\n");
    assert_ne!(session.finish(SOON).code, 0);
    assert!(
        follower
            .finish(SOON)
            .expect(0)
            .text()
            .contains("Power down"),
        "the guest shut itself down"
    );
    assert_eq!(sandbox.state("keeper"), "stopped");
    sandbox.assert_clean(&["keeper"]);
    sandbox.ok(&["stop", "keeper"]);
}

/// The VM ends with its supervisor, and `list` shows it.
fn killed(sandbox: &Sandbox) {
    let qemu = sandbox.wait_qemu();
    sandbox.process("internal-supervise").kill();
    wait_for("the end of QEMU", SOON, || (!qemu.lives()).then_some(()));
    // The last of the supervisor's threads may end after QEMU.
    let row = wait_for("the end of the supervisor", SOON, || {
        sandbox.vm("keeper").filter(|row| row["state"] == "crashed")
    });
    assert!(
        row["reason"].as_str().unwrap().contains("supervisor"),
        "{row}"
    );

    sandbox.ok(&["start", "keeper"]);
    sandbox.wait_qemu().kill();
    wait_for("the crash", SOON, || {
        (sandbox.state("keeper") == "crashed").then_some(())
    });
    let row = sandbox.vm("keeper").unwrap();
    assert!(
        row["reason"].as_str().unwrap().contains("signal: 9"),
        "{row}"
    );
    assert!(sandbox.ok(&["list"]).contains("crashed (QEMU"));
    sandbox.assert_clean(&["keeper"]);
}

fn removed(sandbox: &Sandbox) {
    assert_eq!(sandbox.ok(&["rm", "--all"]), "", "running VMs stay");
    // A guest without time to shut down is turned off.
    let stop = sandbox
        .start(&["stop", "--time", "0", "keeper"])
        .finish(SOON)
        .expect(0);
    assert_eq!(stop.text(), "keeper\n");
    assert_eq!(sandbox.state("keeper"), "stopped");
    assert_eq!(sandbox.ok(&["rm", "--all"]), "keeper\n");
    assert!(sandbox.list().is_empty() && !sandbox.vm_folder("keeper").exists());

    let image = shared("latest");
    sandbox.ok(&["run", "--detach", "--name", "short", &image]);
    assert_eq!(
        sandbox
            .start(&["rm", "--force", "short"])
            .finish(BOOT)
            .expect(0)
            .text(),
        "short\n"
    );
    assert!(sandbox.list().is_empty());
    sandbox
        .run(&["rm", "short"])
        .expect(125)
        .says("no VM short");
    sandbox.assert_clean(&[]);
}
