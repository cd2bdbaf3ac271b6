//! The three folders of the tool: cache, data and runtime.

use std::io;
use std::path::{Path, PathBuf};

use crate::host::os;

/// A `sockaddr_un` path holds 104 bytes on macOS, 108 on Linux, each with its NUL.
const SOCKET_PATH_MAX: usize = 103;
/// The longest name of a socket below [`Dirs::runtime_of`], its slash included: `/vfkit-1869f-ffff.sock`, which vfkit
/// makes beside the network's.
const SOCKET_NAME_MAX: usize = 22;

/// Names the folder that holds all of them in a test with fakes: some systems fix a program's folders.
#[cfg(feature = "fakes")]
const VARIABLE: &str = "PODMAN_BOOTC_FAKE_FOLDERS";

/// Where the tool keeps its files.
#[derive(Debug, Clone)]
pub struct Dirs {
    /// May be deleted at any time: base disks, what was learnt of the host.
    pub cache: PathBuf,
    /// VMs: specs, overlays, keys, logs.
    pub data: PathBuf,
    /// Sockets of running VMs.
    pub runtime: PathBuf,
}

/// The folders can't be had.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No home folder is known for this user.
    #[error("no home folder is known for this user; set HOME")]
    NoHome,
    /// A folder can't be made.
    #[error("can't make the folder {path}")]
    Create {
        /// The folder.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// There is no place for sockets.
    #[error("{0} has too long a path for sockets, or one with %, ? or # in it; set TMPDIR to another folder")]
    NoSockets(PathBuf),
    /// A folder in a place that others can write to is not ours alone.
    #[error("{0} is not a folder of yours alone; remove it, or set XDG_RUNTIME_DIR")]
    NotPrivate(PathBuf),
}

impl Dirs {
    /// Finds the folders by the platform's conventions (XDG on Linux, `%LOCALAPPDATA%` on Windows) and makes them,
    /// for this user alone.
    ///
    /// # Errors
    /// No home folder, or a folder that can't be made or belongs to someone else.
    pub fn open() -> Result<Self, Error> {
        let dirs = Self::find()?;
        for dir in [&dirs.cache, &dirs.data, &dirs.runtime] {
            os::create_private_dir(dir).map_err(|source| Error::Create { path: dir.clone(), source })?;
        }
        if !os::is_private_dir(&dirs.runtime) {
            return Err(Error::NotPrivate(dirs.runtime));
        }
        Ok(dirs)
    }

    fn find() -> Result<Self, Error> {
        #[cfg(feature = "fakes")]
        if let Some(folder) = std::env::var_os(VARIABLE).map(PathBuf::from) {
            return Ok(Self {
                cache: folder.join("cache"),
                data: folder.join("data"),
                runtime: folder.join("run"),
            });
        }
        let project = directories::ProjectDirs::from("", "", "podman-bootc").ok_or(Error::NoHome)?;
        let own = project.runtime_dir().filter(|dir| dir.parent().is_some_and(Path::is_dir));
        let temporary = std::env::temp_dir().join(os::runtime_name());
        let short = os::SHORT_TEMPORARY_DIR.map(|dir| Path::new(dir).join(os::runtime_name()));
        let places = own.map(Path::to_owned).into_iter().chain([temporary.clone()]).chain(short);
        let runtime = first_that_fits(places).ok_or(Error::NoSockets(temporary))?;
        Ok(Self { cache: project.cache_dir().to_owned(), data: project.data_local_dir().to_owned(), runtime })
    }

    /// The folder of one machine's sockets; `id` is short, so that the paths stay short.
    pub fn runtime_of(&self, id: &str) -> PathBuf {
        self.runtime.join(id)
    }

    /// All VMs' folders are in here.
    pub fn vms(&self) -> PathBuf {
        self.data.join("vms")
    }

    /// The key pair of this host, for VMs that can be handed none at boot.
    pub fn keys(&self) -> PathBuf {
        self.data.join("keys")
    }

    /// What direct boots need of images is in here.
    pub fn roots(&self) -> PathBuf {
        self.cache.join("roots")
    }

    /// The folders of podman's storage for images that come out of files, and of what it keeps meanwhile.
    pub fn storage(&self) -> (PathBuf, PathBuf) {
        (self.cache.join("storage"), self.runtime.join("podman"))
    }

    /// All base disks' folders are in here.
    pub fn disks(&self) -> PathBuf {
        self.cache.join("disks")
    }
}

fn first_that_fits(places: impl IntoIterator<Item = PathBuf>) -> Option<PathBuf> {
    places.into_iter().find(|place| fits_sockets(place))
}

/// Programs are told of some sockets by URLs, in which these characters mean something else.
const URL_CHARACTERS: &[u8] = b"%?#";

fn fits_sockets(dir: &Path) -> bool {
    const ID: usize = 1 + 12;
    let mut bytes = dir.as_os_str().as_encoded_bytes().iter();
    !bytes.any(|byte| URL_CHARACTERS.contains(byte))
        && dir.as_os_str().len() + ID + SOCKET_NAME_MAX <= SOCKET_PATH_MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_runtime_folders_do_not_fit() {
        assert!(fits_sockets(Path::new("/run/user/1000/podman-bootc")));
        let long = PathBuf::from(format!("/tmp/{}", "x".repeat(64)));
        assert!(!fits_sockets(&long), "vfkit makes a socket with a long name");
        assert!(!fits_sockets(Path::new("/tmp/a%20b/podman-bootc-1000")));
        let short = PathBuf::from("/tmp/podman-bootc-1000");
        assert_eq!(first_that_fits([long.clone(), short.clone()]), Some(short));
        assert_eq!(first_that_fits([long]), None);
        // macOS gives each user a temporary folder with a long name.
        assert!(fits_sockets(Path::new("/var/folders/zz/zyxvpxvq6csfxvn_n0000000000000/T/podman-bootc-501")));
    }
}
