//! podman as a client of its machine.

use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::{installed_disk, option, state, wanted};

/// The state of the machine: empty for a usable one, `stopped`, `rootless` or `absent`.
const MACHINE: &str = "FAKE_MACHINE";
/// Set if the machine sees this host's folders.
const SHARED: &str = "FAKE_SHARED";
/// The outcome of an install: empty for success, `unasked`, `half` or `nothing`.
const INSTALL: &str = "FAKE_INSTALL";

pub fn main(args: &[String]) -> ExitCode {
    let (connection, args) = match args {
        [remote, flag, name, rest @ ..] if remote == "--remote" && flag == "--connection" => {
            (Some(name.as_str()), rest)
        }
        rest => (None, rest),
    };
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match words[..] {
        ["version", ..] => println!("5.6.0"),
        ["machine", "list", ..] => machines(),
        ["machine", "inspect", name] => {
            let rootful = wanted(MACHINE) != "rootless";
            println!(
                "{}",
                json!([{"Name": name, "State": "running", "Rootful": rootful}])
            );
        }
        _ if connection != Some("podman-machine-default-root") => {
            eprintln!("Error: this is not the machine's root: {connection:?}");
            return ExitCode::from(125);
        }
        ["image", "inspect", .., name] => inspect(name),
        ["image", "exists", ..] => {}
        ["volume", "rm", "--force", name] => {
            let _ = std::fs::remove_dir_all(volume(name));
        }
        ["run", ..] => return run(args),
        ref other => panic!("{other:?}"),
    }
    ExitCode::SUCCESS
}

fn machines() {
    let running = wanted(MACHINE) != "stopped";
    let rows = json!([{"Name": "podman-machine-default", "Default": true, "Running": running, "VMType": "x"}]);
    println!(
        "{}",
        if wanted(MACHINE) == "absent" {
            json!([])
        } else {
            rows
        }
    );
}

fn inspect(name: &str) {
    let architecture = if std::env::consts::ARCH == "aarch64" {
        "arm64"
    } else {
        "amd64"
    };
    println!(
        "{}",
        json!([{
            "Id": "a".repeat(64),
            "Digest": format!("sha256:{}", "b".repeat(64)),
            "RepoTags": [format!("{name}:latest")],
            "Architecture": architecture,
            "Size": 1 << 20,
            "Labels": {"containers.bootc": "1"},
            "RootFS": {"Layers": ["sha256:c"]},
        }])
    );
}

/// A container of the image.
fn run(args: &[String]) -> ExitCode {
    let image = args.iter().position(|arg| *arg == "a".repeat(64)).unwrap();
    // The command has an environment of its own, whatever the image's entry point is.
    let (options, command) = (&args[..image], &args[image + 4..]);
    for plain in ["--entrypoint=/usr/bin/env", "--unsetenv-all", "--user=0:0"] {
        assert!(options.iter().any(|option| option == plain), "{options:?}");
    }
    assert_eq!(args[image + 1], "-i");
    let output = options
        .iter()
        .find_map(|arg| arg.strip_prefix("--volume=")?.strip_suffix(":/output"))
        .map(|from| {
            if Path::new(from).is_absolute() {
                PathBuf::from(from)
            } else {
                volume(from)
            }
        });
    let words: Vec<&str> = command.iter().map(String::as_str).collect();
    match words[..] {
        ["bootc", "install", "print-configuration"] if wanted(INSTALL) == "unasked" => {
            eprintln!("error: unrecognized subcommand 'print-configuration'");
            return ExitCode::from(2);
        }
        ["bootc", "install", "print-configuration"] => {
            println!("{}", json!({"filesystem": {"root": {"type": "xfs"}}}));
        }
        ["test", "-f", "/output/disk.raw"] => {
            if wanted(SHARED).is_empty() || !output.unwrap().join("disk.raw").is_file() {
                eprintln!("Error: statfs: no such file or directory");
                return ExitCode::from(125);
            }
        }
        ["tar", .., "disk.raw"] => {
            let mut tar = tar::Builder::new(std::io::stdout().lock());
            tar.append_path_with_name(output.unwrap().join("disk.raw"), "disk.raw")
                .unwrap();
            tar.finish().unwrap();
        }
        [.., "--via-loopback", "/output/disk.raw"] if wanted(INSTALL) == "half" => {
            println!("Installing image: docker://localhost/my-os");
            eprintln!("error: Creating rootfs: no loop device");
            return ExitCode::FAILURE;
        }
        [
            "sh",
            "-c",
            _,
            "sh",
            key,
            size,
            "bootc",
            "install",
            "to-disk",
            ..,
        ] => {
            install(options, &output.unwrap(), key, size, command);
        }
        ["bootc", "install", "to-disk", ..] => install(options, &output.unwrap(), "", "", command),
        ["sh", "-c", _] => {
            let passwd = STANDARD.encode("root:x:0:0:root:/root:/bin/bash\n");
            println!("file usr/sbin/sshd\nfile usr/lib/systemd/libsystemd-shared-257.9-1.so");
            println!("file usr/lib/modules/6.12/vmlinuz\nfile usr/lib/modules/6.12/initramfs.img");
            println!("file usr/bin/bootupctl\nfile usr/lib/bootupd/updates");
            println!("text etc/passwd {passwd}");
        }
        ref other => panic!("{other:?}"),
    }
    ExitCode::SUCCESS
}

/// Writes a mark and the key to the disk.
fn install(options: &[String], output: &Path, key: &str, size: &str, command: &[String]) {
    assert!(options.iter().any(|arg| arg == "--privileged"));
    assert_eq!(option(command, "--via-loopback"), Some("/output/disk.raw"));
    if !size.is_empty() {
        std::fs::create_dir_all(output).unwrap();
        std::fs::File::create(output.join("disk.raw"))
            .unwrap()
            .set_len(size.parse().unwrap())
            .unwrap();
    }
    if wanted(INSTALL) == "nothing" {
        return;
    }
    let mut disk = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(output.join("disk.raw"))
        .unwrap();
    let asked_for_none = option(command, "--bootloader") == Some("none");
    installed_disk::Disk {
        loader: (!asked_for_none).then_some("BOOTX64.EFI"),
        boot: None,
        root: installed_disk::ext4(8192),
    }
    .write(&mut disk);
    disk.seek(SeekFrom::Start(0)).unwrap();
    disk.write_all(b"RAW!").unwrap();
    // Behind the partition table.
    disk.seek(SeekFrom::Start(32 << 10)).unwrap();
    let marked = option(command, "--root-ssh-authorized-keys")
        .map(|_| key)
        .unwrap_or_default();
    disk.write_all(marked.as_bytes()).unwrap();
    println!("Installation complete!");
}

fn volume(name: &str) -> PathBuf {
    state().join(format!("volume-{name}"))
}
