//! The whole tool as an ordinary user, who is in no extra group and has only an entry in
//! `/etc/subuid`.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::harness::{BOOT, Own, SOON, Sandbox, User};

/// The user's name for the image; root has no image of that name.
const IMAGE: &str = "localhost/of-a-user:v1";

#[test]
fn everything_works_as_an_ordinary_user() {
    // overlayfs marks a folder that hides a lower one in another way than for root.
    let lower = Own::with(
        "latest",
        "rootless",
        "mkdir /usr/share/hidden; touch /usr/share/hidden/old",
    );
    let hide = "rm -r /usr/share/hidden && mkdir /usr/share/hidden && touch /usr/share/hidden/new";
    let mut layers = format!("FROM {}\nRUN {hide}\n", lower.name);
    for layer in 0..4 {
        layers += &format!("RUN touch /usr/share/layer{layer}\n");
    }
    let layered = Own::from_file(layers, "rootless-layers");
    let image = layered.name.clone();
    let user = User::new();
    let tool = user.install(Path::new(env!("CARGO_BIN_EXE_podman-bootc")));
    user.give_image(&image, IMAGE);
    let run = |args: &[&str]| user.start(&tool, args).finish(BOOT);

    // Each error names the other user's storage and the command that copies the image.
    let sandbox = Sandbox::new("rootless");
    let copy = format!(
        "`podman image scp {}@localhost::{IMAGE} root@localhost::`",
        user.name()
    );
    sandbox
        .run(&["run", IMAGE])
        .expect(125)
        .says("rootful storage")
        .says(&copy);
    run(&["run", &image])
        .expect(125)
        .says("rootless storage")
        .says("podman image scp root@localhost::");

    run(&["run", "--install-in", "container", IMAGE])
        .expect(125)
        .says("needs root");
    let own = user.home().join("folder");
    user.mkdir(&own);
    let share = format!("{}:/mnt", own.display());
    // A folder that is made anew hides the image's. overlayfs marks it in another way than for root.
    let script = "id -u; touch /mnt/made; stat -c '%u %g' /usr/bin/sh; find /usr -uid +999 -o -gid +999 | wc -l; \
        rm -r /etc/skel && mkdir /etc/skel && touch /etc/skel/new && ls -A /etc/skel /usr/share/hidden";
    for transport in ["erofs", "virtiofs"] {
        let args = [
            "run",
            "--ephemeral",
            "--root-transport",
            transport,
            "-v",
            &share,
            IMAGE,
            script,
        ];
        let output = run(&args).expect(0).text();
        let folders = "/etc/skel:\nnew\n\n/usr/share/hidden:\nnew\n";
        assert_eq!(
            output,
            format!("0\n0 0\n0\n{folders}"),
            "user IDs are the image's"
        );
        let made = own.join("made");
        assert_eq!(
            fs::metadata(&made).unwrap().uid(),
            user.id(),
            "root's file belongs to the user"
        );
        fs::remove_file(made).unwrap();
    }

    run(&["run", "--detach", "--name", "vm", "-v", &share, IMAGE]).expect(0);
    run(&["ssh", "vm", "echo kept >/var/kept && touch /mnt/made"]).expect(0);
    let processes = user.processes();
    for wanted in ["internal-supervise", "qemu-system", "virtiofsd"] {
        let mine: Vec<_> = processes
            .iter()
            .filter(|p| p.command.contains(wanted))
            .collect();
        assert!(!mine.is_empty(), "{wanted} in {processes:#?}");
        for process in mine {
            let status = fs::read_to_string(format!("/proc/{}/status", process.pid)).unwrap();
            let field = |name: &str| {
                let line = status
                    .lines()
                    .find_map(|line| line.strip_prefix(name))
                    .unwrap();
                line.split_whitespace()
                    .map(str::to_owned)
                    .collect::<Vec<_>>()
            };
            assert!(
                field("Uid:").iter().all(|id| *id == user.id().to_string()),
                "{process:?} {status}"
            );
            // virtiofsd enters a user namespace, in which it has all rights, and none on the host.
            let namespace = |pid: &str| fs::read_link(format!("/proc/{pid}/ns/user")).unwrap();
            let on_host = namespace(&process.pid.to_string()) == namespace("self");
            assert!(on_host || wanted == "virtiofsd", "{process:?}");
            assert!(
                !on_host || field("CapEff:") == ["0000000000000000"],
                "{process:?} {status}"
            );
            if wanted == "qemu-system" {
                assert_eq!(field("Seccomp:"), ["2"], "-sandbox on");
            }
        }
    }
    run(&["stop", "vm"]).expect(0);
    run(&["start", "vm"]).expect(0);
    assert_eq!(
        run(&["ssh", "vm", "cat /var/kept"]).expect(0).text(),
        "kept\n"
    );
    run(&["rm", "--force", "vm"]).expect(0);

    // Root's install of the same image makes the same disk.
    let theirs = user.home().join("disk.raw");
    run(&["disk", IMAGE, theirs.to_str().unwrap()])
        .expect(0)
        .silent_about("install ");
    let ours = sandbox.root().join("disk.raw");
    let options = [
        "disk",
        "--target-imgref",
        IMAGE,
        &image,
        ours.to_str().unwrap(),
    ];
    sandbox.run(&options).expect(0);
    compare(&sandbox, &ours, &theirs);

    user.start(&tool, &["prune", "--all"])
        .finish(SOON)
        .expect(0);
    user.wait_idle();
    sandbox.assert_clean(&[]);
}

/// Compares two disks, except for the IDs that each install creates.
fn compare(sandbox: &Sandbox, ours: &Path, theirs: &Path) {
    let (ours, theirs) = (
        contents(sandbox, "ours", ours),
        contents(sandbox, "theirs", theirs),
    );
    assert!(ours.len() > 5000, "{} lines", ours.len());
    let only = |a: &[String], b: &[String]| -> Vec<String> {
        let b: std::collections::HashSet<&String> = b.iter().collect();
        a.iter()
            .filter(|line| !b.contains(line))
            .take(20)
            .cloned()
            .collect()
    };
    let (mine, other) = (only(&ours, &theirs), only(&theirs, &ours));
    assert!(
        mine.is_empty() && other.is_empty(),
        "root's: {mine:#?}\nthe user's: {other:#?}"
    );
}

/// Lists partitions, filesystems, and each file with its type, mode, owner, size and checksum.
fn contents(sandbox: &Sandbox, name: &str, disk: &Path) -> Vec<String> {
    let table = output(Command::new("sfdisk").arg("--json").arg(disk));
    let table: Value = serde_json::from_str(&table).unwrap();
    let partitions = table["partitiontable"]["partitions"].as_array().unwrap();
    let mut lines = vec![table["partitiontable"]["label"].to_string()];
    for (index, partition) in partitions.iter().enumerate() {
        let number = |field: &str| partition[field].as_u64().unwrap();
        lines.push(format!(
            "{} {} {} {}",
            partition["type"],
            partition["name"],
            number("start"),
            number("size")
        ));
        let file = sandbox.root().join(format!("{name}-{index}"));
        let cut = [
            format!("skip={}", number("start")),
            format!("count={}", number("size")),
            format!("of={}", file.display()),
        ];
        let mut dd = Command::new("dd");
        dd.args(["bs=512", "conv=sparse", "status=none"])
            .arg(format!("if={}", disk.display()))
            .args(cut);
        output(&mut dd);
        let probe = Command::new("blkid")
            .args(["--probe", "--output", "export"])
            .arg(&file)
            .output()
            .unwrap();
        let probe = String::from_utf8(probe.stdout).unwrap();
        let kind = |line: &&str| {
            ["TYPE=", "LABEL="]
                .iter()
                .any(|field| line.starts_with(field))
        };
        lines.extend(probe.lines().filter(kind).map(str::to_owned));
        let folder = sandbox.root().join(format!("{name}-{index}-files"));
        fs::create_dir(&folder).unwrap();
        match probe.lines().find_map(|line| line.strip_prefix("TYPE=")) {
            Some("ext4") => {
                let dump = format!("rdump / {}", folder.display());
                output(Command::new("debugfs").args(["-R", &dump]).arg(&file));
            }
            Some("vfat") => {
                let mut copy = Command::new("mcopy");
                copy.args(["-s", "-i"]).arg(&file).arg("::").arg(&folder);
                output(&mut copy);
            }
            // The BIOS boot partition has no filesystem.
            None => drop(fs::copy(&file, folder.join("whole")).unwrap()),
            other => panic!("{other:?} on partition {index}"),
        }
        lines.extend(listing(&folder));
        fs::remove_dir_all(&folder).unwrap();
        fs::remove_file(&file).unwrap();
    }
    lines
}

fn listing(folder: &Path) -> Vec<String> {
    // The boot entry names the root by the filesystem's ID.
    let script = "find . -name '*.conf' -path '*/loader/*' -exec sed -i -E 's/[0-9a-f]{8}(-[0-9a-f]{4,12})+/ID/' {} +; \
        find . -type f -exec sha256sum {} + | LC_ALL=C sort -k2; \
        find . -printf '%p %y %m %U %G %l\\n' | LC_ALL=C sort";
    let text = output(Command::new("sh").args(["-c", script]).current_dir(folder));
    text.lines().map(str::to_owned).collect()
}

fn output(command: &mut Command) -> String {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}
