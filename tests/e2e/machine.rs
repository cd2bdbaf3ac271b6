//! The flags of `run`, seen from inside the guest, with as few boots as possible.

mod console;
mod ports;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::harness::{BOOT, Running, SOON, Sandbox, shared, wait_for};
use crate::vsock;

/// The number of small files in a share.
const FILES: usize = 10_000;

/// The files of the host that a VM uses.
struct Host {
    root: PathBuf,
    key: PathBuf,
}

impl Host {
    fn new(root: &Path) -> Self {
        let host = Self {
            root: root.to_owned(),
            key: root.join("id"),
        };
        for folder in ["seed", "share, \"1\"", "fixed"] {
            fs::create_dir(host.root.join(folder)).unwrap();
        }
        host.file("seed/user-data", b"#cloud-config\nwrite_files: []\n");
        host.file("seed/network-config", b"version: 2\n");
        host.file("config.ign", b"{\"ignition\": {\"version\": \"3.4.0\"}}");
        host.file("secret", b"from, a \"file\"\n");
        host.file("fixed/there", b"fixed\n");
        let mut disk = b"the user's disk".to_vec();
        disk.resize(1 << 20, 0);
        host.file("disk, 1.img", &disk);
        let key = Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-f"])
            .arg(&host.key)
            .status();
        assert!(key.unwrap().success());
        host
    }

    fn file(&self, name: &str, bytes: &[u8]) {
        fs::write(self.root.join(name), bytes).unwrap();
    }

    fn path(&self, name: &str) -> String {
        self.root.join(name).to_str().unwrap().to_owned()
    }
}

#[test]
fn a_vm_has_what_its_flags_ask_for() {
    let sandbox = Sandbox::new("machine");
    let image = shared("latest");
    let host = Host::new(sandbox.root());
    let (share, fixed) = (host.path("share, \"1\""), host.path("fixed"));
    sandbox.ok(&[
        "run",
        "--background",
        "--name",
        "full",
        "--cpus",
        "1",
        "--memory",
        "900M",
        "--firmware",
        "uefi",
        "--tpm",
        "--journal",
        "--hostname",
        "asked.example",
        "--ssh-key",
        &host.path("id.pub"),
        "--credential",
        "test.text=a, \"b\"=c",
        "--credential",
        &format!("test.file=@{}", host.path("secret")),
        "--credential",
        "tmpfiles.extra=f /run/given - - - - by-a-credential\n",
        "--cloudinit",
        &host.path("seed"),
        "--ignition",
        &host.path("config.ign"),
        "--add-disk",
        &format!("{}:ro", host.path("disk, 1.img")),
        "--add-disk",
        "new:64M",
        "--swap",
        "96M",
        "--hypervisor-arg",
        "-device",
        "--hypervisor-arg=virtio-balloon-pci,id=balloon",
        "--volume",
        &format!("{share}:/var/share"),
        "--volume",
        &format!("{fixed}:/var/fixed:ro"),
        "--publish",
        "22",
        "--publish",
        "127.0.0.1:0:22",
        "--publish",
        "0:7/udp",
        &image,
    ]);
    inside(&sandbox);
    // A list of processes shows no secret.
    let secret = "from, a";
    for process in sandbox.processes() {
        let (command, encoded) = (&process.command, STANDARD.encode(secret));
        assert!(
            !command.contains(secret) && !command.contains(&encoded[..8]),
            "{command}"
        );
    }
    folders(&sandbox, Path::new(&share));
    let ports = ports::tcp(&sandbox);
    ports::udp(&sandbox);
    vsock::from_the_host(&sandbox, "full", Path::new(&share));
    with_openssh(&sandbox, &host);
    console::console(&sandbox);
    console::logs(&sandbox);

    sandbox.ok(&[
        "ssh",
        "full",
        "printf kept >/dev/disk/by-id/virtio-extra1; sync",
    ]);
    sandbox.ok(&["stop", "full"]);
    assert!(
        sandbox
            .ok(&["logs", "--journal", "full"])
            .contains(console::JOURNALED),
        "the journal outlives the guest"
    );
    sandbox.ok(&["set", "full", "--cpus", "2", "--memory", "1200M"]);
    sandbox.ok(&["start", "full"]);
    again(&sandbox);
    assert_eq!(
        ports::published(&sandbox),
        ports,
        "the same ports at the next start"
    );
    let disk = fs::read(host.root.join("disk, 1.img")).unwrap();
    assert!(disk.starts_with(b"the user's disk\0"), "nobody wrote to it");
    let folder = sandbox.vm_folder("full");
    assert!(folder.join("extra1.qcow2").exists());
    let mode = folder
        .join("credentials/test.file")
        .metadata()
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    sandbox.ok(&["rm", "--force", "full"]);
    assert!(!folder.exists());
    sandbox.assert_clean(&[]);
}

/// Runs a script in the guest, which prints lines of `name: value`.
fn answers(sandbox: &Sandbox, script: &str) -> Vec<(String, String)> {
    let text = sandbox.ok(&["ssh", "full", script]);
    let pair = |line: &str| {
        line.split_once(": ")
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
    };
    text.lines().filter_map(pair).collect()
}

#[track_caller]
fn expect(answers: &[(String, String)], wanted: &[(&str, &str)]) {
    for (name, value) in wanted {
        let answer = answers.iter().find(|answer| answer.0 == *name);
        assert_eq!(
            answer.map(|answer| answer.1.as_str()),
            Some(*value),
            "{name} in {answers:#?}"
        );
    }
}

const LOOK: &str = r#"
echo "hostname: $(uname -n)"
echo "cpus: $(nproc)"
memory=$(awk '/^MemTotal/ { print int($2 / 1024) }' /proc/meminfo)
echo "memory: $([ $memory -gt 700 ] && [ $memory -lt 901 ] && echo small; [ $memory -gt 1000 ] && [ $memory -lt 1201 ] && echo large)"
echo "swap: $(swapon --show=SIZE --noheadings --bytes)"
echo "balloons: $(cat /sys/bus/pci/devices/*/device | grep -c -e 0x1002 -e 0x1045)"
echo "efi: $([ -d /sys/firmware/efi ] && echo yes)"
echo "tpm: $(cat /sys/class/tpm/tpm0/tpm_version_major)"
credentials=/run/credentials/@system
echo "text: $(cat $credentials/test.text)"
echo "file: $(cat $credentials/test.file)"
echo "tmpfiles: $(cat /run/given)"
mkdir -p /run/seed; mount -o ro /dev/disk/by-label/cidata /run/seed
echo "user-data: $(head -n 1 /run/seed/user-data)"
echo "meta-data: $(tail -n 1 /run/seed/meta-data)"
echo "network-config: $(cat /run/seed/network-config)"
umount /run/seed
modprobe qemu_fw_cfg
echo "ignition: $(cat /sys/firmware/qemu_fw_cfg/by_name/opt/com.coreos/config/raw)"
disk() { basename $(readlink -f /dev/disk/by-id/virtio-extra$1); }
echo "disk: $(head -c 15 /dev/$(disk 0))"
echo "read-only: $(cat /sys/block/$(disk 0)/ro) $(cat /sys/block/$(disk 1)/ro)"
echo "size: $(cat /sys/block/$(disk 1)/size)"
echo "new: $(head -c 4 /dev/$(disk 1) | tr -d '\0')"
echo "share: $(cat /var/share/from-the-host 2>/dev/null)"
echo "fixed: $(cat /var/fixed/there)"
"#;

/// Checks what is the same after each start.
const SAME: [(&str, &str); 17] = [
    ("hostname", "asked.example"),
    // Without the page of the header.
    ("swap", "100659200"),
    ("balloons", "1"),
    ("efi", "yes"),
    ("tpm", "2"),
    ("text", "a, \"b\"=c"),
    ("file", "from, a \"file\""),
    ("tmpfiles", "by-a-credential"),
    ("user-data", "#cloud-config"),
    ("meta-data", "local-hostname: asked.example"),
    ("network-config", "version: 2"),
    ("ignition", "{\"ignition\": {\"version\": \"3.4.0\"}}"),
    ("disk", "the user's disk"),
    ("read-only", "1 0"),
    ("size", "131072"),
    ("share", "live"),
    ("fixed", "fixed"),
];

fn inside(sandbox: &Sandbox) {
    let share = sandbox.root().join("share, \"1\"");
    fs::write(share.join("from-the-host"), "live\n").unwrap();
    let answers = answers(sandbox, LOOK);
    expect(&answers, &SAME);
    expect(&answers, &[("cpus", "1"), ("memory", "small"), ("new", "")]);
}

fn again(sandbox: &Sandbox) {
    let answers = answers(sandbox, LOOK);
    expect(&answers, &SAME);
    expect(
        &answers,
        &[("cpus", "2"), ("memory", "large"), ("new", "kept")],
    );
    // `list` warns of a share that broke.
    let (mut daemons, wanted) = (sandbox.processes(), "fixed");
    daemons.retain(|process| {
        process.command.contains("virtiofsd") && process.command.contains(wanted)
    });
    daemons
        .iter()
        .filter(|process| process.command.contains("--shared-dir"))
        .for_each(|process| process.kill());
    let told = wait_for("the problem", SOON, || {
        let row = sandbox.vm("full").unwrap().to_string();
        row.contains("fixed").then_some(row)
    });
    assert!(
        told.contains("virtiofsd") && told.contains("running"),
        "{told}"
    );
}

/// A git checkout in both directions, files mapped into memory, and a read-only share.
fn folders(sandbox: &Sandbox, share: &Path) {
    let origin = sandbox.root().join("origin");
    for index in 0..FILES {
        let folder = origin.join((index % 40).to_string());
        fs::create_dir_all(&folder).unwrap();
        fs::write(
            folder.join(index.to_string()),
            format!("{index} {}", "x".repeat(index % 3000)),
        )
        .unwrap();
    }
    git(&origin, &["init", "--quiet"]);
    git(&origin, &["add", "--all"]);
    git(
        &origin,
        &[
            "-c",
            "user.name=x",
            "-c",
            "user.email=x@localhost",
            "commit",
            "--quiet",
            "--message=all",
        ],
    );
    // A URL makes git send one pack.
    let url = format!("file://{}", origin.display());
    git(share, &["clone", "--quiet", &url, "in"]);
    fs::write(share.join("mapped"), "from the host, ".repeat(500)).unwrap();

    let script = format!(
        "cp -r /var/share/in /var/copy && cp -r /var/copy /var/share/out && cp /bin/true /var/share/program && \
         /var/share/program && perl -e '{MAP}' && echo all; \
         touch /var/fixed/x 2>&1; mount -o remount,rw /var/fixed; touch /var/fixed/y"
    );
    let output = sandbox.run(&["ssh", "full", &script]);
    let begin = "from the host, from all\n";
    assert!(
        output.text().starts_with(begin) && output.code != 0,
        "{}",
        output.story()
    );
    let same = Command::new("diff")
        .arg("-r")
        .arg(share.join("in"))
        .arg(share.join("out"))
        .output()
        .unwrap();
    assert!(
        same.status.success(),
        "{}",
        String::from_utf8_lossy(&same.stdout)
    );
    assert_eq!(git(&share.join("out"), &["status", "--porcelain"]), "");
    let mapped = fs::read_to_string(share.join("mapped")).unwrap();
    assert!(
        mapped.starts_with("fixed\nhe host, from the host"),
        "{mapped:.40}"
    );
    let fixed = fs::read_dir(sandbox.root().join("fixed")).unwrap();
    assert_eq!(
        fixed.count(),
        1,
        "nothing was written, also after a remount in the guest"
    );
}

/// Prints the content of a shared map of a file, copies another file into the map, and syncs it.
/// The numbers are the system calls mmap, read and msync on x86-64.
const MAP: &str = r#"
    open(FILE, "+<", "/var/share/mapped") or die; open(FIXED, "<", "/var/fixed/there") or die;
    my $map = syscall(9, 0, 8192, 3, 1, fileno(FILE), 0); die "mmap: $!" if $map == -1;
    print unpack("P20", pack("J", $map));
    syscall(0, fileno(FIXED), $map, 6) == 6 or die "read: $!";
    syscall(26, $map, 8192, 4) == 0 or die "msync: $!";"#;

fn git(folder: &Path, args: &[&str]) -> String {
    let output = Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(args)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{args:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// The user's own key, OpenSSH with the VM's name, and copies in both directions.
fn with_openssh(sandbox: &Sandbox, host: &Host) {
    let config = host.root.join("ssh_config");
    fs::write(&config, sandbox.ok(&["ssh-config", "full"])).unwrap();
    let ssh = |more: &[&str], line: &str| {
        let config = config.to_str().unwrap();
        let args = [&["-F", config], more, &["full.bootc", line]].concat();
        let command = sandbox.command("ssh", &args);
        Running::start(command, Some(vec![]))
            .finish(SOON)
            .expect(0)
            .text()
    };
    assert_eq!(ssh(&[], "echo by proxy"), "by proxy\n");
    let only = [
        "-o",
        "IdentityFile=none",
        "-o",
        "IdentitiesOnly=yes",
        "-i",
        host.key.to_str().unwrap(),
    ];
    assert_eq!(ssh(&only, "echo by key"), "by key\n");

    sandbox.ok(&["cp", &host.path("seed"), "full:/var/copied"]);
    assert_eq!(
        sandbox.ok(&["ssh", "full", "cat /var/copied/network-config"]),
        "version: 2\n"
    );
    sandbox.ok(&["cp", "full:/var/copied", &host.path("back")]);
    assert_eq!(
        fs::read_to_string(host.root.join("back/network-config")).unwrap(),
        "version: 2\n"
    );
}

#[test]
fn a_vm_without_a_network_can_be_used() {
    let sandbox = Sandbox::new("nonet");
    let image = shared("latest");
    // The guest can't create a mount point in its read-only root: `run` reports it, and the login
    // still works.
    let share = format!("{}:/new", sandbox.root().display());
    sandbox.ok(&[
        "run",
        "--detach",
        "--ephemeral",
        "--nic",
        "none",
        "--volume",
        &share,
        "--name",
        "alone",
        &image,
    ]);
    let look = "ls /sys/class/net; ss -tln | grep -c ':22 ' >/dev/null && echo listens; cat";
    let mut command = sandbox.tool(&["ssh", "alone", look]);
    command.env_remove("DISPLAY");
    let input: Vec<u8> = (0..1 << 20).map(|i: u32| (i % 251) as u8).collect();
    let output = Running::start(command, Some(input.clone()))
        .finish(BOOT)
        .expect(0);
    let output = output.says("/srv/new");
    let begin = b"lo\nlistens\n";
    assert!(output.stdout.starts_with(begin), "{}", output.story());
    assert!(
        output.stdout[begin.len()..] == input,
        "a mebibyte there and back"
    );
    // The next session begins after the last one ends.
    for index in 0..3 {
        assert_eq!(
            sandbox.ok(&["ssh", "alone", &format!("echo {index}")]),
            format!("{index}\n")
        );
    }
    sandbox
        .run(&["screenshot", "alone", "x.png"])
        .expect(125)
        .says("--gui");
    // This VM doesn't keep its journal on the host, so that `logs` asks the guest.
    assert!(
        sandbox
            .ok(&["logs", "--journal", "--boot", "alone"])
            .contains("Linux version")
    );
    sandbox.ok(&["rm", "--force", "alone"]);
    sandbox.assert_clean(&[]);
}
