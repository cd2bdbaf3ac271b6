//! Reads the facts of a system from its image's files.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::Error;
use super::bound_files;
use super::image_files::ImageFiles;
use super::selinux;
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
        reader: Facts::READER,
        selinux: image
            .text("etc/selinux/config")?
            .is_some_and(|text| selinux::is_on(&text)),
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
    for text in sysusers_files(image)? {
        add_sysusers(&text, &mut facts);
    }
    bound_files::read(image, &mut facts);
    Ok(facts)
}

/// Returns the files of sysusers.d(5). A file in `/etc` replaces the file of the same name
/// in `/usr/lib`.
fn sysusers_files(image: &ImageFiles) -> Result<Vec<String>, Error> {
    let mut files = BTreeMap::new();
    for folder in ["usr/lib/sysusers.d", "etc/sysusers.d"] {
        let names = image.names(folder);
        for name in names.into_iter().filter(|name| name.ends_with(".conf")) {
            let path = format!("{folder}/{name}");
            // A link to /dev/null masks a file.
            let text = image.text(&path).unwrap_or_default();
            files.insert(name, text.unwrap_or_default());
        }
    }
    Ok(files.into_values().collect())
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

/// Adds the users that systemd-sysusers makes at boot and the image doesn't have yet.
/// <https://www.freedesktop.org/software/systemd/man/latest/sysusers.d.html>
fn add_sysusers(text: &str, facts: &mut Facts) {
    for line in text.lines().map(str::trim) {
        let fields = words(line);
        let [kind, user, id, rest @ ..] = &fields[..] else {
            continue;
        };
        if !matches!(&**kind, "u" | "u!" | "u+" | "u+!") || facts.homes.contains_key(user) {
            continue;
        }
        let home = rest.get(1).filter(|home| home.starts_with('/'));
        let home = home.map_or("/", String::as_str);
        facts.homes.insert(user.clone(), home.to_owned());
        let (uid, gid) = id.split_once(':').unwrap_or((id, id));
        if let Ok(uid) = uid.parse() {
            // The group may be a name, which has no number yet.
            let gid = gid.parse().unwrap_or(uid);
            facts.owners.insert(user.clone(), (uid, gid));
        }
    }
}

/// Splits a line into words, which may be in quotes.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = line.trim_start();
    while let Some(first) = rest.chars().next() {
        let (word, after) = match first {
            '"' | '\'' => {
                let inner = &rest[1..];
                inner.split_once(first).unwrap_or((inner, ""))
            }
            _ => rest.split_once(char::is_whitespace).unwrap_or((rest, "")),
        };
        words.push(word.to_owned());
        rest = after.trim_start();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_read_from_configuration_texts() {
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

    #[test]
    fn users_of_sysusers_are_known_before_the_boot() {
        let mut facts = Facts::default();
        add_users("core:x:1000:100::/var/home/core:/bin/bash\n", &mut facts);
        let text = "# comment\n\
            u core 5 - /elsewhere\n\
            u dev 1500 - /var/home/dev /bin/bash\n\
            u!\tapp 1600:1700 \"An app\" /var/lib/app\n\
            u auto - 'Its name' /home/auto\n\
            u mixed 1800:users - /home/mixed\n\
            u service 400\n\
            u broken\n\
            g group 7\n\
            m dev group\n";
        add_sysusers(text, &mut facts);
        let user = |name: &str| {
            let home = facts.homes.get(name).map(String::as_str);
            (home, facts.owners.get(name).copied())
        };
        assert_eq!(user("core"), (Some("/var/home/core"), Some((1000, 100))));
        assert_eq!(user("dev"), (Some("/var/home/dev"), Some((1500, 1500))));
        assert_eq!(user("app"), (Some("/var/lib/app"), Some((1600, 1700))));
        assert_eq!(user("auto"), (Some("/home/auto"), None));
        assert_eq!(user("mixed"), (Some("/home/mixed"), Some((1800, 1800))));
        assert_eq!(user("service"), (Some("/"), Some((400, 400))));
        for none in ["broken", "group", "#"] {
            assert_eq!(user(none), (None, None), "{none}");
        }
    }
}
