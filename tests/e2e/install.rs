//! Base disks: the first `run` makes one, and the others share it.

use std::fs;

use crate::harness::{BOOT, Kvm, Own, Running, Sandbox, wait_for};

#[test]
fn eight_runs_at_once_share_one_install_and_one_disk() {
    let image = Own::of("latest", "install");
    let other = Own::of("edited", "beside");
    let sandbox = Sandbox::with_empty_cache("install");
    let first = sandbox.start(&["run", "--detach", "--rm", "--name", "first", &image.name]);
    first.wait_stderr("install ", BOOT);
    assert_eq!(sandbox.state("first"), "creating");
    // systemd mounts the shares, so that users who may not mount see them.
    let share = format!("{}:/var/host:ro", sandbox.root().display());
    let as_user = [
        "run",
        "--rm",
        "--name",
        "second",
        "--user",
        "core",
        "--volume",
        &share,
        &image.name,
    ];
    let look = "id -un; grep -c /var/host /proc/mounts; exit 42";
    let second = sandbox.start(&[&as_user[..], &[look]].concat());
    second.wait_stderr("waiting", BOOT);
    let others: Vec<Running> = (3..=8)
        .map(|number| {
            sandbox.start(&[
                "run",
                "--detach",
                "--memory",
                "256M",
                "--name",
                &format!("vm{number}"),
                &image.name,
            ])
        })
        .collect();
    // The install of another image doesn't wait.
    let beside = sandbox.root().join("beside.raw");
    let beside = sandbox.start(&["disk", &other.name, beside.to_str().unwrap()]);
    let installs = || {
        sandbox
            .processes()
            .iter()
            .filter(|p| p.command.contains("-name guest=install-"))
            .count()
    };
    wait_for("two installs side by side", BOOT, || {
        (installs() == 2).then_some(())
    });
    // The tool refuses a taken name before any work.
    sandbox
        .run(&["run", "--name", "first", &image.name])
        .expect(125)
        .says("VM first already exists")
        .silent_about("install ");

    // The install learns that KVM fails; each run reports it once.
    let first = first.finish(BOOT).expect(0);
    assert_eq!(first.text(), "first\n");
    let told = usize::from(Kvm::probe() == Kvm::Broken);
    assert_eq!(
        first
            .stderr
            .matches("KVM doesn't work on this host")
            .count(),
        told,
        "{}",
        first.story()
    );

    for running in others {
        let output = running
            .finish(BOOT)
            .expect(0)
            .says("waiting for another podman-bootc that installs")
            .silent_about("booting the image");
        sandbox.ok(&["rm", "--force", output.text().trim()]);
    }
    beside.finish(BOOT).expect(0).silent_about("installs");

    let (one, two) = (
        sandbox.wait_running("first"),
        sandbox.wait_running("second"),
    );
    assert_ne!(one["ssh_port"], two["ssh_port"]);
    assert_eq!(sandbox.base_disks().len(), 2);
    let base = [
        "inspect",
        "--format",
        "{{.spec.source.base}}",
        "first",
        "second",
    ];
    let bases = sandbox.ok(&base);
    let (key, same) = bases.trim().split_once('\n').unwrap();
    assert_eq!(key, same);

    let second = second
        .finish(BOOT)
        .expect(42)
        .silent_about("booting the image");
    assert_eq!(
        second
            .stderr
            .matches("KVM doesn't work on this host")
            .count(),
        told,
        "{}",
        second.story()
    );
    assert_eq!(second.text(), "core\n1\n");
    assert_eq!(sandbox.state("second"), "");

    // A detached VM with `--rm` is removed when its guest shuts down.
    sandbox.run(&["ssh", "first", "systemctl poweroff"]);
    wait_for("the VM to go", BOOT, || {
        sandbox.list().is_empty().then_some(())
    });
    sandbox.assert_clean(&[]);
    assert_eq!(sandbox.base_disks().len(), 2);
    assert!(
        fs::metadata(sandbox.base_disks()[0].join("disk.raw"))
            .unwrap()
            .permissions()
            .readonly()
    );
}

#[test]
fn a_bound_image_that_is_missing_is_named_before_the_install() {
    let sandbox = Sandbox::with_empty_cache("unbound");
    let name = "localhost/podman-bootc-app:missing";
    let image = Own::binding(name, "latest", "unbound");
    sandbox
        .run(&["disk", "--pull", "never", &image.name, "x.raw"])
        .expect(125)
        .says(name)
        .says("--bound-images skip");
}
