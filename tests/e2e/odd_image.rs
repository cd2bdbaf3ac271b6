//! Images that are valid, and odd: plain folders in place of links, words for containers, units that wait.

use std::fs;

use crate::harness::{BOOT, Own, Registry, Running, Sandbox, podman};

/// Real images have plain folders where the test image has links into `/var`. The words for containers
/// would keep each of these commands from its work, if they counted.
const ODD: &str = "
    for folder in root home opt srv mnt; do rm /$folder; mkdir /$folder; echo $folder >/$folder/file; done
    chmod 700 /root
    useradd --no-create-home --home-dir /home/dev --shell /bin/bash dev
    mkdir -p /home/dev/.ssh; chown -R dev:dev /home/dev; chmod 700 /home/dev/.ssh
    # More than the VM's memory, in few blocks.
    mkdir -p /var/lib/big; truncate -s 900M /var/lib/big/file; echo end >>/var/lib/big/file
    # A question on the first boot, without whose answer no sshd starts.
    cd /usr/lib/systemd/system
    printf '[Unit]\nBefore=ssh.service\n[Service]\nType=oneshot\nStandardInput=tty-force\nTTYPath=/dev/console\n' \
        >initial-setup.service
    echo 'ExecStart=/bin/sh -c \"read answer\"' >>initial-setup.service
    mkdir -p multi-user.target.wants; ln -s ../initial-setup.service multi-user.target.wants/
    # A kernel that somebody removed by half.
    mkdir /usr/lib/modules/99.0; cp /usr/lib/modules/6*/vmlinuz /usr/lib/modules/99.0/";

/// What an installed system does at its start is no matter of the install.
const SLOW: &str = "
    echo 'LABEL=absent /var/data ext4 defaults 0 2' >>/etc/fstab
    echo 'absent UUID=00000000-0000-0000-0000-000000000000 none' >>/etc/crypttab
    cd /usr/lib/systemd/system
    printf '[Mount]\\nWhat=/dev/absent\\nWhere=/srv\\n' >srv.mount
    printf '[Unit]\\nDefaultDependencies=no\\nBefore=sysinit.target\\n[Service]\\nType=oneshot\\nExecStart=sleep 1200\\n' \\
        >slow.service
    mkdir -p sysinit.target.wants local-fs.target.requires
    ln -s ../slow.service sysinit.target.wants/; ln -s ../srv.mount local-fs.target.requires/";

#[test]
fn plain_folders_questions_and_words_for_containers_are_no_obstacle() {
    let image = Own::with("latest", "odd", ODD);
    let words = "ENTRYPOINT [\"/bin/echo\"]\nCMD [\"cmd\"]\nUSER dev\nWORKDIR /absent\nVOLUME /srv\n\
                 HEALTHCHECK CMD false\nENV PATH=/absent LD_LIBRARY_PATH=/absent BASH_ENV=/absent\n";
    let file = format!("FROM {}\n{words}", image.name);
    let build = [
        "build",
        "--quiet",
        "--network",
        "none",
        "--format",
        "docker",
        "--tag",
    ];
    podman(
        &[&build[..], &[&image.name, "-"]].concat(),
        file.into_bytes(),
    )
    .expect(0);

    let sandbox = Sandbox::new("odd");
    let run = [
        "run",
        "--ephemeral",
        "--cold",
        "--memory",
        "768M",
        "--detach",
        "--name",
        "vm",
    ];
    sandbox
        .run(&[&run[..], &["--user", "dev", &image.name]].concat())
        .expect(0)
        // The image's half kernel is not the one that boots.
        .says("99.0");
    let command = "cd; pwd; id -un; cat /home/file; touch x; uname -r | cut -c1";
    assert_eq!(
        sandbox.ok(&["ssh", "vm", command]),
        "/home/dev\ndev\nhome\n6\n"
    );
    let command = "set -e; cd; pwd
        for folder in root home opt srv mnt; do cat /$folder/file; touch /$folder/new; done
        tail -c4 /var/lib/big/file
        # More than the memory.
        dd if=/dev/urandom of=/var/much bs=1M count=1 status=none
        for n in 1 2 3 4 5 6 7 8 9 10; do cat /var/much /var/much >/var/more; mv /var/more /var/much; done
        sync; stat -c %s /var/much";
    let expected = "/root\nroot\nhome\nopt\nsrv\nmnt\nend\n1073741824\n";
    assert_eq!(
        sandbox.ok(&["ssh", "--user", "root", "vm", command]),
        expected
    );
    // All mounts stay. The connection may end before the command does.
    sandbox.run(&["ssh", "--user", "root", "vm", "systemctl soft-reboot"]);
    let command = "set -e
        for folder in root home opt srv mnt; do ls /$folder/new; touch /$folder/again; done
        stat -c %s /var/much; findmnt -no FSTYPE /tmp; systemctl is-active systemd-logind";
    let expected =
        "/root/new\n/home/new\n/opt/new\n/srv/new\n/mnt/new\n1073741824\ntmpfs\nactive\n";
    assert_eq!(
        sandbox.ok(&["ssh", "--user", "root", "vm", command]),
        expected
    );
    assert_eq!(sandbox.ok(&["ssh", "vm", "pwd"]), "/home/dev\n");
    sandbox.ok(&["rm", "--force", "vm"]);
    podman(&["rmi", &image.name], vec![]).expect(0);
    sandbox.assert_clean(&[]);

    let slow = Own::with("latest", "slow", SLOW);
    let disk = sandbox.root().join("slow.raw");
    sandbox
        .start(&["disk", &slow.name, disk.to_str().unwrap()])
        .finish(BOOT)
        .expect(0);
    assert!(fs::metadata(&disk).unwrap().len() > 1 << 30);
}

/// A registry has compressed layers, so that the manifest of what is installed is another one.
#[test]
fn an_image_that_was_pulled_by_digest_keeps_its_name() {
    let registry = Registry::new(&[]);
    let settings = tempfile::NamedTempFile::new().unwrap();
    registry.write_settings(settings.path());
    let image = Own::of("latest", "pulled");
    let name = registry.image("pulled:v1");
    let push = [
        "push",
        "--quiet",
        "--tls-verify=false",
        "--compress",
        &image.name,
    ];
    let digest_file = tempfile::NamedTempFile::new().unwrap();
    let digest_option = format!("--digestfile={}", digest_file.path().display());
    podman(&[&push[..], &[&digest_option, &name]].concat(), vec![]).expect(0);
    let digest = fs::read_to_string(digest_file.path()).unwrap();
    let reference = format!("{}@{digest}", registry.image("pulled"));
    podman(&["rmi", "--force", &image.name], vec![]).expect(0);

    let sandbox = Sandbox::with_empty_cache("pulled");
    let mut run = sandbox.tool(&["run", "--detach", "--name", "vm", &reference]);
    run.env("CONTAINERS_REGISTRIES_CONF", settings.path());
    Running::start(run, Some(vec![])).finish(BOOT).expect(0);
    let listed = sandbox.ok(&["list", "--format", "{{.image}}"]);
    let status = sandbox.ok(&["ssh", "vm", "bootc status --format json"]);
    let manifest = sandbox.ok(&["inspect", "--format", "{{.installed.manifest}}", "vm"]);
    sandbox.ok(&["rm", "--force", "vm"]);
    podman(&["rmi", "--force", &reference], vec![]).expect(0);
    assert_eq!(listed.trim(), reference);
    assert_ne!(manifest.trim(), digest);
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    let booted = &status["status"]["booted"]["image"];
    assert_eq!(booted["image"]["image"], reference.as_str());
    assert_eq!(
        booted["imageDigest"],
        manifest.trim(),
        "what the guest's bootc says"
    );
}
