//! The three folders of the tool: cache, data and runtime.

use std::io;
use std::path::{Path, PathBuf};

use crate::host::os;

/// A `sockaddr_un` path holds 104 bytes on macOS and 108 on Linux, each with its NUL.
const SOCKET_PATH_MAX: usize = 103;
/// Bytes reserved for the name of a socket in [`Dirs::runtime_of`] and its slash. The longest name
/// is not ours: a hypervisor puts its process ID and a random number into it.
const SOCKET_NAME_MAX: usize = 22;
/// The length of a machine's ID and its slash.
const ID_LENGTH: usize = 1 + 12;
/// Helpers get some sockets as URLs, in which these characters have a meaning.
const URL_CHARACTERS: &[u8] = b"%?#";

/// Names the folder that holds all of them in a test with fakes: some systems fix a program's
/// folders.
#[cfg(feature = "fakes")]
const VARIABLE: &str = "PODMAN_BOOTC_FAKE_FOLDERS";

/// The folders that hold the tool's files.
#[derive(Debug, Clone)]
pub struct Dirs {
    /// Base disks, boot files and facts about the host. It may be deleted at any time.
    pub cache: PathBuf,
    /// VMs: specs, overlays, keys, logs.
    pub data: PathBuf,
    /// Sockets of running VMs.
    pub runtime: PathBuf,
}

/// The folders can't be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("this user has no home folder; set HOME")]
    NoHome,
    #[error("can't create the folder {path}")]
    Create { path: PathBuf, source: io::Error },
    #[error(
        "{0} can't hold sockets: its path is too long or contains %, ? or #; set TMPDIR to another folder"
    )]
    NoSockets(PathBuf),
    /// The runtime folder is in a folder that others can write to, and they can replace or change
    /// it.
    #[error("{0} is not a private folder of yours; remove it or set XDG_RUNTIME_DIR")]
    NotPrivate(PathBuf),
}

impl Dirs {
    /// Finds the folders by the platform's conventions (XDG on Linux, `%LOCALAPPDATA%` on Windows)
    /// and creates them, for this user alone.
    pub fn open() -> Result<Self, Error> {
        let dirs = Self::find()?;
        for dir in [&dirs.cache, &dirs.data, &dirs.runtime] {
            os::create_private_dir(dir).map_err(|source| Error::Create {
                path: dir.clone(),
                source,
            })?;
        }
        if !os::is_private_dir(&dirs.runtime) {
            return Err(Error::NotPrivate(dirs.runtime));
        }
        Ok(dirs)
    }

    /// Finds the folders, which may not exist.
    pub fn find() -> Result<Self, Error> {
        #[cfg(feature = "fakes")]
        if let Some(folder) = std::env::var_os(VARIABLE).map(PathBuf::from) {
            return Ok(Self {
                cache: folder.join("cache"),
                data: folder.join("data"),
                runtime: folder.join("run"),
            });
        }
        let project =
            directories::ProjectDirs::from("", "", "podman-bootc").ok_or(Error::NoHome)?;
        let standard = project
            .runtime_dir()
            .filter(|dir| dir.parent().is_some_and(Path::is_dir));
        let temporary = std::env::temp_dir().join(os::runtime_dir_name());
        let short = os::SHORT_TEMPORARY_DIR.map(|dir| Path::new(dir).join(os::runtime_dir_name()));
        let candidates = standard
            .map(Path::to_owned)
            .into_iter()
            .chain([temporary.clone()])
            .chain(short);
        let runtime = first_that_fits(candidates).ok_or(Error::NoSockets(temporary))?;
        Ok(Self {
            cache: project.cache_dir().to_owned(),
            data: project.data_local_dir().to_owned(),
            runtime,
        })
    }

    /// Returns the folder of one machine's sockets. An ID has 12 characters, so that the paths stay
    /// short.
    pub fn runtime_of(&self, id: &str) -> PathBuf {
        self.runtime.join(id)
    }

    pub fn vms(&self) -> PathBuf {
        self.data.join("vms")
    }

    /// Returns the folder of this host's key pair, for VMs that can't receive a key at boot.
    pub fn keys(&self) -> PathBuf {
        self.data.join("keys")
    }

    /// Returns the folder of the images' boot files and root filesystems, for direct boots.
    pub fn roots(&self) -> PathBuf {
        self.cache.join("roots")
    }

    /// Returns the folder of the templates of warm starts.
    pub fn templates(&self) -> PathBuf {
        self.cache.join("templates")
    }

    /// Returns the folder of podman's storage for images from files and other podmans, and its run
    /// folder.
    pub fn storage(&self) -> (PathBuf, PathBuf) {
        (self.cache.join("storage"), self.runtime.join("podman"))
    }

    /// Returns the folder of the images that are being served to guests.
    pub fn registry(&self) -> PathBuf {
        self.cache.join("registry")
    }

    /// Returns the folder of the images that are on their way into podman's storage.
    pub fn containerdisks(&self) -> PathBuf {
        self.cache.join("containerdisks")
    }

    pub fn disks(&self) -> PathBuf {
        self.cache.join("disks")
    }
}

/// Returns the user's configuration file by the platform's conventions. It may be missing.
pub fn user_config() -> Option<PathBuf> {
    const NAME: &str = "config.toml";
    #[cfg(feature = "fakes")]
    if let Some(folder) = std::env::var_os(VARIABLE).map(PathBuf::from) {
        return Some(folder.join("config").join(NAME));
    }
    let project = directories::ProjectDirs::from("", "", "podman-bootc")?;
    Some(project.config_dir().join(NAME))
}

/// Returns the user's home folder.
pub fn home() -> Option<PathBuf> {
    directories::BaseDirs::new().map(|dirs| dirs.home_dir().to_owned())
}

fn first_that_fits(candidates: impl IntoIterator<Item = PathBuf>) -> Option<PathBuf> {
    candidates.into_iter().find(|folder| fits_sockets(folder))
}

fn fits_sockets(dir: &Path) -> bool {
    let mut bytes = dir.as_os_str().as_encoded_bytes().iter();
    !bytes.any(|byte| URL_CHARACTERS.contains(byte))
        && dir.as_os_str().len() + ID_LENGTH + SOCKET_NAME_MAX <= SOCKET_PATH_MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_with_a_long_path_holds_no_sockets() {
        assert!(fits_sockets(Path::new("/run/user/1000/podman-bootc")));
        let long = PathBuf::from(format!("/tmp/{}", "x".repeat(64)));
        assert!(
            !fits_sockets(&long),
            "a hypervisor's socket has a long name"
        );
        assert!(!fits_sockets(Path::new("/tmp/a%20b/podman-bootc-1000")));
        let short = PathBuf::from("/tmp/podman-bootc-1000");
        assert_eq!(first_that_fits([long.clone(), short.clone()]), Some(short));
        assert_eq!(first_that_fits([long]), None);
        // macOS gives each user a temporary folder with a long name.
        assert!(fits_sockets(Path::new(
            "/var/folders/zz/zyxvpxvq6csfxvn_n0000000000000/T/podman-bootc-501"
        )));
    }
}
