//! Reads the facts of a system from its image's files.

use serde::Deserialize;

use super::Error;
use super::image_files::ImageFiles;
use crate::image::{Facts, UNIT_CREDENTIALS};

/// The programs in `vm-assets/units/podman-bootc-grow.service`.
const GROW: [&str; 3] = [
    "usr/sbin/sfdisk",
    "usr/bin/partx",
    "usr/lib/systemd/systemd-growfs",
];
/// bootupd and the files that it installs.
const BOOTUPD: [&str; 2] = ["usr/bin/bootupctl", "usr/lib/bootupd/updates"];

/// A file below `/usr/lib/bootc/kargs.d`.
/// <https://bootc-dev.github.io/bootc/building/kernel-arguments.html>
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct KargsFile {
    #[serde(default)]
    kargs: Vec<String>,
    match_architectures: Option<Vec<String>>,
}

/// Reads the facts. `architecture` has Linux' name, as in `x86_64`.
pub fn read(image: &ImageFiles, architecture: &str) -> Result<Facts, Error> {
    let mut facts = Facts {
        selinux: image
            .text("etc/selinux/config")?
            .is_some_and(|text| selinux_is_on(&text)),
        sshd: ["usr/sbin/sshd", "usr/bin/sshd"]
            .iter()
            .any(|path| image.has(path)),
        systemd: systemd_version(image),
        // bootc looks for the same:
        // <https://github.com/bootc-dev/bootc/blob/main/crates/lib/src/kernel.rs> and
        // `bootloader.rs`
        uki: image
            .names("boot/EFI/Linux")
            .iter()
            .any(|name| name.ends_with(".efi")),
        bootupd: BOOTUPD.iter().all(|path| image.has(path)),
        ..Facts::default()
    };
    facts.grows = facts
        .systemd
        .is_some_and(|version| version >= UNIT_CREDENTIALS)
        && GROW.iter().all(|tool| image.has(tool));
    let folder = "usr/lib/bootc/kargs.d";
    for name in image
        .names(folder)
        .iter()
        .filter(|name| name.ends_with(".toml"))
    {
        facts.kargs.extend(kargs(
            &image.text(&format!("{folder}/{name}"))?.unwrap_or_default(),
            architecture,
        ));
    }
    // nss-altfiles: image builders that leave /etc to the user put the system's users into
    // /usr/lib.
    for path in ["usr/lib/passwd", "etc/passwd"] {
        add_users(&image.text(path)?.unwrap_or_default(), &mut facts);
    }
    Ok(facts)
}

fn selinux_is_on(config: &str) -> bool {
    config
        .lines()
        .any(|line| matches!(line.trim(), "SELINUX=enforcing" | "SELINUX=permissive"))
}

/// Finds systemd's version in the name of its private library. Debian has it in a folder for each
/// architecture.
fn systemd_version(image: &ImageFiles) -> Option<u32> {
    let mut folders = vec!["usr/lib/systemd".to_owned(), "usr/lib64/systemd".to_owned()];
    let per_architecture = image
        .names("usr/lib")
        .into_iter()
        .filter(|name| name.contains("-linux-"));
    folders.extend(per_architecture.map(|name| format!("usr/lib/{name}/systemd")));
    folders
        .iter()
        .find_map(|folder| library_version(&image.names(folder)))
}

/// Returns 257 for `libsystemd-shared-257.9-1.so`.
fn library_version(names: &[String]) -> Option<u32> {
    names.iter().find_map(|name| {
        let rest = name.strip_prefix("libsystemd-shared-")?;
        rest.split(|c: char| !c.is_ascii_digit())
            .next()?
            .parse()
            .ok()
    })
}

fn kargs(text: &str, architecture: &str) -> Vec<String> {
    match toml::from_str::<KargsFile>(text) {
        Ok(file)
            if file
                .match_architectures
                .as_ref()
                .is_none_or(|a| a.iter().any(|a| a == architecture)) =>
        {
            file.kargs
        }
        Ok(_) => vec![],
        Err(error) => {
            tracing::warn!(%error, "ignoring an invalid file in the image's kargs.d");
            vec![]
        }
    }
}

fn add_users(passwd: &str, facts: &mut Facts) {
    for line in passwd.lines() {
        let fields: Vec<&str> = line.split(':').collect();
        let [user, _, uid, gid, _, home, ..] = fields[..] else {
            continue;
        };
        if home.starts_with('/') && !user.is_empty() {
            facts.homes.insert(user.to_owned(), home.to_owned());
        }
        if let (Ok(uid), Ok(gid)) = (uid.parse(), gid.parse()) {
            facts.owners.insert(user.to_owned(), (uid, gid));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_read_from_configuration_texts() {
        assert!(selinux_is_on("# x\nSELINUX=enforcing\n") && !selinux_is_on("SELINUX=disabled\n"));
        let names = [
            "systemd".to_owned(),
            "libsystemd-shared-252-32.el9.so".to_owned(),
        ];
        assert_eq!(library_version(&names), Some(252));
        assert_eq!(
            library_version(&["libsystemd-shared-257.9-1.so".to_owned()]),
            Some(257)
        );
        assert_eq!(kargs("kargs = [\"a\", \"b=c\"]", "x86_64"), ["a", "b=c"]);
        let other = "kargs = [\"a\"]\nmatch-architectures = [\"aarch64\"]";
        assert!(kargs(other, "x86_64").is_empty() && kargs(other, "aarch64") == ["a"]);
        assert!(kargs("not toml at all [", "x86_64").is_empty());
        let passwd =
            "root:x:0:0:root:/root:/bin/bash\ncore:x:1000:100::/var/home/core:/bin/bash\nbad\n";
        let mut facts = Facts::default();
        add_users(passwd, &mut facts);
        let Facts { homes, owners, .. } = facts;
        assert_eq!(
            homes.get("core").map(String::as_str),
            Some("/var/home/core")
        );
        assert_eq!(
            (homes.len(), owners.len(), owners.get("core")),
            (2, 2, Some(&(1000, 100)))
        );
    }
}
