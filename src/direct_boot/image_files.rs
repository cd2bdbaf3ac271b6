//! An image's files, seen as its own root: no link of the image leads out of it.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::Error;
use crate::host::fs::confined::ConfinedDir;

pub use crate::host::fs::confined::Identity;

/// Text files that are read whole are small; a larger one is not what we look for. Bytes.
const TEXT_MAX: u64 = 16 << 20;

/// The mounted root filesystem of an image.
#[derive(Debug)]
pub struct Tree {
    root: ConfinedDir,
}

impl Tree {
    /// The tree below this folder.
    ///
    /// # Errors
    /// It can't be opened.
    pub fn new(root: &Path) -> Result<Self, Error> {
        let error = |source| Error::Read { path: root.to_owned(), source };
        Ok(Self { root: ConfinedDir::new(root).map_err(error)? })
    }

    /// Opens a file; links are followed within the tree, and a pipe or device of the image is refused.
    ///
    /// # Errors
    /// As of the operating system.
    pub fn open(&self, path: &str) -> Result<File, Error> {
        self.root.open(path).map_err(|source| Error::Read { path: Path::new("/").join(path), source })
    }

    /// True when there is a file of that name.
    pub fn has(&self, path: &str) -> bool {
        self.root.has(path)
    }

    /// What a file is told by; links are followed within the tree.
    ///
    /// # Errors
    /// There is none of that name.
    pub fn identity(&self, path: &str) -> Result<Identity, Error> {
        self.root.identity(path).map_err(|source| Error::Read { path: Path::new("/").join(path), source })
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
        self.root.names(path).unwrap_or_default()
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
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
