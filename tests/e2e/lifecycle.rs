//! A VM from `run --detach` to `rm`, over stops, starts and crashes.

mod clone;
mod memory;

use clone::{IDENTITY, cloned, renamed};
use memory::{snapshotted, suspended};

use crate::harness::{BOOT, Running, SOON, Sandbox, Signal, shared, wait_for};

#[test]
fn a_vm_lives_through_stops_starts_and_crashes() {
    let sandbox = Sandbox::new("lifecycle");
    let image = shared("latest");
    let events = [
        "events",
        "--filter",
        "name=^keeper$",
        "--format",
        "{{.event}}",
    ];
    sandbox.ok(&[
        "run",
        "--detach",
        "--name",
        "keeper",
        "--label",
        "env=test",
        "--label",
        "tier",
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

    previewed(&sandbox, &image);
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
        .run(&["rename", "keeper", "other"])
        .expect(125)
        .says("podman-bootc stop keeper");
    sandbox
        .run(&["start", "keeper"])
        .expect(125)
        .says("running");
    stopped_in_a_session(&sandbox);
    sandbox
        .run(&["ssh", "keeper", "true"])
        .expect(125)
        .says("not running");
    renamed(&sandbox, &id);
    let clone = cloned(&sandbox);
    assert_eq!(
        sandbox.ok(&["snapshot", "create", "keeper", "before"]),
        "before\n"
    );
    let variables = std::fs::read(sandbox.vm_folder("keeper").join("vars.fd")).unwrap();

    assert_eq!(sandbox.ok(&["start", "keeper"]), "keeper\n");
    assert_eq!(sandbox.ok(&kept), "kept\nkept\nkept\n", "after a stop");
    for (own, clones) in sandbox.ok(&IDENTITY).lines().zip(clone.lines()) {
        assert_ne!(own, clones);
    }

    suspended(&sandbox);
    snapshotted(&sandbox);

    let keys = ["ssh", "keeper", "grep -c podman-bootc .ssh/authorized_keys"];
    assert_eq!(sandbox.ok(&keys), "2\n", "each key once, after two starts");

    let watcher = sandbox.start(&[&events[..], &["--since", "1d"]].concat());
    watcher.wait_stdout("created", SOON);
    killed(&sandbox, &watcher);
    watcher.signal(Signal::INT);
    watcher.finish(SOON).expect(130);
    sandbox.assert_clean(&["keeper"]);
    sandbox
        .run(&["start", "--filter", "label=tier", "keeper"])
        .expect(125)
        .says("cannot be used with");
    assert_eq!(sandbox.ok(&["start", "--filter", "label=tier"]), "keeper\n");
    assert_eq!(sandbox.ok(&["start", "--filter", "label=none"]), "");
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
    happened(&sandbox, &events);
}

/// The record and a watcher have the same events.
fn happened(sandbox: &Sandbox, events: &[&str]) {
    let past = sandbox.ok(&[events, &["--since", "1d", "--stream=false"]].concat());
    let first = [
        "created",
        "started",
        "ready",
        "stopped",
        "renamed",
        "started",
        "ready",
        "suspended",
        "resumed",
        "ready",
        // Of a snapshot.
        "resumed",
        "ready",
        "crashed",
        "started",
        "crashed",
        "started",
        "ready",
    ];
    let last = [
        "stopped", "removed", "created", "started", "stopped", "removed",
    ];
    let words: Vec<&str> = past.lines().collect();
    assert!(
        words.starts_with(&first) && words.ends_with(&last),
        "{words:?}"
    );
    let watcher = sandbox.start(&[events, &["--since", "1d"]].concat());
    assert!(watcher.writes(&past, SOON), "{}\n{past}", watcher.text());
    watcher.signal(Signal::INT);
    watcher.finish(SOON).expect(130);
}

/// Restores a snapshot, starting from a running VM.
fn brought_back(sandbox: &Sandbox, variables: &[u8]) {
    let names = || sandbox.ok(&["snapshot", "list", "--format", "{{.name}}", "keeper"]);
    assert_eq!(names(), "before\n", "also of a running VM");
    sandbox
        .run(&["snapshot", "restore", "keeper", "before"])
        .expect(125)
        .says("podman-bootc stop keeper");
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

/// A dry run shows the command line that runs, and makes nothing.
fn previewed(sandbox: &Sandbox, image: &str) {
    let keeper = [
        "run",
        "--dry-run",
        "--name",
        "keeper",
        "--add-disk",
        "new:16M",
    ];
    sandbox
        .run(&[&keeper[..], &[image]].concat())
        .expect(125)
        .says("already");
    let replace = [&keeper[..], &["--replace", "--format", "json", image]].concat();
    let shown: serde_json::Value = serde_json::from_str(&sandbox.ok(&replace)).unwrap();
    let row = sandbox.vm("keeper").unwrap();
    assert_eq!(
        (&shown["replaces"], &shown["image"]["id"]),
        (&row["id"], &row["image_id"])
    );
    assert_eq!(
        (&shown["pull"], &shown["boot"]["cached"]),
        (&false.into(), &true.into())
    );
    let words = shown["command"].as_array().unwrap();
    let words: Vec<&str> = words.iter().map(|word| word.as_str().unwrap()).collect();
    let [new, old] = [&shown["spec"]["id"], &row["id"]].map(|id| id.as_str().unwrap());
    let line = |command: &str| {
        // QEMU may run without its sandbox, and the context ID follows from the VM's ID.
        let words = command.split(' ').map(|word| word.replace(new, old));
        let varies = |word: &String| word.contains("guest-cid=") || word.contains("obsolete=deny");
        words
            .filter(|word| word != "-sandbox" && !varies(word))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        line(&words.join(" ")),
        line(sandbox.wait_qemu().command.trim_end())
    );

    let absent = ["run", "--dry-run", "quay.io/example/none"];
    assert!(sandbox.ok(&absent).contains("would be pulled"));
    let direct = sandbox.ok(&["run", "--dry-run", "--ephemeral", "--name", "new", image]);
    assert!(
        direct.contains("guest=new,") && direct.contains("-kernel"),
        "{direct}"
    );
    let record = sandbox.vm_folder("keeper").join("vm.json");
    let archive = format!("oci-archive:{}", record.display());
    let file = sandbox.ok(&["run", "--dry-run", &archive]);
    assert!(file.contains("in a file; would be read"), "{file}");
    sandbox
        .run(&["run", "--dry-run", "oci:/no/such/folder:tag"])
        .expect(125)
        .says("oci:/no/such/folder:tag");
    assert_eq!(sandbox.list().len(), 1);
    assert!(!sandbox.vm_folder("new").exists());
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
    for (filter, found) in [
        ("label=env=test", "keeper\n"),
        ("label=other", ""),
        ("name=^keep", "keeper\n"),
        ("status=running", "keeper\n"),
        ("status=exited", ""),
    ] {
        let listed = sandbox.ok(&["list", "--quiet", "--filter", filter]);
        assert_eq!(listed, found, "{filter}");
    }
    let by_image = format!("image={image}");
    let labels = [
        "list",
        "--filter",
        &by_image,
        "--format",
        "{{.labels.env}}{{.labels.no}}",
    ];
    assert_eq!(sandbox.ok(&labels), "test\n");
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
    assert_eq!(sandbox.ok(&["stop", "--filter", "label=tier"]), "keeper\n");
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
fn killed(sandbox: &Sandbox, watcher: &Running) {
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

    watcher.wait_stdout("crashed", SOON);
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
}

/// A running VM is shut down and makes place for one of its name, if that can be made.
fn replaced(sandbox: &Sandbox, image: &str) {
    let id = || sandbox.vm("keeper").unwrap()["id"].clone();
    let old = id();
    let replace = ["run", "--detach", "--replace", "--name", "keeper"];
    for (words, why) in [
        (
            &["localhost/podman-bootc-none"][..],
            "build it with `sudo podman build",
        ),
        (&["0123456789ab"], "`sudo podman images --digests` lists"),
        (&["--user", "nobody-here", image], "no user"),
        (
            &["--itype", "u1.micro", "--cpus", "2", image],
            "cannot be used with",
        ),
    ] {
        let refused = sandbox.run(&[&replace, words].concat());
        refused.expect(125).says(why);
        assert_eq!(
            (id(), sandbox.state("keeper")),
            (old.clone(), "running".into()),
            "{words:?}"
        );
    }
    let follower = sandbox.start(&["logs", "--follow", "keeper"]);
    follower.wait_stdout("Linux version", SOON);
    let line = [
        &replace[..],
        &["--itype", "u1.micro", "--label", "env=new", image],
    ]
    .concat();
    assert_eq!(
        sandbox.start(&line).finish(BOOT).expect(0).text(),
        "keeper\n"
    );
    let console = follower.finish(SOON);
    assert!(console.text().contains("Power down"), "{}", console.story());
    assert_ne!(id(), old);
    let row = sandbox.vm("keeper").unwrap();
    assert_eq!(
        (&row["cpus"], &row["memory"]),
        (&1.into(), &(1_u64 << 30).into())
    );
    assert_eq!(row["labels"], serde_json::json!({"env": "new"}));
}

fn removed(sandbox: &Sandbox) {
    assert_eq!(sandbox.ok(&["rm", "--all"]), "", "running VMs stay");
    let image = shared("latest");
    replaced(sandbox, &image);
    // A guest without time to shut down is turned off.
    let stop = sandbox
        .start(&["stop", "--time", "0", "keeper"])
        .finish(SOON)
        .expect(0);
    assert_eq!(stop.text(), "keeper\n");
    assert_eq!(sandbox.state("keeper"), "stopped");
    assert_eq!(sandbox.ok(&["rm", "--all"]), "keeper\n");
    assert!(sandbox.list().is_empty() && !sandbox.vm_folder("keeper").exists());

    sandbox.ok(&["run", "--detach", "--name", "short", &image]);
    sandbox
        .run(&["rm", "--filter", "name=^short$"])
        .expect(125)
        .says("running");
    assert_eq!(
        sandbox
            .start(&["rm", "--force", "--filter", "name=^short$"])
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
