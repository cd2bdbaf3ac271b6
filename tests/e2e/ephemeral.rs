//! `run --ephemeral`: the image itself, without a disk.

use std::fs;

use crate::harness::{BOOT, Own, Running, SOON, Sandbox, Signal, podman, shared, wait_for};

#[test]
fn an_image_boots_without_a_disk() {
    let sandbox = Sandbox::new("ephemeral");
    // A layer with plain folders in place of links, and with a folder that hides the one below it.
    let folders =
        "rm /opt /srv; mkdir -m 0750 /opt /srv; touch /srv/below; rm -r /etc/skel; mkdir /etc/skel";
    let image = Own::with("latest", "folders", folders);
    let image = &image.name;
    // What container engines, systemd-sysext and systemd-confext do: overlays on /var, and over /usr, /opt
    // and /etc.
    let command = "set -e
        echo x >/etc/x; echo y >/var/y; cat /etc/x /var/y
        ! touch /usr/z 2>/dev/null
        for folder in root home opt srv mnt tmp; do touch /$folder/z; done
        cd /var/lib; mkdir lower upper work merged
        mount -t overlay -o lowerdir=lower,upperdir=upper,workdir=work overlay merged
        echo z >merged/z; cat upper/z
        test $(df --output=size -BG /var | tail -1 | tr -d ' G') -gt 50
        release=usr/lib/extension-release.d; mkdir -p /run/extensions/x/$release /run/extensions/x/opt
        echo ID=_any >/run/extensions/x/$release/extension-release.x
        touch /run/extensions/x/usr/marker /run/extensions/x/opt/marker
        systemd-sysext merge >/dev/null; ls /usr/marker /opt/marker
        release=etc/extension-release.d; mkdir -p /run/confexts/y/$release
        echo ID=_any >/run/confexts/y/$release/extension-release.y; touch /run/confexts/y/etc/marker
        systemd-confext merge >/dev/null; ls /etc/marker; systemd-confext unmerge >/dev/null; cat /etc/x
        rm /srv/below; ls -A /srv /etc/skel; rmdir /etc/skel; mkdir /etc/skel; touch /etc/skel/z
        stat -c %a /tmp /opt
        exit 3";
    let output = sandbox
        .run(&["run", "--ephemeral", "--cold", image, command])
        .expect(3)
        .silent_about("install ");
    assert_eq!(
        output.text(),
        "x\ny\nz\n/opt/marker\n/usr/marker\n/etc/marker\nx\n/etc/skel:\n\n/srv:\nz\n1777\n750\n"
    );
    assert!(sandbox.list().is_empty());
    sandbox
        .run(&["run", "--ephemeral", "--disk-size", "20G", image])
        .expect(125)
        .says("--disk-size");
}

#[test]
fn a_vm_that_ends_at_once_reports_the_cause() {
    let sandbox = Sandbox::new("at-once");
    let image = shared("latest");
    // virtiofsd can't enter a sandbox in the root folder. It may exit before the tool listens.
    for _ in 0..10 {
        let run = [
            "run",
            "--detach",
            "--ephemeral",
            "--volume",
            "/:/var/host",
            "--name",
            "one",
            &image,
        ];
        sandbox
            .run(&run)
            .expect(125)
            .says("the share of / at /var/host (virtiofsd) ended");
    }
    assert!(sandbox.list().is_empty());
    sandbox.assert_clean(&[]);
}

#[test]
fn a_root_over_virtiofs_is_not_converted() {
    let image = Own::of("latest", "virtiofs");
    let sandbox = Sandbox::with_empty_cache("virtiofs");
    let run = [
        "run",
        "--ephemeral",
        "--root-transport",
        "virtiofs",
        "--detach",
        "--name",
        "vm",
        &image.name,
    ];
    sandbox.run(&run).expect(0);
    let look = "grep -c '^virtiofs ' /proc/mounts; echo x >/etc/x && cat /etc/x; touch /usr/z 2>&1 | grep -o Read-only";
    let told = sandbox.ok(&["ssh", "vm", look]);
    assert_eq!(
        told.lines().skip(1).collect::<Vec<_>>(),
        ["x", "Read-only"],
        "{told}"
    );
    let blocks = sandbox.cache().join("roots/blocks");
    assert_eq!(
        fs::read_dir(&blocks).unwrap().count(),
        0,
        "the tool converts nothing"
    );
    // podman knows that the image is in use.
    podman(&["rmi", &image.name], vec![])
        .expect(2)
        .says("in use by a container");
    sandbox.ok(&["stop", "vm"]);
    let in_use = || image.is_mounted() || image.has_containers();
    assert!(sandbox.list().is_empty() && !in_use());

    // A killed tool can't release the image, but the next command does.
    sandbox.ok(&run);
    sandbox.process("internal-share-root").kill();
    sandbox.ok(&["rm", "--force", "vm"]);
    assert!(in_use());
    sandbox.ok(&run);
    sandbox.ok(&["rm", "--force", "vm"]);
    assert!(!in_use());
    let file = format!("oci-archive:{}", sandbox.root().join("x.tar").display());
    podman(
        &[
            "save",
            "--quiet",
            "--format",
            "oci-archive",
            "--output",
            &file[12..],
            &image.name,
        ],
        vec![],
    )
    .expect(0);
    sandbox
        .run(&["run", "--ephemeral", "--root-transport", "virtiofs", &file])
        .expect(125)
        .says("from elsewhere");
    let here = sandbox
        .run(&["run", "--install-in", "container", &file])
        .expect(125);
    here.says("an image from elsewhere").silent_about("booting");
    sandbox
        .run(&["run", "--root-transport", "virtiofs", &image.name])
        .expect(125)
        .says("--ephemeral");
}

#[test]
fn a_running_vm_needs_nothing_of_its_image() {
    let image = Own::of("latest", "removed");
    let sandbox = Sandbox::with_empty_cache("removed");
    // After a kill during the conversion, the next run begins anew.
    let killed = sandbox.start(&["run", "--ephemeral", &image.name]);
    wait_for("the conversion", SOON, || {
        sandbox
            .processes()
            .iter()
            .any(|p| p.command.contains("erofs"))
            .then_some(())
    });
    killed.signal(Signal::KILL);
    killed.finish(SOON).expect(137);
    wait_for("the end of all", SOON, || {
        sandbox.processes().is_empty().then_some(())
    });

    for name in ["one", "two"] {
        sandbox.ok(&[
            "run",
            "--ephemeral",
            "--detach",
            "--name",
            name,
            &image.name,
        ]);
    }
    assert!(!image.is_mounted());
    podman(&["tag", &shared("nofs"), &image.name], vec![]).expect(0);
    let read = "cat /etc/ssh/sshd_config >/etc/here; find /usr -xdev -type f -size -64k | head -n 2000 | xargs cat | wc -c";
    for name in ["one", "two"] {
        let bytes: u64 = sandbox.ok(&["ssh", name, read]).trim().parse().unwrap();
        assert!(bytes > 1 << 20, "{bytes}");
    }
    let row = sandbox.vm("one").unwrap();
    assert_eq!(
        (&row["ephemeral"], &row["remove"]),
        (&true.into(), &true.into())
    );
    sandbox.ok(&["stop", "--time", "0", "one", "two"]);
    assert!(sandbox.list().is_empty(), "a stop discards them");
    podman(&["untag", &image.name], vec![]).expect(0);
}

#[test]
fn twenty_runs_leave_nothing() {
    // Other tests run at the same time, so that only this test's own files count.
    let image = Own::of("latest", "twenty");
    let sandbox = Sandbox::new("twenty");
    let temporary = sandbox.root().join("tmp");
    fs::create_dir(&temporary).unwrap();
    for number in 0..20 {
        let mut run = sandbox.tool(&[
            "run",
            "--ephemeral",
            "--detach",
            "--name",
            "vm",
            &image.name,
        ]);
        run.env("TMPDIR", &temporary);
        Running::start(run, Some(vec![])).finish(BOOT).expect(0);
        match number % 3 {
            0 => drop(sandbox.ok(&["rm", "--force", "vm"])),
            1 => sandbox.wait_qemu().kill(),
            _ => sandbox.process("internal-supervise").kill(),
        }
        wait_for("the end of all", SOON, || {
            sandbox.processes().is_empty().then_some(())
        });
        assert!(sandbox.list().is_empty());
        // No process, mount or temporary file is left.
        sandbox.assert_clean(&[]);
        assert!(!image.is_mounted());
        let left: Vec<_> = fs::read_dir(&temporary).unwrap().flatten().collect();
        assert!(left.is_empty(), "{left:?}");
    }
}
