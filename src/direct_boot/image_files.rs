//! The files of an image. Links are resolved with the image as the root, so that none leads out of
//! it.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::error::{Error, ImageContext};
use crate::host::fs::confined::ConfinedDir;

pub use crate::host::fs::confined::Identity;

/// Limit for text files. No file that we read is this large. Bytes.
const TEXT_MAX: u64 = 16 << 20;

/// The mounted root filesystem of an image. It follows links within the image.
#[derive(Debug)]
pub struct ImageFiles {
    root: ConfinedDir,
}

impl ImageFiles {
    pub fn new(root: &Path) -> Result<Self, Error> {
        Ok(Self {
            root: ConfinedDir::new(root).in_image(root)?,
        })
    }

    /// Opens a file.
    ///
    /// # Errors
    /// It can't be opened, or is a folder, a pipe or a device.
    pub fn open(&self, path: &str) -> Result<File, Error> {
        self.root.open(path).in_image(path)
    }

    pub fn has(&self, path: &str) -> bool {
        self.root.has(path)
    }

    /// Returns the values by which a file is recognized without reading it.
    pub fn identity(&self, path: &str) -> Result<Identity, Error> {
        self.root.identity(path).in_image(path)
    }

    /// Returns a text file's content, or `None` when it doesn't exist.
    ///
    /// # Errors
    /// The file exists and can't be read.
    pub fn text(&self, path: &str) -> Result<Option<String>, Error> {
        let file = match self.open(path) {
            Ok(file) => file,
            Err(Error::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                return Ok(None);
            }
            Err(e) => return Err(e),
        };
        let mut bytes = Vec::new();
        file.take(TEXT_MAX).read_to_end(&mut bytes).in_image(path)?;
        Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// Returns the sorted names in a folder; none when the folder doesn't exist.
    pub fn names(&self, path: &str) -> Vec<String> {
        self.root.names(path).unwrap_or_default()
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;

    #[test]
    fn links_do_not_lead_out_of_the_image() {
        let dir = tempfile::tempdir().unwrap();
        let outside = dir.path().join("secret");
        std::fs::write(&outside, "outside").unwrap();
        let root = dir.path().join("root");
        std::fs::create_dir_all(root.join("usr/lib")).unwrap();
        std::fs::write(root.join("secret"), "inside").unwrap();
        std::os::unix::fs::symlink("../../../../../secret", root.join("usr/lib/a")).unwrap();
        std::os::unix::fs::symlink(&outside, root.join("usr/lib/b")).unwrap();
        std::os::unix::fs::symlink("/secret", root.join("usr/lib/c")).unwrap();
        let image = ImageFiles::new(&root).unwrap();
        assert_eq!(image.text("usr/lib/a").unwrap().as_deref(), Some("inside"));
        assert_eq!(image.text("usr/lib/b").unwrap(), None);
        assert_eq!(image.text("/usr/lib/c").unwrap().as_deref(), Some("inside"));
        assert_eq!(image.names("usr/lib"), ["a", "b", "c"]);
        assert!(image.open("usr/lib").is_err(), "a folder is not a file");
        assert!(image.names("nowhere").is_empty());
    }
}
