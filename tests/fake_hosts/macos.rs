//! The hypervisors of macOS, which the tool controls through Unix sockets.

use std::io::Read;
use std::path::Path;

use super::{Call, Host, has};

/// Returns the first 8 KiB of a disk.
/// The place of the key on a disk, in bytes.
const KEY: usize = 32 << 10;

fn beginning(disk: &Path) -> Vec<u8> {
    let mut bytes = vec![0; KEY + 4096];
    std::fs::File::open(disk)
        .unwrap()
        .read_exact(&mut bytes)
        .unwrap();
    bytes
}

#[test]
fn vfkit_on_macos() {
    let host = Host::new("macos", &["vfkit", "gvproxy"]).with("FAKE_SHARED", "1");
    let share = host.path("share");
    // Without QEMU the tool chooses vfkit.
    host.run(&["-p", "0:80", "-v", &format!("{}:/mnt/x", share.display())]);
    let row = host.row();
    assert_eq!(row["state"], "running");
    assert_eq!(row["accelerator"], "native");
    let disk = host.vm("disk.raw");
    let line = host.call("vfkit");
    has(
        &line,
        &[
            "--cpus 2 --memory 2048 --restful-uri unix://",
            &format!("--device virtio-blk,path={},deviceId=disk", disk.display()),
            &format!("virtio-fs,sharedDir={},mountTag=share0", share.display()),
            ",mac=5a:94:ef:e4:0c:ee",
            "--bootloader efi,variable-store=",
        ],
    );
    has(
        &host.call("gvproxy"),
        &["-listen-vfkit unixgram://", "-ssh-port -1"],
    );
    host.has_logged("fake vfkit booted");
    has(
        &std::fs::read_to_string(host.vm("qemu.log")).unwrap(),
        &["something for people"],
    );
    // Enter, as a terminal sends it, and the control characters that a terminal would handle
    // itself.
    assert!(!host.type_on_console(b"a\r\n\x03\x04").contains("read-only"));
    has(
        &host.fail(&["snapshot", "create", "one", "x"]),
        &["vfkit can't take snapshots", "--hypervisor qemu"],
    );
    host.has_logged("typed 97\ntyped 13\ntyped 10\ntyped 3\ntyped 4\n");
    let port = row["ssh_port"].as_u64().unwrap();
    assert!(std::net::TcpStream::connect(("127.0.0.1", u16::try_from(port).unwrap())).is_ok());
    assert!(
        row["ports"][0].as_str().unwrap().ends_with("->80/tcp"),
        "{row}"
    );

    // The key belongs to the host, and is on the disk.
    let podman = host.calls("podman");
    let install = podman
        .iter()
        .map(Call::line)
        .find(|line| line.contains("--privileged"))
        .unwrap();
    has(
        &install,
        &[
            "--remote --connection podman-machine-default-root run --rm --network=none",
            "--privileged --pid=host",
        ],
    );
    has(
        &install,
        &["--root-ssh-authorized-keys /run/podman-bootc.pub --via-loopback /output/disk.raw"],
    );
    assert!(!install.contains("--filesystem"), "the image names one");
    has(&install, &["--karg=console=hvc0"]);
    let key = std::fs::read_to_string(host.path("data/keys/id_ed25519.pub")).unwrap();
    assert_eq!(
        std::fs::read_to_string(host.vm("id_ed25519.pub")).unwrap(),
        key
    );
    assert!(beginning(&disk)[KEY..].starts_with(key.trim().as_bytes()));
    assert_eq!(disk.metadata().unwrap().len(), 520 << 20);
    assert!(
        podman.iter().all(|call| !call.line().contains("volume rm")),
        "the machine sees the folder"
    );

    host.stop_start_remove();
    assert_eq!(host.calls("vfkit").len(), 2);
    // A second VM of the image uses the same base disk.
    let installs = host.calls("podman").len();
    host.run(&[]);
    assert!(
        host.calls("podman")[installs..]
            .iter()
            .all(|call| !call.line().contains("--privileged"))
    );
}

#[test]
fn krunkit_on_macos() {
    let host = Host::new("macos", &["krunkit", "gvproxy"]);
    host.run(&["--hypervisor", "krunkit"]);
    let line = host.call("krunkit");
    has(
        &line,
        &[
            ",format=raw",
            "virtio-net,unixSocketPath=",
            "--oem-string io.systemd.credential.binary:tmpfiles.extra=",
        ],
    );
    host.has_logged("fake krunkit booted");
    has(
        &host.type_on_console(b"a"),
        &["read-only: krunkit takes no input"],
    );
    // The key belongs to the VM, and is on no disk.
    assert!(!host.path("data/keys").exists());
    let content = beginning(&host.vm("disk.raw"));
    assert!(content.starts_with(b"RAW!") && content[KEY..] == [0; 4096]);
    // The machine doesn't see the folder: the tool copies the disk from a volume, which it then
    // removes.
    let lines: Vec<String> = host.calls("podman").iter().map(Call::line).collect();
    has(
        &lines.join("\n"),
        &[
            "tar --create --sparse --format=gnu",
            "volume rm --force podman-bootc-",
        ],
    );
    assert_eq!(std::fs::read_dir(host.path("state")).unwrap().count(), 0);
    host.stop_start_remove();
}

#[test]
fn qemu_on_macos() {
    let qemu = format!("qemu-system-{}", std::env::consts::ARCH);
    let host = Host::new("macos", &[&qemu, "vfkit", "gvproxy"]).with("FAKE_SHARED", "1");
    host.firmware("share/qemu");
    let share = host.path("share");
    host.run(&[
        "-p",
        "0:80",
        "--gui",
        "-v",
        &format!("{}:/mnt/x:ro", share.display()),
    ]);
    let row = host.row();
    assert_eq!(
        (&row["state"], &row["accelerator"]),
        (&"running".into(), &"hvf".into())
    );
    let calls = host.calls(&qemu);
    let line = calls.last().unwrap().line();
    has(
        &line,
        &[
            "-accel hvf -cpu host",
            "-display cocoa",
            &format!(
                "-virtfs local,path={},mount_tag=share0,security_model=none",
                share.display()
            ),
            ",readonly=on",
        ],
    );
    assert!(
        !line.contains("vhost-user-fs") && !line.contains("memfd"),
        "{line}"
    );
    let credentials = calls
        .last()
        .unwrap()
        .args
        .iter()
        .filter_map(|arg| arg.strip_prefix("type=11,path="));
    let credentials: Vec<String> = credentials
        .map(|path| std::fs::read_to_string(path).unwrap())
        .collect();
    assert!(
        credentials[0].starts_with("io.systemd.credential.binary:tmpfiles.extra="),
        "{credentials:?}"
    );
    has(&host.call("qemu-img"), &["create -q -f qcow2 -F raw"]);
    host.has_logged("fake QEMU booted");
    host.stop_start_remove();
}
