//! Images for another architecture than the host's.

use std::fs;

use crate::harness::{Output, Registry, Running, SOON, Sandbox, podman, shared, wait_for};

/// Returns the architecture and the ID of the image with this name in podman's storage.
fn inspect(name: &str) -> (String, String) {
    let format = "{{.Architecture}} {{.Id}}";
    let text = podman(&["image", "inspect", "--format", format, name], vec![])
        .expect(0)
        .text();
    let (architecture, id) = text.trim().split_once(' ').unwrap();
    (architecture.to_owned(), id.to_owned())
}

#[test]
fn the_image_for_the_wanted_architecture_is_fetched() {
    let sandbox = Sandbox::with_empty_cache("fetched");
    let registry = Registry::new(&[("both", &["amd64", "arm64"]), ("one", &["amd64"])]);
    let (both, one) = (registry.image("both"), registry.image("one"));
    let settings = sandbox.root().join("registries.conf");
    registry.write_settings(&settings);
    // The image has no kernel, so that each run ends once the image is there.
    let run = |args: &[&str]| -> Output {
        let mut tool = sandbox.tool(&[&["run"], args].concat());
        tool.env("CONTAINERS_REGISTRIES_CONF", &settings);
        Running::start(tool, Some(vec![])).finish(SOON).expect(125)
    };
    let slow = |arch: &str| format!("is for {arch}: the VM is emulated");
    let (own, other) = match std::env::consts::ARCH {
        "x86_64" => (("amd64", "x86_64"), ("arm64", "aarch64")),
        _ => (("arm64", "aarch64"), ("amd64", "x86_64")),
    };

    run(&["--arch", other.1, &both])
        .says("pulling the image")
        .says(&slow(other.1))
        .says("no kernel");
    let (architecture, other_id) = inspect(&both);
    assert_eq!(architecture, other.0);
    // `run` uses the image in the storage, unless it is for another architecture.
    run(&[&both])
        .silent_about("pulling the image")
        .says(&slow(other.1))
        .says("no kernel");
    run(&["--arch", own.1, "--pull", "never", &both])
        .says(&format!("is for {}, not for {}", other.0, own.0))
        .says("--pull never")
        .silent_about("no kernel");
    run(&["--arch", own.1, &both])
        .says("pulling the image")
        .silent_about(&slow(other.1))
        .says("no kernel");
    let (architecture, own_id) = inspect(&both);
    assert_eq!(architecture, own.0);
    run(&["--pull", "always", "--arch", other.1, &both]).says(&slow(other.1));
    assert_eq!(inspect(&both).1, other_id);

    // An image for one architecture only.
    run(&["--arch", "arm64", &one])
        .says("pulling the image")
        .says("is for amd64, not for arm64")
        .says("registry");
    let local = "localhost/podman-bootc-e2e:one";
    podman(&["tag", &one, local], vec![]).expect(0);
    run(&["--arch", "arm64", local])
        .says("is for amd64, not for arm64")
        .says("podman build --arch arm64");
    run(&["--arch", "arm64", "podman-bootc-e2e:one"])
        .says("podman build --arch arm64")
        .silent_about("pulling the image");
    // A manifest list of both, as `podman build --manifest` makes it.
    let list = "localhost/podman-bootc-e2e:list";
    podman(&["manifest", "create", list], vec![]).expect(0);
    for id in [&own_id, &other_id] {
        podman(
            &["manifest", "add", list, &format!("containers-storage:{id}")],
            vec![],
        )
        .expect(0);
    }
    run(&["--arch", other.1, list])
        .says(&slow(other.1))
        .says("no kernel");
    run(&["--arch", own.1, list])
        .silent_about("is for")
        .says("no kernel");
    podman(&["manifest", "rm", list], vec![]).expect(0);

    podman(&["rmi", "--force", &own_id, &other_id], vec![]).expect(0);
    assert!(sandbox.list().is_empty());
    sandbox.assert_clean(&[]);
}

#[test]
fn an_arm64_image_boots_from_its_disk_and_without_one() {
    let sandbox = Sandbox::new("arm64");
    let image = shared("arm64");
    let folder = sandbox.root().join("shared");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("file"), "of the host\n").unwrap();
    let volume = format!("{}:/mnt/shared:ro", folder.display());
    let look = "uname -m; systemctl is-system-running --wait; cat /mnt/shared/file; \
                bootc status --format json | jq -r .status.booted.image.architecture; \
                ls -d /sys/firmware/efi; hostname";

    // The install runs with the image's own kernel; then the firmware boots the installed disk.
    let run = [
        "run",
        "--name",
        "disk",
        "--volume",
        &volume,
        "--hostname",
        "on-disk",
        &image,
        look,
    ];
    let output = sandbox.run(&run).expect(0);
    assert_eq!(
        output.text(),
        "aarch64\nrunning\nof the host\narm64\n/sys/firmware/efi\non-disk\n",
        "{}",
        output.story()
    );
    let emulated = output.stderr.contains("is for aarch64: the VM is emulated");
    assert_eq!(
        emulated,
        std::env::consts::ARCH != "aarch64",
        "{}",
        output.story()
    );
    // systemd shows the prompt after everything else.
    let log = wait_for("the prompt", SOON, || {
        let log = sandbox.ok(&["logs", "disk"]);
        log.contains("on-disk login:").then_some(log)
    });
    assert!(log.contains("UEFI firmware"), "{log}");
    sandbox.ok(&["stop", "disk"]);
    assert_eq!(sandbox.state("disk"), "stopped");
    sandbox.ok(&["rm", "disk"]);

    // Without firmware, QEMU hands over credentials in another way; the ones for `--nic none` have
    // the longest names.
    let run = [
        "run",
        "--ephemeral",
        "--nic",
        "none",
        "--volume",
        &volume,
        "--hostname",
        "in-memory",
        &image,
        look,
    ];
    let output = sandbox.run(&run).expect(0);
    let text = output.text();
    assert!(
        text.starts_with("aarch64\nrunning\nof the host\nnull\n"),
        "{}",
        output.story()
    );
    assert!(
        text.ends_with("\nin-memory\n") && !text.contains("/sys/firmware/efi"),
        "{}",
        output.story()
    );
    sandbox.assert_clean(&[]);
}
