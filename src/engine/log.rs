//! A log that is bounded, and knows what was written when.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::host::fs::file;

/// A log begins anew (one old one is kept) when it has grown to this. Bytes.
const MOST: u64 = 16 << 20;
/// Times are noted no more often than this.
const NOTE_TIME: Duration = Duration::from_millis(500);

/// A log that is written. Beside it, in a file of its own, each line says from which byte on what was written
/// at which time or later; at the begin of a boot the line ends with `boot`.
#[derive(Debug)]
pub struct Log {
    file: File,
    times: File,
    path: PathBuf,
    size: u64,
    noted: Option<Instant>,
}

/// Where to begin reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum From {
    /// What there is in the newest file.
    Start,
    /// The last boot.
    LastBoot,
    /// What was written then, or later.
    Time(Timestamp),
}

impl Log {
    /// Opens the log for a new boot; what it has is kept.
    ///
    /// # Errors
    /// As of the operating system.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = append(path)?;
        let size = file.metadata()?.len();
        let mut log = Self { file, times: append(&times(path))?, path: path.to_owned(), size, noted: None };
        log.note(" boot")?;
        Ok(log)
    }

    /// Writes; what can't be written is lost.
    pub fn write(&mut self, bytes: &[u8]) {
        if let Err(error) = self.try_write(bytes) {
            tracing::warn!(path = %self.path.display(), %error, "a log can't be written");
        }
    }

    fn try_write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.size > MOST {
            std::fs::rename(&self.path, old(&self.path))?;
            std::fs::rename(times(&self.path), times(&old(&self.path)))?;
            self.file = append(&self.path)?;
            self.times = append(&times(&self.path))?;
            (self.size, self.noted) = (0, None);
        }
        if self.noted.is_none_or(|noted| noted.elapsed() >= NOTE_TIME) {
            self.note("")?;
        }
        self.size += bytes.len() as u64;
        self.file.write_all(bytes)
    }

    fn note(&mut self, what: &str) -> io::Result<()> {
        self.noted = Some(Instant::now());
        self.times
            .write_all(format!("{} {}{what}\n", self.size, Timestamp::now().as_millisecond()).as_bytes())
    }
}

/// A log that is read while it grows.
#[derive(Debug)]
pub struct Reader {
    file: File,
    path: PathBuf,
}

impl Reader {
    /// Begins at this place; none when there is no such file.
    ///
    /// # Errors
    /// As of the operating system.
    pub fn open(path: &Path, place: u64) -> io::Result<Option<Self>> {
        let mut file = match File::open(path) {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(e),
        };
        file.seek(SeekFrom::Start(place))?;
        Ok(Some(Self { file, path: path.to_owned() }))
    }

    /// What is new, also when the log began anew meanwhile.
    ///
    /// # Errors
    /// As of the operating system.
    pub fn read_new(&mut self) -> io::Result<Vec<u8>> {
        // Looked at before the read: a file that has lost its name doesn't grow any more.
        let next = self.next_file()?;
        let mut bytes = Vec::new();
        self.file.read_to_end(&mut bytes)?;
        if let Some(next) = next {
            self.file = next;
            self.file.read_to_end(&mut bytes)?;
        }
        Ok(bytes)
    }

    /// The file that the path names now, if it is another one.
    fn next_file(&self) -> io::Result<Option<File>> {
        let named = match File::open(&self.path) {
            Ok(file) => file,
            // Between the old one and the new one; or the VM is gone.
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(e),
        };
        let handle = |file: &File| same_file::Handle::from_file(file.try_clone()?);
        Ok((handle(&named)? != handle(&self.file)?).then_some(named))
    }
}

/// The files of the log that have what is asked for, in the order of reading, with the place in each to begin at.
/// The last one is that which grows.
pub fn pieces(path: &Path, from: From) -> Vec<(PathBuf, u64)> {
    let newest = |place| (path.to_owned(), place);
    let now = || place(path, from);
    let before = || place(&old(path), from);
    match from {
        From::Start => vec![newest(0)],
        From::LastBoot => match (now(), before()) {
            (Some(place), _) => vec![newest(place)],
            (None, Some(place)) => vec![(old(path), place), newest(0)],
            (None, None) => vec![newest(0)],
        },
        From::Time(_) => match (before(), now()) {
            (Some(place), _) => vec![(old(path), place), newest(0)],
            (None, Some(place)) => vec![newest(place)],
            // Nothing was written since, but that may come.
            (None, None) => vec![newest(path.metadata().map_or(0, |metadata| metadata.len()))],
        },
    }
}

/// The place in the log of this path from which on it has what is asked for.
fn place(path: &Path, from: From) -> Option<u64> {
    // A log from before there were notes has none.
    let text = std::fs::read_to_string(times(path)).unwrap_or_default();
    let mark = |line: &str| -> Option<(u64, i64, bool)> {
        let mut words = line.split(' ');
        let (place, time) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        Some((place, time, words.next() == Some("boot")))
    };
    let mut marks = text.lines().filter_map(mark);
    match from {
        From::Start => Some(0),
        From::LastBoot => marks.rfind(|mark| mark.2).map(|mark| mark.0),
        From::Time(since) => marks.find(|mark| mark.1 >= since.as_millisecond()).map(|mark| mark.0),
    }
}

/// The older file of a log.
fn old(path: &Path) -> PathBuf {
    path.with_extension("log.1")
}

/// The file of times that belongs to a log's file.
fn times(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".times");
    name.into()
}

fn append(path: &Path) -> io::Result<File> {
    if !path.exists() {
        file::create_private(path)?;
    }
    OpenOptions::new().append(true).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(path: &Path, from: From) -> String {
        let piece = |(path, place): (PathBuf, u64)| {
            let bytes = std::fs::read(path).unwrap_or_default();
            String::from_utf8(bytes[place as usize..].to_vec()).unwrap()
        };
        pieces(path, from).into_iter().map(piece).collect()
    }

    #[test]
    fn a_boot_and_a_time_are_found() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("console.log");
        assert_eq!(text(&path, From::LastBoot), "");
        std::fs::write(&path, "ancient\n").unwrap();
        let mut log = Log::open(&path).unwrap();
        log.write(b"one\n");
        drop(log);
        std::thread::sleep(Duration::from_millis(20));
        let later = Timestamp::now();
        let mut log = Log::open(&path).unwrap();
        log.write(b"two\n");
        log.write(b"three\n");
        assert_eq!(text(&path, From::Start), "ancient\none\ntwo\nthree\n");
        assert_eq!(text(&path, From::LastBoot), "two\nthree\n");
        assert_eq!(text(&path, From::Time(later)), "two\nthree\n");
        assert_eq!(text(&path, From::Time(Timestamp::UNIX_EPOCH)), "one\ntwo\nthree\n");
        assert_eq!(text(&path, From::Time(Timestamp::MAX)), "");
    }

    #[test]
    fn who_follows_a_log_follows_it_into_the_next_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("console.log");
        assert!(Reader::open(&path, 0).unwrap().is_none());
        let mut log = Log::open(&path).unwrap();
        log.write(b"skipped\none\n");
        let mut reader = Reader::open(&path, 8).unwrap().unwrap();
        assert_eq!(reader.read_new().unwrap(), b"one\n");
        assert_eq!(reader.read_new().unwrap(), b"");
        let much = vec![b'x'; MOST as usize];
        log.write(&much);
        log.write(b"two\n");
        let new = reader.read_new().unwrap();
        assert!(new[..much.len()] == much && &new[much.len()..] == b"two\n");
        log.write(b"three\n");
        assert_eq!(reader.read_new().unwrap(), b"three\n");
        std::fs::remove_dir_all(dir.path()).unwrap();
        assert_eq!(reader.read_new().unwrap(), b"");
    }

    #[test]
    fn a_log_that_began_anew_is_read_with_the_old_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("console.log");
        let mut log = Log::open(&path).unwrap();
        log.write(b"begin\n");
        log.write(&vec![b'x'; MOST as usize]);
        log.write(b"end\n");
        assert_eq!(text(&path, From::Start), "end\n");
        let boot = text(&path, From::LastBoot);
        assert!(boot.starts_with("begin\nxxx") && boot.ends_with("xend\n"));
        assert_eq!(text(&path, From::Time(Timestamp::UNIX_EPOCH)), boot);
        let mut log = Log::open(&path).unwrap();
        log.write(b"next\n");
        assert_eq!(text(&path, From::LastBoot), "next\n");
    }
}
