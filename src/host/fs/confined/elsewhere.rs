//! Elsewhere no image is mounted: the folder is one that we filled, and a link that leads out of it is refused.

use std::fs::File;
use std::io;
use std::path::{Component, Path, PathBuf};

use super::Identity;
use crate::host::fs::path::canonical;

/// A folder that is a root of its own.
#[derive(Debug)]
pub struct Root(PathBuf);

impl Root {
    /// The root at this folder.
    ///
    /// # Errors
    /// It can't be opened.
    pub fn new(folder: &Path) -> io::Result<Self> {
        Ok(Self(canonical(folder)?))
    }

    /// Opens a file; what is none is refused.
    ///
    /// # Errors
    /// As of the operating system.
    pub fn open(&self, path: &str) -> io::Result<File> {
        let path = self.resolve(path)?;
        if path.is_file() { File::open(path) } else { Err(io::Error::other("not a plain file")) }
    }

    /// True when there is something of that name.
    pub fn has(&self, path: &str) -> bool {
        self.resolve(path).is_ok()
    }

    /// Refused: not every system has what a file is told by.
    ///
    /// # Errors
    /// [`io::ErrorKind::Unsupported`].
    pub fn identity(&self, _path: &str) -> io::Result<Identity> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Names in a folder, sorted.
    ///
    /// # Errors
    /// There is no such folder.
    pub fn names(&self, path: &str) -> io::Result<Vec<String>> {
        let name =
            |entry: io::Result<std::fs::DirEntry>| Ok(entry?.file_name().to_string_lossy().into_owned());
        let mut names: Vec<String> =
            std::fs::read_dir(self.resolve(path)?)?.map(name).collect::<io::Result<_>>()?;
        names.sort();
        Ok(names)
    }

    fn resolve(&self, path: &str) -> io::Result<PathBuf> {
        let path = Path::new(path.trim_start_matches('/'));
        let plain = path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        let file = if plain { canonical(&self.0.join(path))? } else { PathBuf::new() };
        if file.starts_with(&self.0) { Ok(file) } else { Err(io::ErrorKind::PermissionDenied.into()) }
    }
}
