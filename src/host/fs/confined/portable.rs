//! Systems without openat2(2). They mount no image: this tool filled the folder itself, and a link
//! that leads out of it is an error.

use std::fs::File;
use std::io;
use std::path::{Component, Path, PathBuf};

use super::Identity;
use crate::host::fs::path::canonical;

#[derive(Debug)]
pub struct ConfinedDir(PathBuf);

impl ConfinedDir {
    pub fn new(folder: &Path) -> io::Result<Self> {
        Ok(Self(canonical(folder)?))
    }

    pub fn open(&self, path: &str) -> io::Result<File> {
        let path = self.resolve(path)?;
        if path.is_file() {
            File::open(path)
        } else {
            Err(io::Error::other("not a plain file"))
        }
    }

    pub fn has(&self, path: &str) -> bool {
        self.resolve(path).is_ok()
    }

    /// Not every system has an inode number and a time of change.
    pub fn identity(&self, _path: &str) -> io::Result<Identity> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub fn names(&self, path: &str) -> io::Result<Vec<String>> {
        let name = |entry: io::Result<std::fs::DirEntry>| {
            Ok(entry?.file_name().to_string_lossy().into_owned())
        };
        let mut names: Vec<String> = std::fs::read_dir(self.resolve(path)?)?
            .map(name)
            .collect::<io::Result<_>>()?;
        names.sort();
        Ok(names)
    }

    fn resolve(&self, path: &str) -> io::Result<PathBuf> {
        let path = Path::new(path.trim_start_matches('/'));
        let plain = path
            .components()
            .all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        let file = if plain {
            canonical(&self.0.join(path))?
        } else {
            PathBuf::new()
        };
        if file.starts_with(&self.0) {
            Ok(file)
        } else {
            Err(io::ErrorKind::PermissionDenied.into())
        }
    }
}
