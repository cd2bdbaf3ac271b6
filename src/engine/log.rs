//! A bounded log that records when its bytes were written.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::host::fs::file;

/// A larger log becomes the older file, and a new one begins. Bytes.
const SIZE_MAX: u64 = 16 << 20;
/// The shortest time between two marks.
const MARK_INTERVAL: Duration = Duration::from_millis(500);

/// A log to write to. A second file beside it has one mark a line: an offset in bytes, and the time
/// in milliseconds at which the bytes from there on were written, or later. The mark of a boot ends
/// with `boot`.
#[derive(Debug)]
pub struct Log {
    file: File,
    marks: File,
    path: PathBuf,
    size: u64,
    marked: Option<Instant>,
}

/// Where to begin to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadFrom {
    /// The begin of the newest file.
    Start,
    /// The last boot.
    LastBoot,
    /// The first bytes that were written at this time or later.
    Time(Timestamp),
}

impl Log {
    /// Opens the log for a new boot and keeps its content.
    ///
    /// # Errors
    /// A file can't be created or written.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = append(path)?;
        let size = file.metadata()?.len();
        let mut log = Self {
            file,
            marks: append(&marks_of(path))?,
            path: path.to_owned(),
            size,
            marked: None,
        };
        log.mark(" boot")?;
        Ok(log)
    }

    /// Writes the bytes. Without space they are lost.
    pub fn write(&mut self, bytes: &[u8]) {
        if let Err(error) = self.try_write(bytes) {
            tracing::warn!(path = %self.path.display(), %error, "can't write to a log");
        }
    }

    fn try_write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.size > SIZE_MAX {
            let older = older(&self.path);
            std::fs::rename(&self.path, &older)?;
            std::fs::rename(marks_of(&self.path), marks_of(&older))?;
            self.file = append(&self.path)?;
            self.marks = append(&marks_of(&self.path))?;
            (self.size, self.marked) = (0, None);
        }
        if self
            .marked
            .is_none_or(|marked| marked.elapsed() >= MARK_INTERVAL)
        {
            self.mark("")?;
        }
        self.size += bytes.len() as u64;
        self.file.write_all(bytes)
    }

    fn mark(&mut self, suffix: &str) -> io::Result<()> {
        self.marked = Some(Instant::now());
        let time = Timestamp::now().as_millisecond();
        self.marks
            .write_all(format!("{} {time}{suffix}\n", self.size).as_bytes())
    }
}

/// A reader of a log that grows.
#[derive(Debug)]
pub struct Reader {
    file: File,
    path: PathBuf,
}

impl Reader {
    /// Opens the file at this offset. Returns None if it doesn't exist.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn open(path: &Path, offset: u64) -> io::Result<Option<Self>> {
        let Some(mut file) = open_existing(path)? else {
            return Ok(None);
        };
        file.seek(SeekFrom::Start(offset))?;
        Ok(Some(Self {
            file,
            path: path.to_owned(),
        }))
    }

    /// Reads the new bytes, in the next file too if the log began a new one.
    ///
    /// # Errors
    /// A file can't be read.
    pub fn read_new(&mut self) -> io::Result<Vec<u8>> {
        // Before the read: a file that has lost its name doesn't grow any more.
        let next = self.next_file()?;
        let mut bytes = Vec::new();
        self.file.read_to_end(&mut bytes)?;
        if let Some(next) = next {
            self.file = next;
            self.file.read_to_end(&mut bytes)?;
        }
        Ok(bytes)
    }

    /// Returns the file that has the name now, if it is another one.
    fn next_file(&self) -> io::Result<Option<File>> {
        // The name is free for a moment between two files, and after the VM's removal.
        let Some(named) = open_existing(&self.path)? else {
            return Ok(None);
        };
        let handle = |file: &File| same_file::Handle::from_file(file.try_clone()?);
        Ok((handle(&named)? != handle(&self.file)?).then_some(named))
    }
}

/// Returns the log's files to read, in order, each with the offset to begin at. The last one is the
/// file that grows.
pub fn pieces(path: &Path, from: ReadFrom) -> Vec<(PathBuf, u64)> {
    let older = older(path);
    let newest = |offset| (path.to_owned(), offset);
    let both = |offset| vec![(older.clone(), offset), newest(0)];
    match (from, find(&older, from), find(path, from)) {
        (ReadFrom::Start, ..) => vec![newest(0)],
        (ReadFrom::LastBoot, _, Some(offset)) => vec![newest(offset)],
        (ReadFrom::LastBoot | ReadFrom::Time(_), Some(offset), _) => both(offset),
        (ReadFrom::LastBoot, None, None) => vec![newest(0)],
        (ReadFrom::Time(_), None, Some(offset)) => vec![newest(offset)],
        // Only bytes that come later match.
        (ReadFrom::Time(_), None, None) => {
            vec![newest(path.metadata().map_or(0, |metadata| metadata.len()))]
        }
    }
}

/// Returns the offset in this file at which to begin.
fn find(path: &Path, from: ReadFrom) -> Option<u64> {
    // Logs of old versions have no marks.
    let text = std::fs::read_to_string(marks_of(path)).unwrap_or_default();
    let mark = |line: &str| -> Option<(u64, i64, bool)> {
        let mut words = line.split(' ');
        let (offset, time) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        Some((offset, time, words.next() == Some("boot")))
    };
    let mut marks = text.lines().filter_map(mark);
    let mark = match from {
        ReadFrom::Start => None,
        ReadFrom::LastBoot => marks.rfind(|(.., is_boot)| *is_boot),
        ReadFrom::Time(since) => marks.find(|(_, time, _)| *time >= since.as_millisecond()),
    };
    mark.map(|(offset, ..)| offset)
}

fn older(path: &Path) -> PathBuf {
    path.with_extension("log.1")
}

fn marks_of(path: &Path) -> PathBuf {
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

fn open_existing(path: &Path) -> io::Result<Option<File>> {
    match File::open(path) {
        Ok(file) => Ok(Some(file)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(path: &Path, from: ReadFrom) -> String {
        let piece = |(path, offset): (PathBuf, u64)| {
            let bytes = std::fs::read(path).unwrap_or_default();
            String::from_utf8(bytes[offset as usize..].to_vec()).unwrap()
        };
        pieces(path, from).into_iter().map(piece).collect()
    }

    #[test]
    fn a_reader_can_begin_at_a_boot_or_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("console.log");
        assert_eq!(text(&path, ReadFrom::LastBoot), "");
        std::fs::write(&path, "ancient\n").unwrap();
        let mut log = Log::open(&path).unwrap();
        log.write(b"one\n");
        drop(log);
        std::thread::sleep(Duration::from_millis(20));
        let later = Timestamp::now();
        let mut log = Log::open(&path).unwrap();
        log.write(b"two\n");
        log.write(b"three\n");
        assert_eq!(text(&path, ReadFrom::Start), "ancient\none\ntwo\nthree\n");
        assert_eq!(text(&path, ReadFrom::LastBoot), "two\nthree\n");
        assert_eq!(text(&path, ReadFrom::Time(later)), "two\nthree\n");
        assert_eq!(
            text(&path, ReadFrom::Time(Timestamp::UNIX_EPOCH)),
            "one\ntwo\nthree\n"
        );
        assert_eq!(text(&path, ReadFrom::Time(Timestamp::MAX)), "");
    }

    #[test]
    fn a_reader_continues_in_the_next_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("console.log");
        assert!(Reader::open(&path, 0).unwrap().is_none());
        let mut log = Log::open(&path).unwrap();
        log.write(b"skipped\none\n");
        let mut reader = Reader::open(&path, 8).unwrap().unwrap();
        assert_eq!(reader.read_new().unwrap(), b"one\n");
        assert_eq!(reader.read_new().unwrap(), b"");
        let much = vec![b'x'; SIZE_MAX as usize];
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
    fn the_older_file_of_a_log_is_read_too() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("console.log");
        let mut log = Log::open(&path).unwrap();
        log.write(b"begin\n");
        log.write(&vec![b'x'; SIZE_MAX as usize]);
        log.write(b"end\n");
        assert_eq!(text(&path, ReadFrom::Start), "end\n");
        let boot = text(&path, ReadFrom::LastBoot);
        assert!(boot.starts_with("begin\nxxx") && boot.ends_with("xend\n"));
        assert_eq!(text(&path, ReadFrom::Time(Timestamp::UNIX_EPOCH)), boot);
        let mut log = Log::open(&path).unwrap();
        log.write(b"next\n");
        assert_eq!(text(&path, ReadFrom::LastBoot), "next\n");
    }
}
