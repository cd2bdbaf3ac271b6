//! The one layer of an image: a tar archive that is written as a stream.

use std::fs::File;
use std::io::{self, Read as _, Write};
use std::path::{Path, PathBuf};

use super::qcow2::{Qcow2, write_padded};
use crate::host::fs::file::{self, IoContext as _};

/// The user and group that run virtual machines in a cluster: QEMU's in its containers.
const OWNER: u64 = 107;
/// Archives consist of such blocks. Bytes.
const BLOCK: u64 = 512;

/// A file of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The path in the image, without a slash at its beginning.
    pub path: String,
    pub content: Content,
}

/// The content of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// The bytes of a file.
    File(PathBuf),
    /// A raw disk image as qcow2.
    Qcow2(PathBuf),
}

/// A content whose length is known.
enum Source<'a> {
    File(&'a Path, File, u64),
    Qcow2(&'a Path, Qcow2),
}

impl Source<'_> {
    fn open(content: &Content) -> Result<Source<'_>, file::Error> {
        match content {
            Content::File(path) => {
                let file = File::open(path).reading(path)?;
                let length = file.metadata().reading(path)?.len();
                Ok(Source::File(path, file, length))
            }
            Content::Qcow2(path) => Ok(Source::Qcow2(path, Qcow2::of(path).reading(path)?)),
        }
    }

    fn length(&self) -> u64 {
        match self {
            Self::File(_, _, length) => *length,
            Self::Qcow2(_, disk) => disk.length(),
        }
    }
}

/// Writes the layer with these files. The same files give the same bytes. `progress` gets percents.
///
/// # Errors
/// A file can't be read, or `out`, the file at `place`, fails.
pub fn write(
    entries: &[Entry],
    out: &mut dyn Write,
    place: &Path,
    mut progress: impl FnMut(f64),
) -> Result<(), file::Error> {
    let mut sources = Vec::new();
    for entry in entries {
        sources.push((entry, Source::open(&entry.content)?));
    }
    let all: u64 = sources.iter().map(|(_, source)| source.length()).sum();
    let mut counted = Counted {
        out,
        written: 0,
        report: |written| progress(100.0 * written as f64 / all.max(1) as f64),
    };
    let mut folders: Vec<&Path> = vec![];
    for (entry, source) in &mut sources {
        let path = Path::new(&entry.path);
        let above: Vec<&Path> = path.ancestors().skip(1).collect();
        for folder in above.into_iter().rev() {
            if folder != Path::new("") && !folders.contains(&folder) {
                folders.push(folder);
                let name = format!("{}/", folder.display());
                header(&name, tar::EntryType::Directory, 0, &mut counted).writing(place)?;
            }
        }
        let length = source.length();
        header(&entry.path, tar::EntryType::Regular, length, &mut counted).writing(place)?;
        match source {
            Source::File(path, file, _) => {
                let copied = io::copy(&mut file.take(length), &mut counted).writing(place)?;
                if copied != length {
                    return Err(io::ErrorKind::UnexpectedEof.into()).reading(path);
                }
            }
            Source::Qcow2(path, disk) => disk.write(&mut counted).reading(path)?,
        }
        let rest = length.next_multiple_of(BLOCK) - length;
        io::copy(&mut io::repeat(0).take(rest), &mut counted).writing(place)?;
    }
    write_padded(&mut counted, &[0], 2 * BLOCK).writing(place)
}

fn header(path: &str, kind: tar::EntryType, length: u64, out: &mut dyn Write) -> io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_path(path)?;
    header.set_entry_type(kind);
    header.set_size(length);
    header.set_mode(if kind.is_dir() { 0o755 } else { 0o644 });
    header.set_uid(OWNER);
    header.set_gid(OWNER);
    header.set_mtime(0);
    header.set_cksum();
    out.write_all(header.as_bytes())
}

/// Reports the number of bytes that were written.
struct Counted<'a, F: FnMut(u64)> {
    out: &'a mut dyn Write,
    written: u64,
    report: F,
}

impl<F: FnMut(u64)> Write for Counted<'_, F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Ctrl-C ends a copy of many gigabytes.
        crate::host::process::interrupt::check().map_err(io::Error::other)?;
        let count = self.out.write(bytes)?;
        self.written += count as u64;
        (self.report)(self.written);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layer_has_each_folder_once_and_belongs_to_qemus_user() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("x");
        std::fs::write(&file, "content").unwrap();
        let entry = |path: &str| Entry {
            path: path.into(),
            content: Content::File(file.clone()),
        };
        let entries = [entry("boot/vmlinuz"), entry("boot/initramfs")];
        let mut bytes = Vec::new();
        let mut percent = 0.0;
        write(&entries, &mut bytes, Path::new("/x"), |now| percent = now).unwrap();
        assert!(percent >= 100.0, "{percent}");
        assert_eq!(bytes.len() % 512, 0);
        let mut archive = tar::Archive::new(&bytes[..]);
        let mut found = Vec::new();
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            let mut text = String::new();
            entry.read_to_string(&mut text).unwrap();
            let header = entry.header();
            assert_eq!((header.uid().unwrap(), header.gid().unwrap()), (107, 107));
            found.push((entry.path().unwrap().display().to_string(), text));
        }
        let found: Vec<(&str, &str)> = found.iter().map(|(a, b)| (&**a, &**b)).collect();
        let wanted = [
            ("boot/", ""),
            ("boot/vmlinuz", "content"),
            ("boot/initramfs", "content"),
        ];
        assert_eq!(found, wanted);
    }
}
