//! Images in the other storages of this host: root's for a user, the users' for root.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::reference::is_meant;

/// Where root's podman keeps its images, if it wasn't told another place.
const OF_ROOT: &str = "/var/lib/containers/storage";
/// Where a user's podman does, below the home folder.
const OF_USER: &str = ".local/share/containers/storage";
const DRIVERS: [&str; 4] = ["overlay", "vfs", "btrfs", "zfs"];

/// Whether another storage of this host has an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Elsewhere {
    /// None has it.
    Nowhere,
    /// It may be in root's storage, which is not ours to look into.
    Unknown {
        /// The image's name.
        name: String,
    },
    /// This storage has it.
    Here {
        /// The image's name there.
        name: String,
        /// Whose storage it is.
        owner: String,
        /// The user who wants it.
        to: String,
    },
}

impl fmt::Display for Elsewhere {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nowhere => Ok(()),
            Self::Unknown { name } => write!(
                f,
                ", or copy it from root's storage, if it is there: \
                 `sudo podman image scp root@localhost::{name} $USER@localhost::`"
            ),
            Self::Here { name, owner, to } => {
                let sudo = if to == "root" { "" } else { "sudo " };
                write!(
                    f,
                    ", or copy it from the storage of {owner}, which has it: \
                     `{sudo}podman image scp {owner}@localhost::{name} {to}@localhost::`"
                )
            }
        }
    }
}

/// Looks for an image in the other storages of this host.
pub(super) fn look(asked: &str, rootless: bool) -> Elsewhere {
    if rootless {
        let here = |name| Elsewhere::Here { name, owner: "root".into(), to: "$USER".into() };
        return match find(Path::new(OF_ROOT), asked) {
            Ok(found) => found.map_or(Elsewhere::Nowhere, here),
            Err(_) => Elsewhere::Unknown { name: asked.to_owned() },
        };
    }
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let found = people(&users).find_map(|(owner, home)| {
        let name = find(&home.join(OF_USER), asked).ok().flatten()?;
        Some(Elsewhere::Here { name, owner, to: "root".into() })
    });
    found.unwrap_or(Elsewhere::Nowhere)
}

/// Users and their home folders by `/etc/passwd`, without those of the system.
fn people(passwd: &str) -> impl Iterator<Item = (String, PathBuf)> {
    const FIRST: u32 = 1000;
    passwd.lines().filter_map(|line| {
        let mut fields = line.split(':');
        let (name, id, home) = (fields.next()?, fields.nth(1)?, fields.nth(2)?);
        (id.parse::<u32>().ok()? >= FIRST).then(|| (name.to_owned(), PathBuf::from(home)))
    })
}

/// The name by which a storage has the image.
fn find(storage: &Path, asked: &str) -> io::Result<Option<String>> {
    #[derive(Deserialize)]
    struct Row {
        id: String,
        names: Option<Vec<String>>,
    }
    for driver in DRIVERS {
        let rows = match std::fs::read(storage.join(format!("{driver}-images/images.json"))) {
            Ok(text) => serde_json::from_slice::<Vec<Row>>(&text).unwrap_or_default(),
            Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
            Err(e) => return Err(e),
        };
        for row in rows {
            let names = row.names.unwrap_or_default();
            if let Some(name) = names.iter().find(|name| is_meant(asked, name)) {
                return Ok(Some(name.clone()));
            }
            if asked.len() >= 6 && row.id.starts_with(asked) {
                return Ok(Some(row.id));
            }
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_found_by_name_and_id() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("vfs-images")).unwrap();
        let id = "ab".repeat(32);
        let json = format!(r#"[{{"id":"{id}","names":["localhost/my-os:v1"],"x":1}},{{"id":"cd"}}]"#);
        std::fs::write(dir.path().join("vfs-images/images.json"), json).unwrap();
        let found = |asked| find(dir.path(), asked).unwrap();
        assert_eq!(found("localhost/my-os:v1").as_deref(), Some("localhost/my-os:v1"));
        assert_eq!(found("my-os:v1").as_deref(), Some("localhost/my-os:v1"));
        assert_eq!(found("abababab"), Some(id));
        assert_eq!(found("localhost/my-os"), None);
        assert_eq!(find(&dir.path().join("nothing"), "x").unwrap(), None);
    }

    #[test]
    fn people_are_told_from_the_system() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\nann:x:1000:1000:Ann,,,:/home/ann:/bin/sh\nbroken\n";
        assert_eq!(people(passwd).collect::<Vec<_>>(), [("ann".to_owned(), PathBuf::from("/home/ann"))]);
    }

    #[test]
    fn the_command_that_copies_is_told() {
        let here = |owner: &str, to: &str| {
            Elsewhere::Here { name: "localhost/x:latest".into(), owner: owner.into(), to: to.into() }
                .to_string()
        };
        assert!(
            here("ann", "root")
                .ends_with("`podman image scp ann@localhost::localhost/x:latest root@localhost::`")
        );
        assert!(
            here("root", "$USER")
                .contains("`sudo podman image scp root@localhost::localhost/x:latest $USER@")
        );
    }
}
