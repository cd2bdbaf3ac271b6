//! Warm starts: VMs that resume from a template.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, SystemTime};

use crate::harness::{BOOT, Running, SOON, Sandbox, Signal, shared, wait_for};

/// Prints what differs between machines, a line each, and the time.
const LOOK: &str = "head -c 64 /dev/urandom | sha256sum; uuidgen || cat /proc/sys/kernel/random/uuid; \
    cat /etc/machine-id; ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub; uname -n; date +%s.%N";
/// What LOOK prints is this much older than the end of its session at most.
const TIME: Duration = Duration::from_secs(1);

/// Starts a VM that resumes, and returns what LOOK prints in it.
fn resume(sandbox: &Sandbox, image: &str, name: &str, more: &[&str]) -> Vec<String> {
    let args = ["run", "--detach", "--wait", "ssh", "--warm"];
    let args = [
        &args[..],
        &["--name", name, "--hostname", name],
        more,
        &[image],
    ]
    .concat();
    sandbox.run(&args).expect(0).silent_about("cold start");
    let warm = sandbox.ok(&["inspect", "--format", "{{.last_run.warm}}", name]);
    assert_eq!(warm.trim(), "true", "VM {name} has resumed");
    let before = SystemTime::now();
    let output = sandbox.run(&["ssh", name, LOOK]).expect(0);
    let after = SystemTime::now();
    let mut lines: Vec<String> = output.text().lines().map(str::to_owned).collect();
    let seconds: f64 = lines.pop().unwrap().parse().unwrap();
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs_f64(seconds);
    assert!(time + TIME > before && time < after + TIME, "{seconds}");
    assert_eq!(lines.last().map(String::as_str), Some(name));
    lines
}

/// Asserts that what LOOK prints differs in each line.
fn differ(vms: &[Vec<String>; 2]) {
    for (one, two) in vms[0].iter().zip(&vms[1]) {
        assert_ne!(one, two);
    }
    assert_eq!(vms[0].len(), 5);
}

#[test]
fn each_resumed_vm_is_a_machine_of_its_own() {
    let image = shared("latest");
    let sandbox = Sandbox::without_memory("warm");
    let templates = sandbox.cache().join("templates");
    let [share, later] = ["share", "later"].map(|name| {
        let folder = sandbox.root().join(name);
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("host"), name).unwrap();
        folder
    });
    let volume = format!("{}:/mnt/share", share.display());
    // The first VM makes the template and resumes from it.
    let vms = [
        resume(
            &sandbox,
            &image,
            "one",
            &["--ephemeral", "--credential", "app.token=a"],
        ),
        resume(
            &sandbox,
            &image,
            "two",
            &["--ephemeral", "-p", "0:22", "-v", &volume],
        ),
    ];
    differ(&vms);
    let read = "cat /run/credentials/@system/app.token; systemctl --failed --no-legend; systemctl list-jobs --no-legend | grep -v default";
    assert_eq!(sandbox.run(&["ssh", "one", read]).text(), "a");

    // A VM with a share has a copy of the memory, so that it can get more of them.
    let volume = format!("{}:/mnt/later:ro", later.display());
    sandbox.ok(&["set", "two", "--add-volume", &volume]);
    let look =
        "cat /mnt/share/host /mnt/later/host; echo guest >/mnt/share/guest; ! touch /mnt/later/x";
    assert_eq!(sandbox.ok(&["ssh", "two", look]), "sharelater");
    assert_eq!(fs::read_to_string(share.join("guest")).unwrap(), "guest\n");
    let refused = sandbox.run(&["set", "one", "--add-volume", &volume]);
    refused.expect(125).says("without shares");

    // It is a copy of its template when it wakes, and a machine like others after a reboot.
    let look = "cat /proc/sys/kernel/random/boot_id /etc/machine-id";
    sandbox.ok(&["ssh", "one", "echo kept >/var/kept"]);
    let before = sandbox.ok(&["ssh", "one", look]);
    sandbox.ok(&["suspend", "one"]);
    sandbox.ok(&["start", "one"]);
    assert_eq!(sandbox.ok(&["ssh", "one", look]), before);
    sandbox.ok(&["reboot", "--wait", "one"]);
    let kept = sandbox.ok(&[
        "ssh",
        "one",
        "cat /var/kept; systemctl --failed --no-legend",
    ]);
    assert_eq!(kept, "kept\n");

    let row = "{{.type}} {{.total}} {{.active}}";
    let usage = sandbox.ok(&["system", "df", "--format", row]);
    assert!(usage.contains("templates 1 1\n"), "{usage}");
    sandbox.ok(&["rm", "--force", "one", "two"]);
    let folders = || {
        let entries = fs::read_dir(&templates).unwrap().flatten();
        entries
            .map(|entry| entry.path())
            .filter(|path| path.is_dir())
            .collect::<Vec<_>>()
    };
    let [template] = &folders()[..] else {
        panic!("{:?}", folders());
    };

    // A template that doesn't load is dropped, and the VM boots.
    let state = template.join("state");
    fs::remove_file(&state).unwrap();
    fs::write(&state, "nothing").unwrap();
    let run = ["run", "--rm", "--ephemeral", "--warm=auto", &image, "true"];
    sandbox.run(&run).expect(0).says("cold start: ");
    assert!(folders().is_empty());
}

#[test]
fn a_vm_with_a_disk_resumes_and_outlives_its_template() {
    let image = shared("latest");
    let sandbox = Sandbox::without_memory("warm-disk");
    let vms = [
        resume(&sandbox, &image, "one", &[]),
        resume(&sandbox, &image, "two", &["--rm", "--add-disk", "new:64M"]),
    ];
    differ(&vms);
    sandbox.ok(&["ssh", "one", "echo kept >/var/kept"]);
    let look = "[ ! -e /var/kept ] && readlink -f /dev/disk/by-id/virtio-extra0";
    let disk = sandbox.ok(&["ssh", "two", look]);
    assert!(disk.starts_with("/dev/vd"), "{disk}");
    sandbox.ok(&["rm", "--force", "two"]);
    soft_reboot(&sandbox);
    saved(&sandbox, &vms[0][2]);
    // It has woken: the host has no identity for it any more.
    soft_reboot(&sandbox);

    // A stopped VM needs its layer, and no template.
    sandbox.ok(&["stop", "one"]);
    // Other tests use the other base disks.
    let prune = ["prune", "--dry-run", "--format", "{{.kind}}"];
    let unused = sandbox.ok(&prune);
    assert!(unused.lines().any(|kind| kind == "template"), "{unused}");
    fs::remove_dir_all(sandbox.cache().join("templates")).unwrap();
    sandbox.run(&["start", "--wait", "ssh", "one"]).expect(0);
    let look = "cat /var/kept /etc/machine-id; systemctl --failed --no-legend";
    let kept = format!("kept\n{}\n", vms[0][2]);
    assert_eq!(sandbox.run(&["ssh", "one", look]).expect(0).text(), kept);
    let warm = sandbox.ok(&["inspect", "--format", "{{.last_run.warm}}", "one"]);
    assert_eq!(warm.trim(), "false");
    sandbox.ok(&["rm", "--force", "one"]);
}

/// A soft reboot changes nothing of what the VM got when it resumed.
fn soft_reboot(sandbox: &Sandbox) {
    let look = "cat /etc/machine-id; ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub; uname -n; \
                systemctl --failed --no-legend";
    let look = || {
        let seen = sandbox.run(&["ssh", "one", look]).expect(0);
        seen.silent_about("direct SSH door").text()
    };
    let before = look();
    sandbox.ok(&["reboot", "--soft", "one"]);
    assert_eq!(look(), before);
}

/// A VM that has resumed from a template can be saved with its memory, more than once.
fn saved(sandbox: &Sandbox, machine_id: &str) {
    let look = "cat /proc/sys/kernel/random/boot_id /etc/machine-id; pgrep -x sleep";
    let begin = format!("setsid sleep 31536000 >/dev/null 2>&1 & sleep 1; {look}");
    let before = sandbox.ok(&["ssh", "one", &begin]);
    assert!(before.contains(machine_id), "{before}");
    for _ in 0..2 {
        sandbox.ok(&["suspend", "one"]);
        sandbox.ok(&["start", "one"]);
        assert_eq!(sandbox.ok(&["ssh", "one", look]), before);
    }
    let warm = sandbox.ok(&["inspect", "--format", "{{.last_run.warm}}", "one"]);
    assert_eq!(warm.trim(), "true", "it is still a copy of its template");
    sandbox.ok(&["snapshot", "create", "one", "live"]);
    sandbox.ok(&["stop", "one"]);
    sandbox.ok(&["snapshot", "restore", "one", "live"]);
    assert_eq!(sandbox.ok(&["ssh", "one", look]), before);
    sandbox.ok(&["snapshot", "rm", "one", "live"]);
}

#[test]
fn a_template_that_is_half_made_does_no_harm() {
    let image = shared("latest");
    let sandbox = Sandbox::without_memory("warm-half");
    let templates = sandbox.cache().join("templates");
    let names = || -> Vec<String> {
        let entries = fs::read_dir(&templates).into_iter().flatten().flatten();
        let mut names: Vec<_> = entries
            .map(|entry| entry.file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    let detached = [
        "run",
        "--detach",
        "--ephemeral",
        "--warm",
        "--name",
        "vm",
        &image,
    ];
    // Killed while it boots, with its state saved, and with its name.
    for stage in ["memory", "template-saved", "template-made"] {
        let mut run = sandbox.tool(&detached);
        run.env("PODMAN_BOOTC_FAULT", stage);
        Running::start(run, None).finish(SOON).expect(0);
        if stage == "memory" {
            wait_for(stage, BOOT, || {
                let mut files = names()
                    .into_iter()
                    .map(|name| templates.join(name).join(stage));
                files.find(|file| file.exists())
            });
            sandbox.process("internal-supervise").signal(Signal::KILL);
        }
        wait_for("the VM's end", BOOT, || {
            let left = sandbox.list().len() + sandbox.processes().len();
            (left == 0).then_some(())
        });
    }
    // The last one is whole, and stays. A lock is beside it until a template is made again.
    let template = || fs::metadata(templates.join(&names()[0])).unwrap().ino();
    let whole = template();
    resume(&sandbox, &image, "vm", &["--ephemeral"]);
    assert_eq!(template(), whole);
    sandbox.ok(&["rm", "--force", "vm"]);
    fs::remove_dir_all(&templates).unwrap();

    // While it is made, it can't be saved. A port that it gets then stays.
    sandbox.ok(&detached);
    let refused = sandbox.run(&["suspend", "vm"]);
    refused.expect(125).says("its template is being made");
    sandbox.ok(&["port", "vm", "--add", "0:80"]);
    sandbox.ok(&["ssh", "vm", "true"]);
    let warm = sandbox.ok(&["inspect", "--format", "{{.last_run.warm}}", "vm"]);
    assert_eq!(warm.trim(), "true");
    let ports = sandbox.ok(&["port", "vm"]);
    assert!(ports.contains("80"), "{ports}");
    sandbox.ok(&["rm", "--force", "vm"]);
    let [template] = &names()[..] else {
        panic!("{:?}", names());
    };
    assert_eq!(template.len(), 64, "{template}");

    // A resumed machine that dies at once starts once more, without the template.
    let slow = "tmpfiles.extra=d /run/extra\n";
    let run = [
        "run",
        "--detach",
        "--ephemeral",
        "--warm=auto",
        "--wait",
        "ssh",
        "--name",
        "vm",
    ];
    let more = ["--credential", slow, &image];
    let running = sandbox.start(&[&run[..], &more].concat());
    sandbox.wait_running("vm");
    sandbox.process("-incoming").signal(Signal::ABORT);
    running
        .finish(BOOT)
        .expect(0)
        .says("cold start: the resumed machine failed");
    assert!(names().is_empty(), "{:?}", names());
    sandbox.ok(&["rm", "--force", "vm"]);
    sandbox.assert_clean(&[]);
}
