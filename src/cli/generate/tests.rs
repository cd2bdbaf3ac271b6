//! From flags to objects, without podman. `tests/kubevirt.sh` checks the objects of all lines
//! against KubeVirt's own types.

use clap::Parser;
use serde_json::{Value, json};

use super::*;
use crate::direct_boot::{self, BootImage};
use crate::hypervisor::golden;

/// The environment variable that names the file for the objects of all lines.
const FILE: &str = "PODMAN_BOOTC_KUBEVIRT_OBJECTS";
const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ2t9HvHzXGyVGjjBb6XNqcY7z5PS8mYV4hAe8fQHxF2 podman-bootc";

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    args: Args,
}

/// A folder with the files that some flags name.
fn files() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write("key.pub", &KEY.replace("podman-bootc", "user@example"));
    write("data.raw", "data");
    write("config.ign", r#"{"ignition": {"version": "3.4.0"}}"#);
    write("seed/user-data", "#cloud-config\nusers: [default]\n");
    write("net/user-data", "#cloud-config\n");
    write("net/network-config", "version: 2\n");
    write("meta/user-data", "#cloud-config\n");
    write("meta/meta-data", "instance-id: mine\n");
    dir
}

/// Returns the guest for a line of flags, with images that no podman has. `FILES` is the folder of
/// [`files`].
fn guest_of(flags: &str) -> Result<Guest> {
    let dir = files();
    let flags = flags.replace("FILES", dir.path().to_str().unwrap());
    let words = ["x", "localhost/web:v1"].into_iter();
    let args = Line::try_parse_from(words.chain(flags.split_whitespace()))?.args;
    let plan = args.of_flags()?;
    let arch = plan.new.arch.unwrap_or(Arch::X86_64);
    let wanted = Wanted {
        new: &plan.new,
        arch,
        direct: plan.direct,
    };
    kubevirt::check(&wanted)?;
    let image = Image {
        architecture: arch.oci_name().into(),
        ..Image::sample()
    };
    let tag = |tag: &str| format!("quay.io/example/web:{tag}");
    let mut keys = vec![KEY.to_owned()];
    keys.extend(plan.new.settings.ssh_keys.clone());
    let keys = keys.join("\n");
    let boot = if plan.direct {
        let mut boot = BootImage::sample(direct_boot::Transport::Erofs);
        let homes = [("root", "/root"), ("core", "/var/home/core")];
        let homes = homes.map(|(user, home)| (user.to_owned(), home.to_owned()));
        boot.facts.homes.extend(homes);
        Boot::Direct {
            kernel: tag("boot-1a2b3c"),
            kernel_args: direct_args(&plan, &image, &boot, &keys)?,
            roots: boot
                .roots()
                .map(|(serial, _)| (serial.clone(), tag(&serial)))
                .collect(),
            scratch: Some(tag("scratch-4d5e6f")),
        }
    } else {
        Boot::Disk {
            disk: tag("disk-7a8b9c"),
            firmware: plan.new.firmware,
        }
    };
    let is_file =
        |disk: &crate::disk::ExtraDisk| matches!(disk, crate::disk::ExtraDisk::File { .. });
    let disks = plan.new.settings.disks.numbered();
    let extra = disks.filter(|(_, disk)| is_file(disk));
    let extra = extra
        .map(|(number, _)| (number, tag("extra-0d1e2f")))
        .collect();
    let name = args.name(&plan, &image.reference.replace("x:latest", "web:v1"))?;
    let origin = format!("{}@{}", image.reference, image.digest);
    Ok(Guest {
        extra,
        ..guest(&plan, name, origin, arch, boot, &keys)
    })
}

const INSTANCE: &str = "/spec/template/spec";

/// Flags, a place in the VirtualMachine (below its template's spec if it begins with a dot) or in
/// the object of another kind (`Kind/place`), and the value there.
fn table() -> Vec<(&'static str, &'static str, Value)> {
    let secure = json!({ "efi": { "secureBoot": true } });
    let args = "systemd.hostname=Web.example";
    vec![
        ("", "/metadata/name", json!("web")),
        (
            "",
            "/metadata/annotations/podman-bootc~1image",
            json!("localhost/x:latest@sha256:1"),
        ),
        ("", "./domain/devices/logSerialConsole", json!(true)),
        ("", "./readinessProbe/tcpSocket/port", json!(22)),
        ("", "Secret/stringData/key0", json!(KEY)),
        ("--name my-vm", "/metadata/name", json!("my-vm")),
        ("--cpus 8", "./domain/cpu/cores", json!(8)),
        ("-m 3G", "./domain/memory/guest", json!("3072Mi")),
        (
            "--cpus 1 --memory 512M",
            "./domain/memory/guest",
            json!("512Mi"),
        ),
        ("--arch aarch64", "./domain/machine/type", json!("virt")),
        (
            "--arch aarch64 --firmware uefi",
            "./architecture",
            json!("arm64"),
        ),
        (
            "--firmware bios",
            "./domain/firmware/bootloader/bios/useSerial",
            json!(true),
        ),
        (
            "--firmware uefi",
            "./domain/firmware/bootloader/efi/secureBoot",
            json!(false),
        ),
        ("--firmware secure", "./domain/firmware/bootloader", secure),
        (
            "--firmware secure --tpm",
            "./domain/features/smm/enabled",
            json!(true),
        ),
        ("--tpm", "./domain/devices/tpm", json!({})),
        (
            "--gui",
            "./domain/devices/autoattachGraphicsDevice",
            json!(true),
        ),
        ("--hostname web-1", "./hostname", json!("web-1")),
        ("-p 80", "Service/spec/ports/0/port", json!(80)),
        ("-p 8080:80", "Service/spec/ports/0/targetPort", json!(80)),
        (
            "-p 8080:80 -p 53/udp",
            "Service/spec/ports/1/name",
            json!("udp-53"),
        ),
        (
            "-p 127.0.0.1:8080:80 -p 80/udp",
            "Service/spec/ports/1/protocol",
            json!("UDP"),
        ),
        (
            "--add-disk new:20G",
            "/spec/dataVolumeTemplates/0/spec/storage/resources/requests/storage",
            json!("20Gi"),
        ),
        (
            "--add-disk new:1500K",
            "./volumes/1/dataVolume/name",
            json!("web-extra0"),
        ),
        (
            "--add-disk FILES/data.raw:ro",
            "./domain/devices/disks/1/disk/readonly",
            json!(true),
        ),
        (
            "--add-disk FILES/data.raw:ro --add-disk new:5M",
            "./domain/devices/disks/2/serial",
            json!("extra1"),
        ),
        (
            "--ssh-key FILES/key.pub",
            "Secret/stringData/key1",
            json!(KEY.replace("podman-bootc", "user@example")),
        ),
        (
            "--cloudinit FILES/seed",
            "./accessCredentials/0/sshPublicKey/propagationMethod",
            json!({ "noCloud": {} }),
        ),
        (
            "--cloudinit FILES/net --user core",
            "./volumes/1/cloudInitNoCloud/networkDataSecretRef/name",
            json!("web-cloudinit"),
        ),
        (
            "--ssh guest --nic user --cold",
            "./networks/0/pod",
            json!({}),
        ),
        (
            "--disk-size 20G --filesystem xfs --karg quiet",
            "./domain/devices/disks/0/bootOrder",
            json!(1),
        ),
        (
            "--label env=test --label example.com/tier=web",
            "/metadata/labels/example.com~1tier",
            json!("web"),
        ),
        (
            "--label env=test",
            "Secret/metadata/labels/env",
            json!("test"),
        ),
        (
            "--direct --label mark",
            "/spec/template/metadata/labels/mark",
            json!(""),
        ),
        (
            "--direct",
            "./domain/firmware/kernelBoot/container/kernelPath",
            json!("/boot/vmlinuz"),
        ),
        (
            "--direct",
            "./domain/devices/disks/1/serial",
            json!("root1"),
        ),
        (
            "--direct",
            "./domain/devices/disks/2/serial",
            json!("scratch"),
        ),
        (
            "--direct",
            "./domain/devices/autoattachGraphicsDevice",
            json!(false),
        ),
        (
            "--direct --gui --tpm",
            "./domain/devices/autoattachGraphicsDevice",
            json!(true),
        ),
        (
            "--direct --user core",
            "./accessCredentials/0/sshPublicKey/propagationMethod/qemuGuestAgent/users/0",
            json!("core"),
        ),
        (
            "--direct --credential app.token=x",
            "./domain/firmware/kernelBoot/kernelArgs",
            json!("app.token:eA=="),
        ),
        (
            "--direct --hostname Web.example",
            "./domain/firmware/kernelBoot/kernelArgs",
            json!(args),
        ),
        (
            "--direct --hostname Web.example -p 80",
            "./hostname",
            json!("web"),
        ),
        (
            "--direct --karg asked=1",
            "./domain/firmware/kernelBoot/kernelArgs",
            json!("asked=1"),
        ),
        (
            "--direct --arch aarch64",
            "./domain/firmware/kernelBoot/kernelArgs",
            json!("console=ttyAMA0"),
        ),
        (
            "--direct --cloudinit FILES/seed --add-disk new:1G",
            "./domain/devices/disks/4/serial",
            json!("extra0"),
        ),
    ]
}

#[test]
#[cfg_attr(
    not(all(target_os = "linux", target_arch = "x86_64")),
    ignore = "needs qemu-img"
)]
fn each_flag_is_said_in_its_place() {
    let mut all = Vec::new();
    for (flags, place, wanted) in table() {
        let guest = guest_of(flags).unwrap_or_else(|error| panic!("{flags}: {error:#}"));
        let objects = kubevirt::objects(&guest);
        let (kind, pointer) = match place.split_once('/') {
            Some(("." | "", _)) => (
                "VirtualMachine",
                place.replacen("./", &format!("{INSTANCE}/"), 1),
            ),
            Some((kind, rest)) => (kind, format!("/{rest}")),
            None => panic!("{place}"),
        };
        let object = objects.iter().find(|object| object["kind"] == kind);
        let found = object.and_then(|object| object.pointer(&pointer));
        let is_right = match (found, &wanted) {
            // Of a command line, the table has one word.
            (Some(Value::String(line)), Value::String(word)) if place.ends_with("kernelArgs") => {
                line.split(' ').any(|found| found.ends_with(&**word))
            }
            (found, wanted) => found == Some(wanted),
        };
        assert!(is_right, "{flags}: {place} is {found:?}, not {wanted}");
        let pairs = ["disks", "volumes"].map(|list| {
            let instance = objects.last().unwrap().pointer(INSTANCE).unwrap();
            let list = instance
                .get(list)
                .unwrap_or(&instance["domain"]["devices"][list]);
            let list = list.as_array().unwrap().iter();
            list.map(|item| item["name"].clone()).collect::<Vec<_>>()
        });
        assert_eq!(pairs[0], pairs[1], "{flags}: each disk has its volume");
        all.push(json!({ "flags": flags, "objects": objects }));
    }
    assert!(all.len() >= 30);
    if let Some(file) = std::env::var_os(FILE) {
        std::fs::write(file, serde_json::to_string_pretty(&all).unwrap()).unwrap();
    }
}

#[test]
#[cfg_attr(
    not(all(target_os = "linux", target_arch = "x86_64")),
    ignore = "needs qemu-img"
)]
fn a_flag_without_a_place_is_refused_with_the_nearest_way() {
    let long = format!("--direct --credential x={}", "y".repeat(1500));
    for (flags, texts) in [
        ("-v FILES:/x", ["-v", "PersistentVolumeClaim"]),
        ("--nic none", ["--nic none", "NetworkPolicy"]),
        ("--ssh direct", ["--ssh direct", "virtctl console"]),
        ("--ignition FILES/config.ign", ["--ignition", "--cloudinit"]),
        ("--label a=b/c", ["--label a=b/c", "letters"]),
        (
            "--label app.kubernetes.io/name=x",
            ["--label app.kub", "already"],
        ),
        ("--swap 1G", ["--swap", "zram"]),
        ("--hypervisor-arg=-foo", ["--hypervisor-arg", "sidecar"]),
        ("--journal", ["--journal", "serial console"]),
        ("--credential a=b", ["--credential a", "--direct"]),
        (
            "--hostname web.example",
            ["--hostname web.example", "--direct"],
        ),
        ("--hostname Web", ["--hostname Web", "lower-case"]),
        ("--user core", ["--user core", "--cloudinit"]),
        ("--add-disk FILES/data.raw", ["data.raw:ro", "image-upload"]),
        ("--cloudinit FILES/meta", ["meta-data", "user-data"]),
        ("-p 0.0.0.0:80:80", ["-p 0.0.0.0:80:80", "virtctl expose"]),
        ("-p 80 -p 80:81", ["-p 127.0.0.1:80:81", "8081:80"]),
        (
            "--arch aarch64 --firmware bios",
            ["--firmware bios", "--firmware uefi"],
        ),
        (
            "--arch aarch64 --firmware secure",
            ["--firmware secure", "--firmware uefi"],
        ),
        ("--hypervisor qemu", ["--hypervisor", "leave it out"]),
        ("--warm", ["--warm", "leave it out"]),
        ("--name My_VM", ["My_VM", "lower-case"]),
        ("--direct --firmware bios", ["--direct", "--firmware"]),
        ("--direct --filesystem xfs", ["--direct", "--filesystem"]),
        ("--direct --user nobody-here", ["nobody-here", "core"]),
        (&long, ["--credential", "2047"]),
    ] {
        let error = match guest_of(flags) {
            Ok(_) => panic!("{flags} is accepted"),
            Err(error) => format!("{error:#}"),
        };
        for text in texts {
            assert!(error.contains(text), "{flags}: {error}");
        }
    }
}

#[test]
#[cfg_attr(
    not(all(target_os = "linux", target_arch = "x86_64")),
    ignore = "needs qemu-img"
)]
fn guests_have_their_golden_objects() {
    for (name, flags) in [
        ("disk", ""),
        (
            "disk-with-all",
            "--name web-1 --cpus 4 -m 8G --firmware secure --tpm --hostname web-1 \
             -p 8080:80 -p 53/udp --label env=test --cloudinit FILES/net --ssh-key FILES/key.pub \
             --add-disk new:20G --add-disk FILES/data.raw:ro",
        ),
        ("direct", "--direct"),
        (
            "direct-with-all",
            "--direct --user core --hostname web.example --credential app.token=x \
             --karg quiet -p 80",
        ),
    ] {
        let guest = guest_of(flags).unwrap();
        golden::assert_in("kubevirt", name, &yaml(&guest).unwrap());
    }
}
