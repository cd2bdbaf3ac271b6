//! Files that are either whole or not there.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::lock::Lock;
use crate::host::{fault, os};

/// Longer state files are not ours; nothing that we write comes near it. Bytes.
const STATE_FILE_MAX: u64 = 4 << 20;

/// A file of the tool's state can't be read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file can't be read.
    #[error("can't read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The file can't be written.
    #[error("can't write {path}")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The file is not what this program writes.
    #[error("{path} is damaged ({source}); move it away to go on without it")]
    Parse {
        /// The file.
        path: PathBuf,
        /// What is wrong in it.
        source: serde_json::Error,
    },
    /// The file was written by another version of this program.
    #[error("{path} has format version {found}, this program knows version {known}")]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u64,
        /// Ours.
        known: u32,
    },
    /// The file is far too large.
    #[error("{path} is too large to be a state file")]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
}

impl Error {
    /// True when the file is simply not there.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Read { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }
}

/// Reads a JSON file whose object has a `version` member equal to `version`.
///
/// # Errors
/// Each names the file: unreadable, too large, not JSON of this shape, of another version.
pub fn read_json<T: DeserializeOwned>(path: &Path, version: u32) -> Result<T, Error> {
    let read = |source| Error::Read { path: path.to_owned(), source };
    let parse = |source| Error::Parse { path: path.to_owned(), source };
    let mut text = String::new();
    let file = File::open(path).map_err(read)?;
    file.take(STATE_FILE_MAX + 1).read_to_string(&mut text).map_err(read)?;
    if text.len() as u64 > STATE_FILE_MAX {
        return Err(Error::TooLarge { path: path.to_owned() });
    }
    let value: serde_json::Value = serde_json::from_str(&text).map_err(parse)?;
    match value.get("version").and_then(serde_json::Value::as_u64) {
        Some(found) if found != u64::from(version) => {
            Err(Error::Version { path: path.to_owned(), found, known: version })
        }
        _ => serde_json::from_value(value).map_err(parse),
    }
}

/// Writes a JSON file in one step: after a crash it holds the old value or the new one. Mode 0600.
///
/// # Errors
/// The file's folder can't be written to, or is full.
pub fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<(), Error> {
    let write = |source| Error::Write { path: path.to_owned(), source };
    let mut text = serde_json::to_vec_pretty(value).map_err(|e| write(e.into()))?;
    text.push(b'\n');
    write_atomic(path, &text).map_err(write)
}

/// Writes a file in one step: after a crash it holds the old bytes or the new ones. Mode 0600.
///
/// # Errors
/// The file's folder can't be written to, or is full.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(".new-").tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    fault::point("json-written");
    file.persist(path).map_err(|e| e.error)?;
    sync_dir(folder)
}

/// Creates or truncates a file that only this user may read.
///
/// # Errors
/// As of the operating system.
pub fn create_private(path: &Path) -> io::Result<File> {
    os::create_private_file(path)
}

/// Makes a folder, and those above it, that only this user may enter.
///
/// # Errors
/// As of the operating system.
pub fn create_private_dir(path: &Path) -> io::Result<()> {
    os::create_private_dir(path)
}

/// Takes the write permission of a finished file from everyone.
///
/// # Errors
/// As of the operating system.
pub fn make_read_only(path: &Path) -> io::Result<()> {
    os::make_read_only(path)
}

/// Makes a link to a folder.
///
/// # Errors
/// As of the operating system.
pub fn link_folder(to: &Path, link: &Path) -> io::Result<()> {
    os::link_folder(to, link)
}

/// Lets only this user read and write a file.
///
/// # Errors
/// As of the operating system.
pub fn make_private(path: &Path) -> io::Result<()> {
    os::make_private(path)
}

/// Makes a sparse file of `size` bytes.
///
/// # Errors
/// As of the operating system.
pub fn create_sparse(path: &Path, size: u64) -> io::Result<()> {
    os::create_sparse(path, size)
}

/// Copies all that comes out of `from` into an empty file; blocks of zeros become holes. Returns the bytes.
///
/// # Errors
/// As of the operating system.
pub fn copy_sparse(from: &mut impl Read, to: &mut File) -> io::Result<u64> {
    use std::io::{Seek, SeekFrom};
    const BLOCK: usize = 64 << 10;
    static ZEROS: [u8; BLOCK] = [0; BLOCK];
    let mut block = Vec::new();
    let mut total = 0;
    loop {
        block.clear();
        let count = from.by_ref().take(BLOCK as u64).read_to_end(&mut block)?;
        if count == 0 {
            to.set_len(total)?;
            return Ok(total);
        }
        total += count as u64;
        if block[..] == ZEROS[..count] {
            to.seek(SeekFrom::Start(total))?;
        } else {
            to.write_all(&block)?;
        }
    }
}

/// Renames a file to a name that nothing has.
///
/// # Errors
/// [`io::ErrorKind::AlreadyExists`] when something has it; else as of the operating system.
pub fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    let path = tempfile::TempPath::try_from_path(from)?;
    path.persist_noclobber(to).map_err(|error| {
        // Who called decides what becomes of it.
        let _ = error.path.keep();
        error.error
    })
}

/// Makes sure that a finished file's bytes survive a crash.
///
/// # Errors
/// As of the operating system.
pub fn sync(path: &Path) -> io::Result<()> {
    // Windows syncs only what may be written to.
    File::options().write(true).open(path)?.sync_all()
}

/// Makes sure that a crash doesn't undo what was renamed in this folder.
///
/// # Errors
/// As of the operating system.
pub fn sync_dir(path: &Path) -> io::Result<()> {
    os::sync_dir(path)
}

/// Bytes that a folder's files really take on their filesystem; what can't be read counts nothing.
pub fn folder_size(path: &Path) -> u64 {
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => folder_size(&entry.path()),
            Ok(metadata) => os::allocated_size(&entry.path(), &metadata),
            Err(_) => 0,
        })
        .sum()
}

/// Removes a folder with all that is in it; one that is not there is fine.
///
/// # Errors
/// As of the operating system.
pub fn remove_dir(path: &Path) -> io::Result<()> {
    match os::remove_dir_all(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Removes a folder with all that is in it, the files of these locks of ours included, and lets go of them.
///
/// # Errors
/// As of the operating system.
pub fn remove_locked_dir(path: &Path, locks: impl IntoIterator<Item = Lock>) -> io::Result<()> {
    let mut locks: Vec<Lock> = locks.into_iter().collect();
    if !os::CAN_DELETE_OPEN_FILES {
        locks.clear();
    }
    remove_dir(path)
}

/// Renames a folder that the file of this lock of ours is in. The lock comes back where it can be held meanwhile;
/// elsewhere whoever takes it in between keeps the folder where it is, which is an error.
///
/// # Errors
/// As of the operating system.
pub fn rename_locked_dir<L>(from: &Path, to: &Path, lock: L) -> io::Result<Option<L>> {
    let lock = os::CAN_DELETE_OPEN_FILES.then_some(lock);
    std::fs::rename(from, to).map(|()| lock)
}

/// The last `count` lines of a text file, with control characters taken out; empty when it can't be read.
pub fn last_lines(path: &Path, count: usize) -> Vec<String> {
    last_lines_since(path, 0, count)
}

/// As [`last_lines`], but none of before this byte.
pub fn last_lines_since(path: &Path, place: u64, count: usize) -> Vec<String> {
    use std::io::{Seek, SeekFrom};
    let tail = || -> io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(64 << 10).max(place)))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let text = String::from_utf8_lossy(&tail().unwrap_or_default()).into_owned();
    let lines: Vec<String> =
        text.lines().map(crate::text::plain).filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(count)..].to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Serialize, Deserialize, PartialEq)]
    struct Sample {
        version: u32,
        name: String,
    }

    #[test]
    fn json_comes_back_as_written() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.json");
        let sample = Sample { version: 3, name: "x".into() };
        write_json(&path, &sample).unwrap();
        assert_eq!(read_json::<Sample>(&path, 3).unwrap(), sample);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "no temporary file stays");
    }

    #[test]
    fn zeros_become_holes() {
        let mut bytes = vec![0; 10 << 20];
        bytes[5 << 20] = 7;
        bytes.extend([8, 0, 0]);
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("copy");
        let copied = copy_sparse(&mut &bytes[..], &mut create_private(&path).unwrap()).unwrap();
        assert_eq!(copied, bytes.len() as u64);
        assert!(std::fs::read(&path).unwrap() == bytes);
        #[cfg(target_os = "linux")]
        assert!(crate::host::allocated_size(&path) < 1 << 20);
    }

    #[test]
    fn a_folder_goes_although_someone_still_has_a_file_of_it_open() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("a");
        std::fs::create_dir(&folder).unwrap();
        let open = File::create(folder.join("b")).unwrap();
        let closing = std::thread::spawn(move || {
            std::thread::sleep(std::time::Duration::from_millis(200));
            drop(open);
        });
        remove_dir(&folder).unwrap();
        assert!(!folder.exists());
        closing.join().unwrap();
        remove_dir(&folder).unwrap();
    }

    #[test]
    fn a_bad_file_is_an_error_that_names_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.json");
        for (text, want) in [
            ("", "damaged"),
            (r#"{"version":3,"na"#, "damaged"),
            (r#"{"version":3,"name":7}"#, "damaged"),
            (r#"{"version":4,"name":"x"}"#, "format version 4"),
            ("[]", "damaged"),
        ] {
            std::fs::write(&path, text).unwrap();
            let error = read_json::<Sample>(&path, 3).unwrap_err().to_string();
            assert!(error.contains(want) && error.contains("a.json"), "{text}: {error}");
        }
        std::fs::write(&path, "x".repeat(5 << 20)).unwrap();
        assert!(read_json::<Sample>(&path, 3).unwrap_err().to_string().contains("too large"));
        std::fs::remove_file(&path).unwrap();
        assert!(read_json::<Sample>(&path, 3).unwrap_err().is_not_found());
    }
}
