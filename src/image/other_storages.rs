//! Images in the other storages of this host: root's storage for a user, and the users' storages
//! for root.

use std::path::{Path, PathBuf};
use std::{fmt, io};

use serde::Deserialize;

use super::reference::is_meant;

/// The default storage of root.
const ROOT_STORAGE: &str = "/var/lib/containers/storage";
/// The default storage of a user, in the home folder.
const USER_STORAGE: &str = ".local/share/containers/storage";
const DRIVERS: [&str; 4] = ["overlay", "vfs", "btrfs", "zfs"];

/// Tells whether another storage of this host has an image. Its text continues an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OtherStorages {
    NotFound,
    /// This user can't read root's storage.
    Unknown {
        name: String,
    },
    /// The storage of `owner` has the image under this name; `user` needs it.
    Found {
        name: String,
        owner: String,
        user: String,
    },
}

impl fmt::Display for OtherStorages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound => Ok(()),
            Self::Unknown { name } => write!(
                f,
                ", or copy it from root's storage if root has it: \
                 `sudo podman image scp root@localhost::{name} $USER@localhost::`"
            ),
            Self::Found { name, owner, user } => {
                let sudo = if user == "root" { "" } else { "sudo " };
                write!(
                    f,
                    ", or copy it from the storage of {owner}, which has it: \
                     `{sudo}podman image scp {owner}@localhost::{name} {user}@localhost::`"
                )
            }
        }
    }
}

/// Searches the other storages of this host for an image.
pub(super) fn search(asked: &str, rootless: bool) -> OtherStorages {
    if rootless {
        let found = |name| OtherStorages::Found {
            name,
            owner: "root".into(),
            user: "$USER".into(),
        };
        return match find(Path::new(ROOT_STORAGE), asked) {
            Ok(name) => name.map_or(OtherStorages::NotFound, found),
            Err(_) => OtherStorages::Unknown {
                name: asked.to_owned(),
            },
        };
    }
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let found = regular_users(&users).find_map(|(owner, home)| {
        let name = find(&home.join(USER_STORAGE), asked).ok().flatten()?;
        Some(OtherStorages::Found {
            name,
            owner,
            user: "root".into(),
        })
    });
    found.unwrap_or(OtherStorages::NotFound)
}

/// Returns the users in `/etc/passwd` and their home folders, without system users.
fn regular_users(passwd: &str) -> impl Iterator<Item = (String, PathBuf)> {
    const FIRST: u32 = 1000;
    passwd.lines().filter_map(|line| {
        let mut fields = line.split(':');
        let (name, id, home) = (fields.next()?, fields.nth(1)?, fields.nth(2)?);
        (id.parse::<u32>().ok()? >= FIRST).then(|| (name.to_owned(), PathBuf::from(home)))
    })
}

/// Returns the name of the image in a storage, or its ID if the image has no name.
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
        let json =
            format!(r#"[{{"id":"{id}","names":["localhost/my-os:v1"],"x":1}},{{"id":"cd"}}]"#);
        std::fs::write(dir.path().join("vfs-images/images.json"), json).unwrap();
        let found = |asked| find(dir.path(), asked).unwrap();
        assert_eq!(
            found("localhost/my-os:v1").as_deref(),
            Some("localhost/my-os:v1")
        );
        assert_eq!(found("my-os:v1").as_deref(), Some("localhost/my-os:v1"));
        assert_eq!(found("abababab"), Some(id));
        assert_eq!(found("localhost/my-os"), None);
        assert_eq!(find(&dir.path().join("nothing"), "x").unwrap(), None);
    }

    #[test]
    fn system_users_are_left_out() {
        let passwd =
            "root:x:0:0:root:/root:/bin/sh\nann:x:1000:1000:Ann,,,:/home/ann:/bin/sh\nbroken\n";
        assert_eq!(
            regular_users(passwd).collect::<Vec<_>>(),
            [("ann".to_owned(), PathBuf::from("/home/ann"))]
        );
    }

    #[test]
    fn the_text_names_the_command_that_copies_the_image() {
        let found = |owner: &str, user: &str| {
            OtherStorages::Found {
                name: "localhost/x:latest".into(),
                owner: owner.into(),
                user: user.into(),
            }
            .to_string()
        };
        assert!(
            found("ann", "root")
                .ends_with("`podman image scp ann@localhost::localhost/x:latest root@localhost::`")
        );
        assert!(
            found("root", "$USER")
                .contains("`sudo podman image scp root@localhost::localhost/x:latest $USER@")
        );
    }
}
