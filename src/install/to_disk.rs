//! The command line of `bootc install to-disk`.

use super::channel::Config;
use crate::disk::InstallOptions;
use crate::image::Facts;

/// The root filesystem for an image that names none.
const DEFAULT_FILESYSTEM: &str = "ext4";

/// Completes the options from the image's facts and configuration where the user chose nothing.
/// Returns them with notes for the user. `console` is the kernel argument among the options that
/// the tool added itself.
pub(super) fn fit(
    options: &InstallOptions,
    console: Option<&str>,
    image: &str,
    facts: &Facts,
    config: &Config,
) -> (InstallOptions, Vec<String>) {
    let (mut fitted, mut notes) = (options.clone(), Vec::new());
    if options.filesystem.is_none() && config.root_filesystem().is_none() {
        notes.push(format!(
            "image {image} sets no root filesystem; using {DEFAULT_FILESYSTEM} (--filesystem chooses another)"
        ));
        fitted.filesystem = Some(DEFAULT_FILESYSTEM.to_owned());
    }
    if facts.uki {
        // bootc accepts no kernel arguments with a unified kernel image.
        fitted.kargs.retain(|karg| Some(karg.as_str()) != console);
        notes.push(format!(
            "image {image} has a unified kernel image: `logs` shows only the consoles of its own command line"
        ));
    }
    let bootloader = options
        .bootloader
        .as_deref()
        .or(config.bootloader.as_deref());
    if !options.composefs && needs_composefs(facts, bootloader) {
        // A unified kernel image makes bootc choose composefs by itself.
        if !facts.uki {
            notes.push(format!(
                "image {image} has no bootupd, or chooses systemd-boot, which bootc's ostree backend can't install; \
                 using composefs"
            ));
        }
        fitted.composefs = true;
    }
    let ours = |karg: &String| Some(karg.as_str()) == console;
    if let Some(index) = fitted.kargs.iter().position(ours) {
        // bootc puts the image's arguments after ours, but for those that it has already (ostree:
        // since 1.11). systemd writes to the last console.
        let images = facts
            .kargs
            .iter()
            .filter(|karg| karg.starts_with("console="));
        let images: Vec<_> = images.filter(|karg| !ours(karg)).cloned().collect();
        fitted.kargs.splice(index..index, images);
    }
    (fitted, notes)
}

/// True when bootc's ostree backend can't install the image: it has a unified kernel image, or a
/// boot loader that bootupd doesn't install. By default bootc installs GRUB if the image has
/// bootupd, else systemd-boot.
/// <https://github.com/bootc-dev/bootc/blob/main/crates/lib/src/install.rs>
pub(super) fn needs_composefs(facts: &Facts, bootloader: Option<&str>) -> bool {
    match bootloader {
        _ if facts.uki => true,
        Some("grub" | "none") => false,
        Some(_) => true,
        None => !facts.bootupd,
    }
}

/// The command line of `bootc install to-disk` without the part that differs between a VM and a
/// container.
pub(super) fn to_disk(options: &InstallOptions) -> Vec<String> {
    let mut words: Vec<String> = [
        "bootc",
        "install",
        "to-disk",
        "--generic-image",
        "--skip-fetch-check",
    ]
    .map(str::to_owned)
    .to_vec();
    let mut option = |name: &str, value: &str| words.extend([name.to_owned(), value.to_owned()]);
    option("--target-imgref", &options.target_imgref);
    if let Some(transport) = &options.target_transport {
        option("--target-transport", transport);
    }
    if let Some(filesystem) = &options.filesystem {
        option("--filesystem", filesystem);
    }
    if let Some(size) = options.root_size {
        // bootc takes a number without a unit as MiB.
        option("--root-size", &format!("{}M", size.div_ceil(1 << 20)));
    }
    if let Some(bootloader) = &options.bootloader {
        option("--bootloader", bootloader);
    }
    // With `=`: an argument may begin with a dash.
    words.extend(options.kargs.iter().map(|karg| format!("--karg={karg}")));
    if options.composefs {
        words.push("--composefs-backend".into());
    }
    words.extend(options.install_args.iter().cloned());
    words
}

/// Returns the boot loader that a command line asks bootc for, or the image's configuration.
pub(super) fn bootloader<'a>(words: &'a [String], config: &'a Config) -> Option<&'a str> {
    const FLAG: &str = "--bootloader";
    let after = words.windows(2).filter(|pair| pair[0] == FLAG);
    let joined = words.iter().filter_map(|word| word.strip_prefix(FLAG));
    let joined = joined.filter_map(|value| value.strip_prefix('='));
    after
        .map(|pair| pair[1].as_str())
        .chain(joined)
        .next_back()
        .or(config.bootloader.as_deref())
}

/// The public keys for root, where the install runs.
const KEY: &str = "/run/podman-bootc.pub";
/// Writes the keys and makes an empty disk, each if its argument is set, and runs the command. The
/// arguments are the keys, the disk's size in bytes, and the command.
const PROLOGUE: &str = "[ -z \"$1\" ] || printf '%s\\n' \"$1\" >/run/podman-bootc.pub || exit; \
    [ -z \"$2\" ] || truncate -s \"$2\" /output/disk.raw || exit; shift 2; exec \"$@\"";

/// Makes the command put public keys for root on the disk. With `empty` it first makes a disk of
/// that many bytes, in a container.
pub(super) fn with_root_key(
    command: Vec<String>,
    key: Option<&str>,
    empty: Option<u64>,
) -> Vec<String> {
    let mut words = Vec::new();
    if key.is_some() || empty.is_some() {
        words.extend(["sh", "-c", PROLOGUE, "sh", key.unwrap_or_default()].map(str::to_owned));
        words.push(empty.map(|size| size.to_string()).unwrap_or_default());
    }
    words.extend(command);
    if key.is_some() {
        words.extend(["--root-ssh-authorized-keys".into(), KEY.into()]);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_that_are_unset_are_left_out() {
        let plain = InstallOptions {
            target_imgref: "localhost/x:latest".into(),
            ..InstallOptions::default()
        };
        assert_eq!(
            to_disk(&plain).join(" "),
            "bootc install to-disk --generic-image --skip-fetch-check --target-imgref localhost/x:latest"
        );
        let full = InstallOptions {
            filesystem: Some("xfs".into()),
            root_size: Some((5 << 30) + 1),
            kargs: vec!["console=ttyS0".into(), "a=b c".into()],
            bootloader: Some("systemd".into()),
            composefs: true,
            target_transport: Some("oci".into()),
            install_args: vec!["--stateroot".into(), "a b".into()],
            ..plain
        };
        let words = to_disk(&full);
        for want in [
            ["--filesystem", "xfs"],
            ["--root-size", "5121M"],
            ["--bootloader", "systemd"],
            ["--target-transport", "oci"],
            ["--karg=console=ttyS0", "--karg=a=b c"],
            ["--stateroot", "a b"],
        ] {
            assert!(
                words.windows(2).any(|pair| pair == want),
                "{want:?} in {words:?}"
            );
        }
        assert!(words.iter().any(|word| word == "--composefs-backend"));
    }

    #[test]
    fn the_boot_loader_is_the_users_or_the_images() {
        let image = Config::parse(r#"{"bootloader": "none"}"#);
        let of = |words: &[&str]| {
            let words: Vec<_> = words.iter().map(|&word| word.to_owned()).collect();
            bootloader(&words, &image).map(str::to_owned)
        };
        assert_eq!(of(&["bootc"]).as_deref(), Some("none"));
        assert_eq!(of(&["--bootloader", "grub"]).as_deref(), Some("grub"));
        assert_eq!(of(&["--bootloader=systemd"]).as_deref(), Some("systemd"));
        assert_eq!(bootloader(&[], &Config::default()), None);
    }

    #[test]
    fn the_image_decides_what_the_user_did_not_choose() {
        let grub = Facts {
            bootupd: true,
            ..Facts::default()
        };
        let systemd_boot = Facts::default();
        let uki = Facts {
            uki: true,
            ..Facts::default()
        };
        let config = |json: &str| Config::parse(json);
        let ext4 = r#"{"filesystem": {"root": {"type": "ext4"}}}"#;
        let console = Some("console=ttyS0");
        let plain = InstallOptions {
            kargs: vec!["console=ttyS0".into()],
            ..InstallOptions::default()
        };
        let fitted = |options: &InstallOptions, facts: &Facts, json: &str| {
            fit(options, console, "x", facts, &config(json))
        };

        assert_eq!(fitted(&plain, &grub, ext4), (plain.clone(), vec![]));
        let (options, notes) = fitted(&plain, &grub, "{}");
        assert_eq!(options.filesystem.as_deref(), Some("ext4"));
        assert!(notes[0].contains("--filesystem"), "{notes:?}");

        let (options, notes) = fitted(&plain, &systemd_boot, ext4);
        assert!(
            options.composefs && notes[0].contains("bootupd"),
            "{notes:?}"
        );
        let asked = InstallOptions {
            composefs: true,
            ..plain.clone()
        };
        assert_eq!(fitted(&asked, &systemd_boot, ext4), (asked.clone(), vec![]));
        for (bootloader, composefs) in [("none", false), ("grub", false), ("systemd", true)] {
            let asked = InstallOptions {
                bootloader: Some(bootloader.into()),
                ..plain.clone()
            };
            assert_eq!(
                fitted(&asked, &systemd_boot, ext4).0.composefs,
                composefs,
                "{bootloader}"
            );
            let json = format!(r#"{{"bootloader": "{bootloader}", "root-fs-type": "xfs"}}"#);
            assert_eq!(
                fitted(&plain, &grub, &json).0.composefs,
                composefs,
                "{bootloader}"
            );
        }

        // Our console stays the last one.
        let two = Facts {
            kargs: ["console=tty0", "quiet", "console=ttyS0"]
                .map(str::to_owned)
                .to_vec(),
            ..Facts::default()
        };
        for bootupd in [false, true] {
            let facts = Facts {
                bootupd,
                ..two.clone()
            };
            let (options, _) = fitted(&plain, &facts, ext4);
            assert_eq!(options.composefs, !bootupd);
            assert_eq!(options.kargs, ["console=tty0", "console=ttyS0"]);
        }

        let (options, notes) = fitted(&plain, &uki, ext4);
        assert!(options.composefs && options.kargs.is_empty(), "{options:?}");
        assert!(notes.len() == 1 && notes[0].contains("logs"), "{notes:?}");
    }

    #[cfg(unix)]
    #[test]
    fn the_prologue_passes_the_command_on_unchanged() {
        let run = |key: &str, size: &str| {
            let script = PROLOGUE
                .replace(KEY, "key")
                .replace("/output/disk.raw", "disk");
            let dir = tempfile::tempdir().unwrap();
            let mut command = std::process::Command::new("sh");
            command
                .current_dir(&dir)
                .args(["-c", &script, "sh", key, size]);
            command.args(["printf", "%s|", "a b", "$(x)", "it's"]);
            let output = command.output().unwrap();
            assert_eq!(String::from_utf8(output.stdout).unwrap(), "a b|$(x)|it's|");
            let file = |name: &str| std::fs::read(dir.path().join(name)).ok();
            (file("key"), file("disk").map(|bytes| bytes.len()))
        };
        assert_eq!(run("", ""), (None, None));
        assert_eq!(
            run("ssh-ed25519 A'B $x\\n", "1000"),
            (Some(b"ssh-ed25519 A'B $x\\n\n".to_vec()), Some(1000))
        );
    }
}
