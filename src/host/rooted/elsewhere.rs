//! Elsewhere nothing follows links within a root, and no image is mounted either.

use std::convert::Infallible;
use std::fs::File;
use std::io;
use std::path::Path;

use super::Identity;

/// There is none.
#[derive(Debug)]
pub struct Root(Infallible);

impl Root {
    /// Refused.
    ///
    /// # Errors
    /// [`io::ErrorKind::Unsupported`].
    pub fn new(_folder: &Path) -> io::Result<Self> {
        Err(io::Error::new(io::ErrorKind::Unsupported, "an image's files can be read on Linux only"))
    }

    /// Never called.
    ///
    /// # Errors
    /// None.
    pub fn open(&self, _path: &str) -> io::Result<File> {
        match self.0 {}
    }

    /// Never called.
    pub fn has(&self, _path: &str) -> bool {
        match self.0 {}
    }

    /// Never called.
    ///
    /// # Errors
    /// None.
    pub fn identity(&self, _path: &str) -> io::Result<Identity> {
        match self.0 {}
    }

    /// Never called.
    ///
    /// # Errors
    /// None.
    pub fn names(&self, _path: &str) -> io::Result<Vec<String>> {
        match self.0 {}
    }
}
