//! Copies of files that are in memory only. Linux has them.

#[cfg(target_os = "linux")]
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// A copy of a file that is in memory only, and that other processes of this user can open by its
/// path. It ends with this value and with the last process that has it open.
#[derive(Debug)]
#[cfg(target_os = "linux")]
pub struct MemoryCopy(File);

#[derive(Debug)]
#[cfg(not(target_os = "linux"))]
pub enum MemoryCopy {}

#[cfg(target_os = "linux")]
impl MemoryCopy {
    /// Copies a file. Its holes take no memory.
    ///
    /// # Errors
    /// The file can't be read, or the memory doesn't suffice.
    pub fn of(path: &Path) -> io::Result<Self> {
        use std::io::{Read as _, Seek as _};

        use rustix::fs::{MemfdFlags, SeekFrom, memfd_create, seek};
        use rustix::io::Errno;
        let mut from = File::open(path)?;
        let mut to = File::from(memfd_create("podman-bootc", MemfdFlags::CLOEXEC)?);
        to.set_len(from.metadata()?.len())?;
        let mut end = 0;
        loop {
            let start = match seek(&from, SeekFrom::Data(end)) {
                Err(Errno::NXIO) => return Ok(Self(to)),
                start => start?,
            };
            end = seek(&from, SeekFrom::Hole(start))?;
            for file in [&mut from, &mut to] {
                file.seek(io::SeekFrom::Start(start))?;
            }
            io::copy(&mut from.by_ref().take(end - start), &mut to)?;
        }
    }

    pub fn path(&self) -> PathBuf {
        use std::os::fd::AsRawFd as _;
        format!("/proc/{}/fd/{}", std::process::id(), self.0.as_raw_fd()).into()
    }
}

#[cfg(not(target_os = "linux"))]
impl MemoryCopy {
    pub fn of(_path: &Path) -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub fn path(&self) -> PathBuf {
        match *self {}
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::io::{Seek as _, SeekFrom, Write as _};

    use super::*;

    #[test]
    fn a_copy_in_memory_has_the_files_holes() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"begin").unwrap();
        file.seek(SeekFrom::Start(5 << 20)).unwrap();
        file.write_all(b"middle").unwrap();
        file.as_file().set_len(9 << 20).unwrap();
        let copy = MemoryCopy::of(file.path()).unwrap();
        let wanted = std::fs::read(file.path()).unwrap();
        assert!(std::fs::read(copy.path()).unwrap() == wanted);
        std::os::unix::fs::FileExt::write_all_at(&copy.0, b"own", 0).unwrap();
        assert!(std::fs::read(file.path()).unwrap() == wanted);
        let blocks = std::os::unix::fs::MetadataExt::blocks(&copy.0.metadata().unwrap());
        assert!(blocks * 512 < 2 << 20, "{blocks} blocks");
    }
}
