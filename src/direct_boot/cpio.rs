//! A cpio archive to append to an initramfs.

use std::io::{self, Read, Write};

use cpio::NewcBuilder;

const FOLDER: u32 = 0o040_755;
const FILE: u32 = 0o100_644;
const PROGRAM: u32 = 0o100_755;
const LINK: u32 = 0o120_777;

/// Writes archive members. Names are relative to the initramfs' root.
pub struct Archive<W: Write> {
    out: W,
    inode: u32,
}

impl<W: Write> Archive<W> {
    /// Begins an archive at the writer's position, which must be a multiple of four bytes.
    pub fn new(out: W) -> Self {
        Self { out, inode: 0 }
    }

    pub fn folder(&mut self, name: &str) -> io::Result<()> {
        self.add(name, FOLDER, &[])
    }

    pub fn file(&mut self, name: &str, content: &[u8]) -> io::Result<()> {
        self.add(name, FILE, content)
    }

    pub fn program(&mut self, name: &str, content: &[u8]) -> io::Result<()> {
        self.add(name, PROGRAM, content)
    }

    /// Adds a symbolic link.
    pub fn link(&mut self, name: &str, target: &str) -> io::Result<()> {
        self.add(name, LINK, target.as_bytes())
    }

    /// Adds a file with all bytes of `from`.
    pub fn copy(&mut self, name: &str, mut from: impl Read) -> io::Result<()> {
        let mut content = Vec::new();
        from.read_to_end(&mut content)?;
        self.file(name, &content)
    }

    /// Writes the trailer and returns the writer.
    pub fn finish(self) -> io::Result<W> {
        cpio::newc::trailer(self.out)
    }

    fn add(&mut self, name: &str, mode: u32, content: &[u8]) -> io::Result<()> {
        self.inode += 1;
        let size = u32::try_from(content.len()).map_err(io::Error::other)?;
        let mut writer = NewcBuilder::new(name)
            .ino(self.inode)
            .mode(mode)
            .nlink(1)
            .write(&mut self.out, size);
        writer.write_all(content)?;
        writer.finish()?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_archive_can_be_read_back() {
        let mut archive = Archive::new(Vec::new());
        archive.folder("a").unwrap();
        archive.program("a/init", b"#!/bin/sh\n").unwrap();
        archive.link("a/link", "/usr/bin/kmod").unwrap();
        let bytes = archive.finish().unwrap();
        let mut rest = bytes.as_slice();
        let mut seen = Vec::new();
        loop {
            let mut reader = cpio::NewcReader::new(rest).unwrap();
            if reader.entry().is_trailer() {
                break;
            }
            let mut content = Vec::new();
            reader.read_to_end(&mut content).unwrap();
            seen.push((
                reader.entry().name().to_owned(),
                reader.entry().mode(),
                content,
            ));
            rest = reader.finish().unwrap();
        }
        let want: Vec<(String, u32, Vec<u8>)> = vec![
            ("a".into(), FOLDER, vec![]),
            ("a/init".into(), PROGRAM, b"#!/bin/sh\n".to_vec()),
            ("a/link".into(), LINK, b"/usr/bin/kmod".to_vec()),
        ];
        assert_eq!(seen, want);
    }
}
