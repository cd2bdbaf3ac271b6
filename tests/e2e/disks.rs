//! Base disks and disk images: export, import, growth, rebuild and prune.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::harness::{App, BOOT, Own, Registry, Running, Sandbox, podman, shared};

fn qemu_img(args: &[&str]) -> Value {
    let output = Command::new("qemu-img").args(args).output().unwrap();
    assert!(
        output.status.success(),
        "{args:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap_or_default()
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().flatten();
    let mut names: Vec<String> = entries
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn one_install_serves_all_exports_and_vms() {
    let sandbox = Sandbox::with_empty_cache("disks");
    let image = shared("latest");
    let out = sandbox.root().join("out");
    fs::create_dir(&out).unwrap();
    let file = |name: &str| out.join(name).to_str().unwrap().to_owned();

    // The tool refuses impossible requests before any work.
    sandbox
        .run(&["disk", "--disk-size", "300M", &image, &file("x.raw")])
        .expect(125)
        .says("300 MiB");
    sandbox
        .run(&["disk", &image, &file("x")])
        .expect(125)
        .says("--format");
    sandbox
        .run(&["disk", &image, "/dev/null"])
        .expect(125)
        .says("--format");
    assert_eq!(names(&out), [""; 0]);

    // Of eight exports at once, one installs and seven wait.
    let formats = ["raw", "qcow2", "vhdx", "vmdk"];
    let files: Vec<String> = (1..=2)
        .flat_map(|i| formats.map(|format| file(&format!("{i}.{format}"))))
        .collect();
    let all: Vec<Running> = files
        .iter()
        .map(|file| sandbox.start(&["disk", &image, file]))
        .collect();
    let stories: Vec<String> = all
        .into_iter()
        .map(|running| running.finish(BOOT).expect(0).stderr)
        .collect();
    let count = |text: &str| stories.iter().filter(|story| story.contains(text)).count();
    assert_eq!(
        (
            count("booting the image"),
            count("waiting for another podman-bootc that installs")
        ),
        (1, 7),
        "{stories:#?}"
    );
    let base = sandbox.base_disks()[0].join("disk.raw");
    for file in &files {
        let format = file.rsplit('.').next().unwrap();
        if format != "raw" {
            qemu_img(&["check", "--output=json", "-f", format, file]);
        }
        qemu_img(&[
            "compare",
            "-f",
            format,
            "-F",
            "raw",
            file,
            base.to_str().unwrap(),
        ]);
        let info = qemu_img(&["info", "--output=json", "-f", format, file]);
        assert_eq!(info["virtual-size"], 10u64 << 30);
        assert!(
            info["actual-size"].as_u64().unwrap() < 1 << 30,
            "sparse: {info}"
        );
    }
    assert_eq!(names(&out).len(), 8, "nothing else is left");
    sandbox
        .run(&["disk", &image, &files[0]])
        .expect(125)
        .says("--force");
    sandbox
        .run(&["disk", "--force", &image, &files[0]])
        .expect(0)
        .silent_about("install ");

    let unpacked = container_disk(&sandbox, &image, &base);

    // A larger disk needs no install either: the overlay grows, and the guest's root grows with it.
    let look = "lsblk -bdno SIZE; df --block-size=1 --output=size /; cat /proc/cmdline";
    let grown = sandbox
        .run(&["run", "--name", "big", "--disk-size", "20G", &image, look])
        .expect(0);
    let grown = grown.silent_about("install ").text();
    let sizes: Vec<u64> = grown
        .lines()
        .filter_map(|line| line.trim().parse().ok())
        .collect();
    assert_eq!(sizes[0], 20 << 30, "{grown}");
    assert!(sizes[1] > 18 << 30, "{grown}");
    sandbox.ok(&["stop", "--time", "0", "big"]);
    let kubevirt = [
        "generate",
        "kubevirt",
        "--disk-image",
        "quay.io/example/big:v1",
    ];
    let objects = sandbox.ok(&[&kubevirt[..], &["big"]].concat());
    assert!(
        objects.contains("name: big") && objects.contains("image: quay.io/example/big:v1"),
        "{objects}"
    );
    sandbox
        .run(&[&kubevirt[..], &["--cpus", "4", "big"]].concat())
        .expect(125)
        .says("settings of its own");

    // A disk image from elsewhere.
    let imported = [
        "run",
        "--rm",
        "--disk",
        unpacked.to_str().unwrap(),
        "echo",
        "it",
        "runs",
    ];
    assert_eq!(sandbox.run(&imported).expect(0).text(), "it runs\n");
    sandbox
        .run(&["run", "--disk", &file("2.vmdk"), "true"])
        .expect(125)
        .says("qemu-img convert");

    // A rebuild keeps the base disk of an existing VM.
    let anew = [
        "run",
        "--rebuild",
        "--install-in",
        "vm",
        "--detach",
        "--name",
        "anew",
        &image,
    ];
    sandbox.run(&anew).expect(0).says("booting the image");
    assert_eq!(sandbox.base_disks().len(), 2);
    sandbox.ok(&["rm", "--force", "anew"]);
    let df: Value =
        serde_json::from_str(&sandbox.ok(&["system", "df", "--format", "json"])).unwrap();
    assert_eq!(
        (&df[0]["total"], &df[0]["active"]),
        (&2.into(), &1.into()),
        "{df:#}"
    );
    assert_eq!(
        sandbox.ok(&["prune", "--dry-run", "--format", "{{.kind}}"]),
        "disk\n"
    );
    sandbox.ok(&["prune"]);
    assert_eq!(sandbox.base_disks(), [base.parent().unwrap()]);
    sandbox.ok(&["rm", "big"]);
    sandbox.ok(&["prune", "--older-than", "1d"]);
    assert_eq!(sandbox.base_disks().len(), 1);
    sandbox.ok(&["prune", "--all"]);
    assert_eq!(names(&sandbox.cache().join("disks")), [""; 0]);
    sandbox.assert_clean(&[]);
}

/// Exports a container disk to a folder and to podman's storage, and returns the disk image in it.
fn container_disk(sandbox: &Sandbox, image: &str, base: &Path) -> PathBuf {
    let folder = sandbox.root().join("container-disk");
    let target = format!("oci:{}", folder.display());
    let export = |args: &[&str]| {
        let disk = ["disk", "--format", "containerdisk"];
        sandbox.run(&[&disk[..], args].concat())
    };
    export(&[image, &target]).expect(0).silent_about("install ");
    export(&[image, &target]).expect(125).says("--force");
    export(&["--push", image, &target])
        .expect(125)
        .says("quay.io/example");
    export(&[image, "my-os:v1"]).expect(125).says("oci:DIR");
    pushed(sandbox, image, &target);
    let run = |program: &str, args: &[&str]| {
        let output = Command::new(program).args(args).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{program} {args:?}: {stderr}");
        serde_json::from_slice::<Value>(&output.stdout).unwrap_or_default()
    };
    let inspected = run("skopeo", &["inspect", &target]);
    assert_eq!(inspected["Architecture"], "amd64", "{inspected}");
    let digest = inspected["Layers"][0].as_str().unwrap();
    let layer = folder.join(digest.replace("sha256:", "blobs/sha256/"));
    let place = sandbox.root().to_str().unwrap();
    let owned = [
        "--numeric-owner",
        "-xf",
        layer.to_str().unwrap(),
        "-C",
        place,
    ];
    run("tar", &owned);
    let disk = sandbox.root().join("disk/disk.qcow2");
    let owner = disk.metadata().unwrap();
    assert_eq!((owner.uid(), owner.gid()), (107, 107));
    let (file, raw) = (disk.to_str().unwrap(), base.to_str().unwrap());
    qemu_img(&["check", "--output=json", "-f", "qcow2", file]);
    qemu_img(&["compare", "-f", "qcow2", "-F", "raw", file, raw]);
    disk
}

/// Pushes a container disk to a registry, which then has the same one as the folder.
fn pushed(sandbox: &Sandbox, image: &str, folder: &str) {
    let registry = Registry::new(&[]);
    let name = registry.image("os-disk:v1");
    let settings = sandbox.root().join("registries.conf");
    registry.write_settings(&settings);
    // zstd is quicker than the default.
    let quick = sandbox.root().join("quick.conf");
    fs::write(&quick, "[engine]\ncompression_format = \"zstd\"\n").unwrap();
    let disk = ["disk", "--format", "containerdisk", "--push", image, &name];
    let mut push = sandbox.tool(&disk);
    push.env("CONTAINERS_REGISTRIES_CONF", &settings);
    push.env("CONTAINERS_CONF_OVERRIDE", &quick);
    let output = Running::start(push, Some(vec![])).finish(BOOT).expect(0);
    assert!(output.stderr.contains(&name), "{}", output.stderr);
    podman(&["rmi", &name], vec![]).expect(0);
    let config = |image: &str| {
        let inspect = ["inspect", "--config", "--tls-verify=false", image];
        let output = Command::new("skopeo").args(inspect).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let docker = config(&format!("docker://{name}"));
    assert_eq!(docker, config(folder));
    assert!(docker.contains("diff_ids"), "{docker}");
}

/// A block device over a file. It is removed when the value is dropped.
struct Loop(String);

impl Loop {
    fn new(file: &Path, size: u64) -> Self {
        fs::File::create(file).unwrap().set_len(size).unwrap();
        let output = Command::new("losetup")
            .args(["--find", "--show"])
            .arg(file)
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        Self(String::from_utf8(output.stdout).unwrap().trim().to_owned())
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        let _ = Command::new("losetup").args(["--detach", &self.0]).status();
    }
}

#[test]
fn a_block_device_is_written_only_with_the_flag_for_it() {
    let sandbox = Sandbox::new("block");
    let image = shared("latest");
    let disk = |device: &Loop, force: bool| {
        let force = if force {
            "--force-block-device"
        } else {
            "--force"
        };
        sandbox.run(&["disk", "--disk-size", "2G", force, &image, &device.0])
    };
    let small = Loop::new(&sandbox.root().join("small"), 1 << 30);
    disk(&small, false).expect(125).says("--force-block-device");
    disk(&small, true)
        .expect(125)
        .says("1.0 GiB")
        .says("2.0 GiB");

    let file = sandbox.root().join("device");
    let device = Loop::new(&file, 2 << 30);
    let folder = sandbox.root().join("mounted");
    fs::create_dir(&folder).unwrap();
    let run = |program: &str, args: &[&str]| {
        assert!(Command::new(program).args(args).status().unwrap().success())
    };
    run("mkfs.ext4", &["-q", &device.0]);
    run("mount", &[&device.0, folder.to_str().unwrap()]);
    disk(&device, true)
        .expect(125)
        .says("is in use")
        .says(folder.to_str().unwrap());
    run("umount", &[folder.to_str().unwrap()]);
    disk(&device, true).expect(0).silent_about("install ");
    let bases = sandbox.base_disks();
    let same = |base: &PathBuf| {
        Command::new("cmp")
            .arg("--silent")
            .arg(base.join("disk.raw"))
            .arg(&device.0)
            .status()
            .unwrap()
            .success()
    };
    assert!(bases.iter().any(same), "{bases:?}");
}

#[test]
fn every_install_option_arrives() {
    let sandbox = Sandbox::with_empty_cache("options");
    let app = App::build("options");
    let Own { name: image, .. } = &Own::binding(&app.name, "latest", "options");
    let run = [
        "run",
        "--hypervisor",
        "qemu",
        "--arch",
        "x86_64",
        "--pull",
        "never",
        "--filesystem",
        "ext4",
        "--root-size-max",
        "3G",
        "--disk-size",
        "6G",
        "--karg",
        "asked.for=a,b",
        "--karg",
        "flag",
        "--bootloader",
        "systemd",
        "--composefs-backend",
        "--target-imgref",
        "example.test/other:v2",
        "--target-transport",
        "oci",
        "--install-arg",
        "--stateroot",
        "--install-arg",
        "a place",
        "--install-memory",
        "1800M",
        "--install-cpus",
        "1",
        "--install-timeout",
        "800",
        "--bound-images",
        "stored",
    ];
    let look = "cat /proc/cmdline; lsblk -bdno SIZE /dev/disk/by-id/virtio-disk; df --block-size=1M --output=size / | tail -n 1; \
        bootc status --format=json | jq -c '[.status.booted.image.image[], .status.booted.composefs.bootloader]'; \
        jq -c '.[] | [.names[], .id]' /usr/lib/bootc/storage/overlay-images/images.json; \
        cat /usr/lib/bootc/storage/overlay/*/diff/app";
    let text = sandbox
        .run(&[&run[..], &[image, look]].concat())
        .expect(0)
        .text();
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let words: Vec<&str> = lines[0].split(' ').collect();
    assert!(
        words.contains(&"asked.for=a,b") && words.contains(&"flag"),
        "{text}"
    );
    assert_eq!(lines[1], (6u64 << 30).to_string());
    let root: u64 = lines[2].parse().unwrap();
    assert!((2700..3072).contains(&root), "{text}");
    assert_eq!(lines[3], r#"["example.test/other:v2","oci","systemd"]"#);
    // The install's VM has no network, and bootc's composefs backend installs no bound images.
    assert_eq!(lines[4], format!(r#"["{}","{}"]"#, app.name, app.id));
    assert_eq!(lines[5], "an app");
    let disk = fs::read_to_string(sandbox.base_disks()[0].join("disk.json")).unwrap();
    assert!(disk.contains(&app.id), "{disk}");
    let log = fs::read_to_string(sandbox.base_disks()[0].join("install.log")).unwrap();
    assert!(
        log.contains("--stateroot a place --bound-images=skip --wipe"),
        "{log}"
    );
    // The kernel prints `Memory: FREEK/ALLK available`.
    let (_, memory) = log.split_once("Memory: ").unwrap();
    let (_, memory) = memory.split_once('/').unwrap();
    let kib: u64 = memory.split('K').next().unwrap().parse().unwrap();
    assert!((1700 << 10..=1800 << 10).contains(&kib), "{memory}");

    // The tool refuses a disk that can't hold the image.
    let other = ["disk", "--root-size", "100M", image, "/x.raw"];
    sandbox
        .run(&other)
        .expect(125)
        .says("100 MiB")
        .silent_about("booting");
    sandbox
        .run(&["run", "--arch", "aarch64", "--pull", "never", image])
        .expect(125)
        .says("amd64");
    sandbox.assert_clean(&[]);
}
