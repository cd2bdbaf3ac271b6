//! What `generate kubevirt` makes, without a cluster: QEMU boots it with the devices and the order
//! of disks that KubeVirt's libvirt gives a machine.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::PathBuf;

use serde_json::Value;

use crate::harness::{BOOT, Own, Running, SOON, Sandbox, podman, shared, wait_for};

/// The images of one repository, and their mounts. They are removed when the value is dropped.
struct Images(BTreeMap<String, PathBuf>);

impl Images {
    fn mount(names: &[&str]) -> Self {
        let mount = |name: &&str| {
            let folder = podman(&["image", "mount", name], vec![]).expect(0).text();
            ((*name).to_owned(), folder.trim().into())
        };
        Self(names.iter().map(mount).collect())
    }

    /// Returns the only file in the folder of an image.
    fn disk(&self, name: &str) -> PathBuf {
        let entries = self.0[name].join("disk").read_dir().unwrap();
        let files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        assert_eq!(files.len(), 1, "{files:?}");
        files[0].clone()
    }
}

impl Drop for Images {
    fn drop(&mut self) {
        for name in self.0.keys() {
            podman(&["image", "umount", name], vec![]);
            podman(&["rmi", name], vec![]);
        }
    }
}

fn text(value: &Value, pointer: &str) -> String {
    let found = value.pointer(pointer).and_then(Value::as_str);
    found
        .unwrap_or_else(|| panic!("{pointer}: {value:#}"))
        .to_owned()
}

#[test]
fn a_direct_boot_for_kubevirt_boots_with_its_devices() {
    let sandbox = Sandbox::new("kubevirt");
    let image = shared("latest");
    let repository = format!("localhost/podman-bootc-e2e-{}", std::process::id());
    // A flag that a cluster has no place for is refused before any work.
    sandbox
        .run(&["generate", "kubevirt", "--nic", "none", &image])
        .expect(125)
        .says("NetworkPolicy");
    let generate = |image: &str| {
        let flags = ["--hostname", "web.example", "--credential", "app.token=x y"];
        let begin = ["generate", "kubevirt", "--direct", "--to", &repository];
        sandbox.run(&[&begin[..], &flags, &["--memory", "1G", image]].concat())
    };
    let first = generate(&image).expect(0);
    let parse = |yaml: &str| -> Vec<Value> {
        let documents = serde_norway::Deserializer::from_str(yaml);
        documents
            .map(|document| serde::Deserialize::deserialize(document).unwrap())
            .collect()
    };
    let vm = parse(&first.text()).pop().unwrap();
    let instance = &vm["spec"]["template"]["spec"];
    let boot = &instance["domain"]["firmware"]["kernelBoot"];
    let kernel_image = text(boot, "/container/image");
    let disks = instance["domain"]["devices"]["disks"].as_array().unwrap();
    let volumes = instance["volumes"].as_array().unwrap();
    let sources: Vec<String> = volumes
        .iter()
        .map(|volume| text(volume, "/containerDisk/image"))
        .collect();
    let mut names: Vec<&str> = sources.iter().map(String::as_str).collect();
    names.push(&kernel_image);
    let images = Images::mount(&names);

    // An edit of one file makes one small image, beside that of the kernel's command line.
    let edited = Own::of("latest", "kubevirt");
    let second = generate(&edited.name).expect(0);
    let made = second.stderr.matches("write ").count();
    assert_eq!(made, 1, "{}", second.stderr);
    let vm = parse(&second.text()).pop().unwrap();
    let changed: Vec<String> = vm["spec"]["template"]["spec"]["volumes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|volume| text(volume, "/containerDisk/image"))
        .filter(|name| !sources.contains(name))
        .collect();
    assert_eq!(changed.len(), 1, "{changed:?}");
    podman(&["rmi", &changed[0]], vec![]).expect(0);

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    drop(listener);
    let console = sandbox.root().join("console");
    let file = |name: &str| {
        let path = images.0[&kernel_image].join(text(boot, name).trim_start_matches('/'));
        path.to_str().unwrap().to_owned()
    };
    let mut args: Vec<String> = [
        "-nodefaults",
        "-no-user-config",
        "-machine",
        "q35,usb=off,smm=off,dump-guest-core=off",
        "-accel",
        "tcg",
        "-cpu",
        "max,svm=off",
        "-smp",
        "2",
        "-m",
        "1024",
        "-rtc",
        "base=utc",
        "-display",
        "none",
        "-kernel",
        &file("/container/kernelPath"),
        "-initrd",
        &file("/container/initrdPath"),
        "-append",
        &text(boot, "/kernelArgs"),
        "-chardev",
        &format!("file,id=console,path={}", console.display()),
        "-device",
        "isa-serial,chardev=console",
        "-netdev",
        &format!("user,id=net,hostfwd=tcp:127.0.0.1:{port}-:22"),
        "-object",
        "rng-random,id=random,filename=/dev/urandom",
    ]
    .map(str::to_owned)
    .to_vec();
    let mut devices = vec![
        "virtio-net-pci-non-transitional,netdev=net,mac=02:00:00:12:34:56".to_owned(),
        "virtio-scsi-pci-non-transitional".to_owned(),
        "virtio-serial-pci-non-transitional".to_owned(),
    ];
    for (disk, source) in disks.iter().zip(&sources) {
        let (name, mut path) = (text(disk, "/name"), images.disk(source));
        let mut format = "raw";
        let read_only = disk["disk"]["readonly"] == true;
        if !read_only {
            // A container disk is never written to.
            let overlay = sandbox.root().join(format!("{name}.qcow2"));
            let below = path.to_str().unwrap();
            let create = ["create", "-q", "-f", "qcow2", "-b", below, "-F", "qcow2"];
            let mut create: Vec<&str> = create.to_vec();
            create.push(overlay.to_str().unwrap());
            Running::start(sandbox.command("qemu-img", &create), Some(vec![]))
                .finish(SOON)
                .expect(0);
            (path, format) = (overlay, "qcow2");
        }
        let switch = if read_only { "on" } else { "off" };
        args.push("-blockdev".into());
        args.push(format!(
            "driver={format},node-name={name},read-only={switch},file.driver=file,file.filename={}",
            path.display()
        ));
        let serial = text(disk, "/serial");
        devices.push(format!(
            "virtio-blk-pci-non-transitional,drive={name},id=ua-{name},serial={serial},\
             write-cache=on"
        ));
    }
    devices.push("virtio-balloon-pci-non-transitional".into());
    devices.push("virtio-rng-pci-non-transitional,rng=random".into());
    // libvirt gives each device a port of its own.
    for (number, device) in devices.iter().enumerate() {
        args.push("-device".into());
        args.push(format!("pcie-root-port,id=port{number},chassis={number}"));
        args.push("-device".into());
        args.push(format!("{device},bus=port{number}"));
    }
    let machine = Running::start(sandbox.command("qemu-system-x86_64", &args), Some(vec![]));

    let key = sandbox.data().join("keys/id_ed25519");
    let ssh = |command: &str| {
        let options = [
            "StrictHostKeyChecking=no",
            "UserKnownHostsFile=/dev/null",
            "IdentitiesOnly=yes",
            "BatchMode=yes",
            "ConnectTimeout=20",
        ];
        let mut words = vec!["-i", key.to_str().unwrap(), "-p", &port, "-F", "none"];
        words.extend(options.iter().flat_map(|option| ["-o", option]));
        words.extend(["root@127.0.0.1", command]);
        Running::start(sandbox.command("ssh", &words), Some(vec![])).finish(SOON)
    };
    let look = "uname -n; cat /proc/cmdline; echo $(for disk in /sys/block/vd*; do cat $disk/serial; echo; done); \
        systemd-creds --system cat app.token; echo; echo kept >/var/written && findmnt -no FSTYPE /var; \
        systemctl is-enabled bootc-fetch-apply-updates.timer";
    let seen = wait_for("a login", BOOT, || {
        let output = ssh(look);
        (output.code != 255).then(|| output.text())
    });
    let lines: Vec<&str> = seen.lines().map(str::trim).collect();
    let serials: Vec<String> = disks.iter().map(|disk| text(disk, "/serial")).collect();
    assert_eq!(lines[0], "web.example", "{seen}");
    assert_eq!(lines[1], text(boot, "/kernelArgs"), "nothing is cut off");
    assert_eq!(lines[2], serials.join(" "));
    assert_eq!(lines[3], "x y");
    assert_eq!(lines[4..], ["ext4", "masked-runtime"], "{seen}");
    let console = std::fs::read_to_string(&console).unwrap();
    assert!(console.contains("Linux version"), "{console}");
    ssh("systemctl poweroff");
    machine.finish(BOOT).expect(0);
    drop(images);
    sandbox.assert_clean(&[]);
}
