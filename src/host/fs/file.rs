//! State files that are complete or missing, and what else the tool does with files and folders.

use std::fs::{DirEntry, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::lock::Lock;
pub use crate::host::os::{
    create_private_dir, create_private_file as create_private, create_sparse, fill_holes,
    is_private_dir, link_folder, make_folder_writable, make_private, make_read_only, next_data,
    sync_dir,
};
use crate::host::{fault, os};

/// Bytes. This tool's own state files are far smaller.
const STATE_FILE_MAX: u64 = 4 << 20;

/// A state file can't be read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("can't read {path}")]
    Read { path: PathBuf, source: io::Error },
    #[error("can't write {path}")]
    Write { path: PathBuf, source: io::Error },
    #[error("{path} is damaged ({source}); move it away to continue without it")]
    Parse {
        path: PathBuf,
        source: serde_json::Error,
    },
    /// Another version of this program wrote the file.
    #[error("{path} has format version {found}, but this program supports version {known}")]
    Version {
        path: PathBuf,
        found: u64,
        known: u32,
    },
    #[error("{path} is too large to be a state file")]
    TooLarge { path: PathBuf },
}

/// Adds the path to an I/O error.
pub trait IoContext<T> {
    fn reading(self, path: impl AsRef<Path>) -> Result<T, Error>;
    fn writing(self, path: impl AsRef<Path>) -> Result<T, Error>;
}

impl<T> IoContext<T> for io::Result<T> {
    fn reading(self, path: impl AsRef<Path>) -> Result<T, Error> {
        self.map_err(|source| Error::Read {
            path: path.as_ref().to_owned(),
            source,
        })
    }

    fn writing(self, path: impl AsRef<Path>) -> Result<T, Error> {
        self.map_err(|source| Error::Write {
            path: path.as_ref().to_owned(),
            source,
        })
    }
}

impl Error {
    /// Returns true if the file doesn't exist.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Read { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }
}

/// Reads a JSON file whose object has a `version` member equal to `version`. Each error names the
/// file.
pub fn read_json<T: DeserializeOwned>(path: &Path, version: u32) -> Result<T, Error> {
    let parse = |source| Error::Parse {
        path: path.to_owned(),
        source,
    };
    let mut text = String::new();
    let file = File::open(path).reading(path)?;
    file.take(STATE_FILE_MAX + 1)
        .read_to_string(&mut text)
        .reading(path)?;
    if text.len() as u64 > STATE_FILE_MAX {
        return Err(Error::TooLarge {
            path: path.to_owned(),
        });
    }
    let value: serde_json::Value = serde_json::from_str(&text).map_err(parse)?;
    match value.get("version").and_then(serde_json::Value::as_u64) {
        Some(found) if found != u64::from(version) => Err(Error::Version {
            path: path.to_owned(),
            found,
            known: version,
        }),
        _ => serde_json::from_value(value).map_err(parse),
    }
}

/// Writes a JSON file as [`write_atomic`] does.
pub fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<(), Error> {
    let mut text = serde_json::to_vec_pretty(value)
        .map_err(io::Error::from)
        .writing(path)?;
    text.push(b'\n');
    write_atomic(path, &text).writing(path)
}

/// Writes a file in one step, with mode 0600. After a crash it holds the old bytes or the new ones.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new()
        .prefix(".new-")
        .tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    fault::point("json-written");
    file.persist(path).map_err(|e| e.error)?;
    sync_dir(folder)
}

/// Copies `from` to its end into an empty file. Blocks of zeros become holes. Returns the number of
/// bytes.
pub fn copy_sparse(from: &mut impl Read, to: &mut File) -> io::Result<u64> {
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

/// Renames a file or folder, but never replaces another: that fails with [`io::ErrorKind::AlreadyExists`].
pub fn rename_no_replace(from: &Path, to: &Path) -> io::Result<()> {
    let path = tempfile::TempPath::try_from_path(from)?;
    path.persist_noclobber(to).map_err(|error| {
        // Dropped, the path would remove the file.
        let _ = error.path.keep();
        error.error
    })
}

/// Returns true if the file is a program by its rights.
pub fn is_executable(path: &Path) -> bool {
    path.metadata().is_ok_and(|file| os::is_executable(&file))
}

/// Makes sure that a file's bytes survive a crash.
pub fn sync(path: &Path) -> io::Result<()> {
    // Windows syncs only files that are open for writing.
    File::options().write(true).open(path)?.sync_all()
}

/// Returns true if both paths name one file, or files of the same content.
pub fn have_same_content(a: &Path, b: &Path) -> io::Result<bool> {
    if same_file::is_same_file(a, b)? {
        return Ok(true);
    }
    let (mut a, mut b) = (File::open(a)?, File::open(b)?);
    if a.metadata()?.len() != b.metadata()?.len() {
        return Ok(false);
    }
    let (mut ours, mut theirs) = (vec![0; 1 << 20], vec![0; 1 << 20]);
    loop {
        let length = a.read(&mut ours)?;
        if length == 0 {
            return Ok(true);
        }
        b.read_exact(&mut theirs[..length])?;
        if ours[..length] != theirs[..length] {
            return Ok(false);
        }
    }
}

/// Returns the entries of a folder. It leaves out a folder and entries that can't be read.
pub fn entries(path: &Path) -> impl Iterator<Item = DirEntry> + use<> {
    std::fs::read_dir(path).into_iter().flatten().flatten()
}

/// Returns the bytes that a folder's files occupy on their filesystem, without those that can't be
/// read.
pub fn folder_size(path: &Path) -> u64 {
    entries(path)
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => folder_size(&entry.path()),
            Ok(metadata) => os::allocated_size(&entry.path(), &metadata),
            Err(_) => 0,
        })
        .sum()
}

/// Removes a file, if it exists.
pub fn remove_if_exists(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// Removes a folder and everything in it, if it exists.
pub fn remove_dir(path: &Path) -> io::Result<()> {
    match os::remove_dir_all(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Removes a folder that contains the files of these locks, and releases the locks.
pub fn remove_locked_dir(path: &Path, locks: impl IntoIterator<Item = Lock>) -> io::Result<()> {
    let mut locks: Vec<Lock> = locks.into_iter().collect();
    if !os::CAN_DELETE_OPEN_FILES {
        locks.clear();
    }
    remove_dir(path)
}

/// Renames a folder that contains the file of this lock. Returns the lock if the system can rename
/// the folder of an open file. Otherwise the lock is released first, and a process that takes it
/// meanwhile makes the rename fail.
pub fn rename_locked_dir<L>(from: &Path, to: &Path, lock: L) -> io::Result<Option<L>> {
    let lock = os::CAN_DELETE_OPEN_FILES.then_some(lock);
    std::fs::rename(from, to).map(|()| lock)
}

/// As [`rename_locked_dir`], but never replaces another folder, like [`rename_no_replace`].
pub fn rename_locked_dir_no_replace<L>(from: &Path, to: &Path, lock: L) -> io::Result<Option<L>> {
    let lock = os::CAN_DELETE_OPEN_FILES.then_some(lock);
    rename_no_replace(from, to).map(|()| lock)
}

/// Returns the last `count` lines of a text file without blank ones and control characters, none if
/// it can't be read.
pub fn last_lines(path: &Path, count: usize) -> Vec<String> {
    last_lines_since(path, 0, count)
}

/// As [`last_lines`], from this byte on.
pub fn last_lines_since(path: &Path, offset: u64, count: usize) -> Vec<String> {
    let tail = || -> io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(64 << 10).max(offset)))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let text = String::from_utf8_lossy(&tail().unwrap_or_default()).into_owned();
    let lines: Vec<String> = text
        .lines()
        .map(crate::text::plain)
        .filter(|line| !line.trim().is_empty())
        .collect();
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
    fn json_is_read_as_it_was_written() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.json");
        let sample = Sample {
            version: 3,
            name: "x".into(),
        };
        write_json(&path, &sample).unwrap();
        assert_eq!(read_json::<Sample>(&path, 3).unwrap(), sample);
        assert_eq!(
            std::fs::read_dir(dir.path()).unwrap().count(),
            1,
            "no temporary file is left"
        );
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
    fn a_folder_is_removed_although_a_file_in_it_is_still_open() {
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
    fn the_error_for_a_bad_file_names_it() {
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
            assert!(
                error.contains(want) && error.contains("a.json"),
                "{text}: {error}"
            );
        }
        std::fs::write(&path, "x".repeat(5 << 20)).unwrap();
        assert!(
            read_json::<Sample>(&path, 3)
                .unwrap_err()
                .to_string()
                .contains("too large")
        );
        std::fs::remove_file(&path).unwrap();
        assert!(read_json::<Sample>(&path, 3).unwrap_err().is_not_found());
    }
}
