//! An image's files, seen as its own root: no link of the image leads out of it.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{Dir, Mode, OFlags, ResolveFlags};
use serde::{Deserialize, Serialize};

use super::Error;

/// Text files that are read whole are small; a larger one is not what we look for. Bytes.
const TEXT_MAX: u64 = 16 << 20;

/// The mounted root filesystem of an image.
#[derive(Debug)]
pub struct Tree {
    root: OwnedFd,
}

/// Tells a file from all others, and from what it was before it changed: no program can set the time of change.
/// overlayfs hands on the numbers of the layer's own file, so that two images have it in common.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    inode: u64,
    size: i64,
    changed: (i64, u64),
}

impl Tree {
    /// The tree below this folder.
    ///
    /// # Errors
    /// It can't be opened.
    pub fn new(root: &Path) -> Result<Self, Error> {
        rustix::fs::open(root, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
            .map(|root| Self { root })
            .map_err(|e| Error::Read { path: root.to_owned(), source: e.into() })
    }

    /// Opens a file; links are followed within the tree.
    ///
    /// # Errors
    /// As of the operating system.
    pub fn open(&self, path: &str) -> Result<File, Error> {
        let error = |source| Error::Read { path: Path::new("/").join(path), source };
        // Not to hang on a pipe of the image.
        let file = self.open_at(path, OFlags::RDONLY | OFlags::NONBLOCK).map(File::from).map_err(error)?;
        // A pipe or device of the image must not be read from.
        if file.metadata().map_err(error)?.is_file() {
            Ok(file)
        } else {
            Err(error(io::Error::other("not a plain file")))
        }
    }

    /// True when there is a file of that name.
    pub fn has(&self, path: &str) -> bool {
        self.open_at(path, OFlags::PATH).is_ok()
    }

    /// What a file is told by; links are followed within the tree.
    ///
    /// # Errors
    /// There is none of that name.
    pub fn identity(&self, path: &str) -> Result<Identity, Error> {
        let look = || -> io::Result<Identity> {
            let stat = rustix::fs::fstat(self.open_at(path, OFlags::PATH)?)?;
            // Their types differ from system to system.
            #[allow(clippy::useless_conversion, clippy::unnecessary_cast)]
            Ok(Identity {
                inode: stat.st_ino as u64,
                size: stat.st_size as i64,
                changed: (stat.st_ctime as i64, stat.st_ctime_nsec as u64),
            })
        };
        look().map_err(|source| Error::Read { path: Path::new("/").join(path), source })
    }

    /// A text file's content; none when there is no such file.
    ///
    /// # Errors
    /// It is there and can't be read.
    pub fn text(&self, path: &str) -> Result<Option<String>, Error> {
        let file = match self.open(path) {
            Ok(file) => file,
            Err(Error::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(e),
        };
        let mut bytes = Vec::new();
        file.take(TEXT_MAX)
            .read_to_end(&mut bytes)
            .map_err(|source| Error::Read { path: path.into(), source })?;
        Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// Names in a folder, sorted; none when there is no such folder.
    pub fn names(&self, path: &str) -> Vec<String> {
        let list = || -> io::Result<Vec<String>> {
            let folder = self.open_at(path, OFlags::RDONLY | OFlags::DIRECTORY)?;
            let mut names = Vec::new();
            for entry in Dir::read_from(&folder)? {
                let name = entry?.file_name().to_string_lossy().into_owned();
                if name != "." && name != ".." {
                    names.push(name);
                }
            }
            names.sort();
            Ok(names)
        };
        list().unwrap_or_default()
    }

    fn open_at(&self, path: &str, flags: OFlags) -> io::Result<OwnedFd> {
        let flags = flags | OFlags::CLOEXEC;
        let path = path.trim_start_matches('/');
        Ok(rustix::fs::openat2(&self.root, path, flags, Mode::empty(), ResolveFlags::IN_ROOT)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_do_not_lead_out() {
        let dir = tempfile::tempdir().unwrap();
        let outside = dir.path().join("secret");
        std::fs::write(&outside, "outside").unwrap();
        let root = dir.path().join("root");
        std::fs::create_dir_all(root.join("usr/lib")).unwrap();
        std::fs::write(root.join("secret"), "inside").unwrap();
        std::os::unix::fs::symlink("../../../../../secret", root.join("usr/lib/a")).unwrap();
        std::os::unix::fs::symlink(&outside, root.join("usr/lib/b")).unwrap();
        std::os::unix::fs::symlink("/secret", root.join("usr/lib/c")).unwrap();
        let tree = Tree::new(&root).unwrap();
        assert_eq!(tree.text("usr/lib/a").unwrap().as_deref(), Some("inside"));
        assert_eq!(tree.text("usr/lib/b").unwrap(), None);
        assert_eq!(tree.text("/usr/lib/c").unwrap().as_deref(), Some("inside"));
        assert_eq!(tree.names("usr/lib"), ["a", "b", "c"]);
        assert!(tree.open("usr/lib").is_err(), "a folder is no file");
        assert!(tree.names("nowhere").is_empty());
    }
}
