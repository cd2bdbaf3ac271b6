//! Variants of the test image: what they lack, how they fail, and what runs in them.

use crate::harness::{App, Own, SOON, Sandbox, podman, shared};

#[test]
fn an_image_without_sshd_times_out() {
    let sandbox = Sandbox::new("nosshd");
    let image = shared("nosshd");
    let args = [
        "run",
        "--rm",
        "--ephemeral",
        "--timeout",
        "5",
        &image,
        "true",
    ];
    sandbox
        .run(&args)
        .expect(124)
        .says("has no sshd")
        .says("openssh-server");
    sandbox.assert_clean(&[]);
}

#[test]
fn a_panic_is_reported_with_the_kernels_message() {
    let sandbox = Sandbox::new("panic");
    let image = shared("panic");
    let output = sandbox
        .run(&["run", "--name", "doomed", &image, "true"])
        .expect(125);
    output
        .says("kernel panic")
        .says("sysrq triggered crash")
        .says("test image: panic on purpose");
    let row = sandbox.vm("doomed").unwrap();
    assert_eq!(row["state"], "crashed");
    assert!(
        row["reason"]
            .as_str()
            .unwrap()
            .contains("sysrq triggered crash"),
        "{row}"
    );
    assert!(
        sandbox
            .ok(&["logs", "doomed"])
            .contains("Kernel panic - not syncing")
    );
    sandbox.ok(&["rm", "doomed"]);
}

#[test]
fn an_image_with_a_failing_unit_boots() {
    let sandbox = Sandbox::new("failing");
    let image = shared("failing");
    let output = sandbox
        .run(&[
            "run",
            "--ephemeral",
            "-i",
            "-T",
            &image,
            "systemctl",
            "--failed",
            "--plain",
            "--no-legend",
        ])
        .expect(0);
    assert!(
        output.text().starts_with("failing.service "),
        "{}",
        output.story()
    );
    assert!(
        sandbox.list().is_empty(),
        "a VM for one command is removed with it"
    );
}

#[test]
fn the_filesystem_for_an_image_that_sets_none_is_reported() {
    let image = Own::of("nofs", "nofs");
    let sandbox = Sandbox::with_empty_cache("nofs");
    let output = sandbox
        .run(&["run", "--detach", "--name", "vm", &image.name])
        .expect(0);
    // The image has no bootupd either, which bootc notices only at the end of an install.
    output
        .says("sets no root filesystem; using ext4")
        .says("--filesystem")
        .says("using composefs");
    let log = std::fs::read_to_string(sandbox.base_disks()[0].join("install.log")).unwrap();
    assert!(
        log.contains("--filesystem ext4") && log.contains("--composefs-backend"),
        "{log}"
    );
    sandbox.ok(&["rm", "--force", "vm"]);
}

#[test]
fn an_image_that_is_not_bootable_costs_no_work() {
    let sandbox = Sandbox::with_empty_cache("unbootable");
    let unlabelled = shared("nolabel");
    let run = |args: &[&str]| {
        sandbox
            .start(args)
            .finish(SOON)
            .expect(125)
            .silent_about("booting")
    };
    run(&["run", &unlabelled])
        .says("is not bootable")
        .says("containers.bootc=1")
        .says(&unlabelled);
    // Other tools print names with their transport.
    run(&["run", &format!("containers-storage:{unlabelled}")])
        .says("is not bootable")
        .says(&unlabelled);
    let kernelless = Own::of("notbootable", "notbootable");
    run(&["run", &kernelless.name])
        .says("no kernel")
        .says(&kernelless.name);
    run(&["run", "--ephemeral", &kernelless.name]).says("no kernel");
    // No registry serves this image. The tool asks for it only with `--pull always`, or when it
    // isn't in the storage.
    let name = format!("127.0.0.1:1/pulled-{}", std::process::id());
    podman(&["tag", &unlabelled, &name], vec![]).expect(0);
    run(&["run", "--pull", "missing", &name])
        .says("is not bootable")
        .silent_about("pulling the image");
    run(&["run", "--pull", "always", &name])
        .says("pulling the image")
        .says("refused");
    podman(&["untag", &unlabelled, &name], vec![]).expect(0);
    assert!(sandbox.list().is_empty() && sandbox.base_disks().is_empty());
    sandbox.assert_clean(&[]);
}

#[test]
fn a_missing_image_is_not_searched_elsewhere() {
    let sandbox = Sandbox::with_empty_cache("missing");
    let run = |args: &[&str]| sandbox.start(args).finish(SOON).expect(125);
    run(&["run", "localhost/no-such-image"])
        .says("image localhost/no-such-image not found")
        .says("storage")
        .says("podman build");
    run(&["run", "0123456789ab"]).says("image 0123456789ab not found");
    run(&["run", "--pull", "never", "registry.invalid/x"]).says("--pull never");
    run(&["run", "docker-daemon:x:latest"]).says("docker save x:latest | podman load");
    assert!(sandbox.list().is_empty());
}

/// podman's storage is in `/var`, whose folders are the upper layers of the container's overlay.
/// The layers of a bound image are in a block image.
#[test]
fn containers_run_without_a_disk() {
    let sandbox = Sandbox::new("containers");
    let app = App::build("containers");
    let image = Own::binding(&app.name, "containers", "containers");
    // As a quadlet does it that is bound to the system.
    let bound = format!(
        "podman --log-level error --storage-opt additionalimagestore=/usr/lib/bootc/storage \
            run --rm --pull never --network none --volume /usr:/usr:ro \
            --volume /usr/lib:/lib:ro --volume /usr/lib64:/lib64:ro {} /usr/bin/cat /app",
        app.name
    );
    let command =
        "cd / && tar -chf - lib64/ld-linux-x86-64.so.2 lib/x86_64-linux-gnu/libc.so.6 bin/uname |
            podman --log-level error import --quiet - localhost/small >/dev/null
        podman info --format '{{.Store.GraphDriverName}}'
        podman run --rm --network none localhost/small uname";
    let command = format!("{command}\n{bound}");
    let run = ["run", "--rm", "--ephemeral", &image.name, &command];
    assert_eq!(sandbox.ok(&run), "overlay\nLinux\nan app\n");
    sandbox.assert_clean(&[]);
}

#[test]
fn a_policy_of_selinux_is_enforced() {
    let sandbox = Sandbox::new("selinux");
    let image = shared("selinux");
    let command = "getenforce
        ps -o label= -p 1; ps -o label= -C sshd | sort -u; id -Z
        ls -Zd /etc /run/systemd /var | cut -d: -f3
        echo x >/etc/x && ls -Z /etc/x | cut -d: -f3
        find /usr /etc -print0 | xargs -0 matchpathcon -V 2>&1 | grep -v verified | head
        echo end";
    let expected = "Enforcing
        system_u:system_r:init_t:s0
        system_u:system_r:sshd_t:s0
        unconfined_u:unconfined_r:unconfined_t:s0-s0:c0.c1023
        etc_t
        init_runtime_t
        var_t
        etc_t
        end";
    let lines =
        |text: &str| -> Vec<String> { text.lines().map(|line| line.trim().to_owned()).collect() };
    for kind in [&["--ephemeral"][..], &[]] {
        let run = [&["run", "--rm", "--cold"], kind, &[&*image, command]].concat();
        let output = sandbox
            .run(&run)
            .expect(0)
            // Debian's policy keeps the key from root.
            .says("SELinux: denied")
            .says("direct SSH door");
        assert_eq!(lines(&output.text()), lines(expected), "{}", output.story());
    }
    sandbox.assert_clean(&[]);
}
