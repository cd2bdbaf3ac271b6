//! Linux: openat2(2) resolves each path inside the folder.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{Dir, Mode, OFlags, ResolveFlags};

use super::Identity;

/// A folder whose files are opened as if it were the root folder.
#[derive(Debug)]
pub struct ConfinedDir(OwnedFd);

impl ConfinedDir {
    pub fn new(folder: &Path) -> io::Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self(rustix::fs::open(folder, flags, Mode::empty())?))
    }

    /// Opens a plain file for reading. Everything else is an error.
    pub fn open(&self, path: &str) -> io::Result<File> {
        // Opening a pipe would block without O_NONBLOCK.
        let file = File::from(self.open_at(path, OFlags::RDONLY | OFlags::NONBLOCK)?);
        if file.metadata()?.is_file() {
            Ok(file)
        } else {
            Err(io::Error::other("not a plain file"))
        }
    }

    pub fn has(&self, path: &str) -> bool {
        self.open_at(path, OFlags::PATH).is_ok()
    }

    pub fn identity(&self, path: &str) -> io::Result<Identity> {
        let stat = rustix::fs::fstat(self.open_at(path, OFlags::PATH)?)?;
        #[allow(
            clippy::unnecessary_cast,
            reason = "the types differ between processors"
        )]
        Ok(Identity {
            inode: stat.st_ino as u64,
            size: stat.st_size as i64,
            changed: (stat.st_ctime as i64, stat.st_ctime_nsec as u64),
        })
    }

    /// Returns the names in a folder, sorted.
    pub fn names(&self, path: &str) -> io::Result<Vec<String>> {
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
    }

    fn open_at(&self, path: &str, flags: OFlags) -> io::Result<OwnedFd> {
        let flags = flags | OFlags::CLOEXEC;
        let path = path.trim_start_matches('/');
        Ok(rustix::fs::openat2(
            &self.0,
            path,
            flags,
            Mode::empty(),
            ResolveFlags::IN_ROOT,
        )?)
    }
}
