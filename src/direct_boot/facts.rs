//! Reads the facts of a system from its image's files.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::Error;
use super::image_files::Tree;
use crate::image::Facts;

/// What `vm-assets/units/podman-bootc-grow.service` uses.
const GROW: [&str; 3] = ["usr/sbin/sfdisk", "usr/bin/partx", "usr/lib/systemd/systemd-growfs"];
/// bootupd, and what it installs.
const BOOTUPD: [&str; 2] = ["usr/bin/bootupctl", "usr/lib/bootupd/updates"];
/// The first systemd that takes units from credentials.
const UNIT_CREDENTIALS: u32 = 256;

/// A file below `/usr/lib/bootc/kargs.d`.
/// <https://bootc-dev.github.io/bootc/building/kernel-arguments.html>
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct KargsFile {
    #[serde(default)]
    kargs: Vec<String>,
    match_architectures: Option<Vec<String>>,
}

/// Reads the facts; `architecture` is Rust's and Linux' name of it.
///
/// # Errors
/// A file of the image can't be read.
pub fn read(tree: &Tree, architecture: &str) -> Result<Facts, Error> {
    let mut facts = Facts {
        selinux: tree.text("etc/selinux/config")?.is_some_and(|text| selinux_is_on(&text)),
        sshd: ["usr/sbin/sshd", "usr/bin/sshd"].iter().any(|path| tree.has(path)),
        systemd: systemd_version(tree),
        // What bootc looks for, too.
        // <https://github.com/bootc-dev/bootc/blob/main/crates/lib/src/kernel.rs> and `bootloader.rs`
        uki: tree.names("boot/EFI/Linux").iter().any(|name| name.ends_with(".efi")),
        bootupd: BOOTUPD.iter().all(|path| tree.has(path)),
        ..Facts::default()
    };
    facts.grows = facts.systemd.is_some_and(|version| version >= UNIT_CREDENTIALS)
        && GROW.iter().all(|tool| tree.has(tool));
    let folder = "usr/lib/bootc/kargs.d";
    for name in tree.names(folder).iter().filter(|name| name.ends_with(".toml")) {
        facts.kargs.extend(kargs(&tree.text(&format!("{folder}/{name}"))?.unwrap_or_default(), architecture));
    }
    // Image builders that keep /etc for the user put the system's users below /usr/lib (nss-altfiles).
    for path in ["usr/lib/passwd", "etc/passwd"] {
        let passwd = tree.text(path)?.unwrap_or_default();
        facts.homes.extend(homes(&passwd));
        facts.owners.extend(owners(&passwd));
    }
    Ok(facts)
}

fn selinux_is_on(config: &str) -> bool {
    config.lines().any(|line| matches!(line.trim(), "SELINUX=enforcing" | "SELINUX=permissive"))
}

/// systemd's version, by the library that it keeps beside its programs; Debian has that in a folder of the
/// architecture's.
fn systemd_version(tree: &Tree) -> Option<u32> {
    let mut folders = vec!["usr/lib/systemd".to_owned(), "usr/lib64/systemd".to_owned()];
    let per_architecture = tree.names("usr/lib").into_iter().filter(|name| name.contains("-linux-"));
    folders.extend(per_architecture.map(|name| format!("usr/lib/{name}/systemd")));
    folders.iter().find_map(|folder| library_version(&tree.names(folder)))
}

/// The number in `libsystemd-shared-257.9-1.so`.
fn library_version(names: &[String]) -> Option<u32> {
    names.iter().find_map(|name| {
        let rest = name.strip_prefix("libsystemd-shared-")?;
        rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
    })
}

fn kargs(text: &str, architecture: &str) -> Vec<String> {
    match toml::from_str::<KargsFile>(text) {
        Ok(file) if file.match_architectures.as_ref().is_none_or(|a| a.iter().any(|a| a == architecture)) => {
            file.kargs
        }
        Ok(_) => vec![],
        Err(error) => {
            tracing::warn!(%error, "a file in the image's kargs.d is not understood");
            vec![]
        }
    }
}

fn homes(passwd: &str) -> BTreeMap<String, String> {
    let home = |line: &str| {
        let fields: Vec<&str> = line.split(':').collect();
        let (user, home) = (fields.first()?, fields.get(5)?);
        (home.starts_with('/') && !user.is_empty()).then(|| (user.to_string(), home.to_string()))
    };
    passwd.lines().filter_map(home).collect()
}

fn owners(passwd: &str) -> BTreeMap<String, (u32, u32)> {
    let owner = |line: &str| {
        let fields: Vec<&str> = line.split(':').collect();
        let (user, uid, gid) = (fields.first()?, fields.get(2)?, fields.get(3)?);
        Some((user.to_string(), (uid.parse().ok()?, gid.parse().ok()?)))
    };
    passwd.lines().filter_map(owner).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_of_small_texts() {
        assert!(selinux_is_on("# x\nSELINUX=enforcing\n") && !selinux_is_on("SELINUX=disabled\n"));
        let names = ["systemd".to_owned(), "libsystemd-shared-252-32.el9.so".to_owned()];
        assert_eq!(library_version(&names), Some(252));
        assert_eq!(library_version(&["libsystemd-shared-257.9-1.so".to_owned()]), Some(257));
        assert_eq!(kargs("kargs = [\"a\", \"b=c\"]", "x86_64"), ["a", "b=c"]);
        let other = "kargs = [\"a\"]\nmatch-architectures = [\"aarch64\"]";
        assert!(kargs(other, "x86_64").is_empty() && kargs(other, "aarch64") == ["a"]);
        assert!(kargs("not toml at all [", "x86_64").is_empty());
        let passwd = "root:x:0:0:root:/root:/bin/bash\ncore:x:1000:100::/var/home/core:/bin/bash\nbad\n";
        let (homes, owners) = (homes(passwd), owners(passwd));
        assert_eq!(homes.get("core").map(String::as_str), Some("/var/home/core"));
        assert_eq!((homes.len(), owners.len(), owners.get("core")), (2, 2, Some(&(1000, 100))));
    }
}
