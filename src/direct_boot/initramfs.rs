//! An image's initramfs for a direct boot: unpacked, and without its kernel modules, firmware and systemd.
//!
//! The guest would unpack all of it before its first program runs, which takes seconds under
//! emulation. A direct boot brings the few modules that it needs.
//! <https://docs.kernel.org/driver-api/early-userspace/buffer-format.html>

use std::io::{self, Read, Write};

use cpio::{NewcBuilder, NewcReader, newc};

use super::unpack_kernel::decompress;

/// Larger archives stay as they are. Bytes.
const UNPACKED_MAX: u64 = 1 << 30;
/// Folders that a direct boot doesn't use.
const UNUSED: [&str; 5] = [
    "lib/modules/",
    "usr/lib/modules/",
    "lib/firmware/",
    "usr/lib/firmware/",
    "kernel/x86/microcode/",
];

/// Returns the files of an initramfs that a direct boot can use, as archives one after the other.
/// `None` if the initramfs has a form that this program can't read.
pub fn unpack(initramfs: &[u8]) -> Option<Vec<u8>> {
    let mut kept = Vec::new();
    let mut rest = initramfs;
    loop {
        copy_archives(&mut rest, &mut kept).ok()?;
        if rest.is_empty() {
            return Some(kept);
        }
        let unpacked = decompress(&mut rest, UNPACKED_MAX)?;
        let mut inner = &unpacked[..];
        copy_archives(&mut inner, &mut kept).ok()?;
        if !inner.is_empty() {
            return None;
        }
    }
}

/// Copies the archives at the beginning of `from` that aren't compressed, and the zeros around them.
fn copy_archives(from: &mut &[u8], kept: &mut Vec<u8>) -> io::Result<()> {
    loop {
        let begin = from.iter().position(|&byte| byte != 0);
        *from = &from[begin.unwrap_or(from.len())..];
        if !from.starts_with(b"0707") {
            return Ok(());
        }
        copy_archive(from, kept)?;
    }
}

fn copy_archive(from: &mut &[u8], kept: &mut Vec<u8>) -> io::Result<()> {
    loop {
        let mut reader = NewcReader::new(&mut *from)?;
        let entry = reader.entry().clone();
        let mut content = Vec::new();
        reader.read_to_end(&mut content)?;
        reader.finish()?;
        if entry.is_trailer() {
            newc::trailer(kept)?;
            return Ok(());
        }
        if is_used(&entry) {
            let mut writer = like(&entry).write(&mut *kept, entry.file_size());
            writer.write_all(&content)?;
            writer.finish()?;
        }
    }
}

/// The last of several links has the content for all of them, so they stay.
fn is_used(entry: &newc::Entry) -> bool {
    let path = entry
        .name()
        .trim_start_matches("./")
        .trim_start_matches('/');
    let is_linked = entry.nlink() > 1 && entry.file_size() > 0;
    is_linked || !is_unused(path)
}

/// The initramfs' own systemd never runs.
fn is_unused(path: &str) -> bool {
    UNUSED.iter().any(|folder| path.starts_with(folder)) || path.contains("/systemd/")
}

fn like(entry: &newc::Entry) -> NewcBuilder {
    NewcBuilder::new(entry.name())
        .ino(entry.ino())
        .mode(entry.mode())
        .uid(entry.uid())
        .gid(entry.gid())
        .nlink(entry.nlink())
        .mtime(entry.mtime())
        .dev_major(entry.dev_major())
        .dev_minor(entry.dev_minor())
        .rdev_major(entry.rdev_major())
        .rdev_minor(entry.rdev_minor())
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::super::cpio::Archive;
    use super::*;

    fn archive(files: &[(&str, &str)]) -> Vec<u8> {
        let mut archive = Archive::new(Vec::new());
        for (name, content) in files {
            archive.file(name, content.as_bytes()).unwrap();
        }
        archive.finish().unwrap()
    }

    /// The names of all files in a sequence of archives.
    fn names(mut archives: &[u8]) -> Vec<String> {
        let mut names = Vec::new();
        while !archives.is_empty() {
            let reader = NewcReader::new(&mut archives).unwrap();
            names.push(reader.entry().name().to_owned());
            reader.finish().unwrap();
        }
        names
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), Default::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd(bytes: &[u8]) -> Vec<u8> {
        let level = ruzstd::encoding::CompressionLevel::Fastest;
        ruzstd::encoding::compress_to_vec(bytes, level)
    }

    const TRAILER: &str = "TRAILER!!!";

    #[test]
    fn modules_firmware_and_systemd_are_left_out() {
        let early = archive(&[("kernel/x86/microcode/AuthenticAMD.bin", "code")]);
        let main = archive(&[
            ("usr/bin/sh", "a shell"),
            ("./usr/lib/modules/6.1/x.ko", "a module"),
            ("lib/firmware/x.bin", "firmware"),
            ("usr/lib/systemd/systemd", "a program"),
            ("usr/lib/libc.so", "a library"),
        ]);
        let wanted = [TRAILER, "usr/bin/sh", "usr/lib/libc.so", TRAILER];
        for compressed in [main.clone(), gzip(&main), zstd(&main)] {
            let initramfs = [&early[..], &[0; 512], &compressed].concat();
            assert_eq!(names(&unpack(&initramfs).unwrap()), wanted);
        }
        // An archive may follow a compressed one.
        let initramfs = [zstd(&main), vec![0; 4], gzip(&early)].concat();
        assert_eq!(names(&unpack(&initramfs).unwrap()).len(), 4);
    }

    #[test]
    fn the_content_of_links_stays() {
        let mut bytes = Vec::new();
        for (name, content) in [("usr/bin/a", ""), ("usr/lib/firmware/a", "content")] {
            let size = u32::try_from(content.len()).unwrap();
            let mut writer = NewcBuilder::new(name).nlink(2).write(&mut bytes, size);
            writer.write_all(content.as_bytes()).unwrap();
            writer.finish().unwrap();
        }
        newc::trailer(&mut bytes).unwrap();
        assert_eq!(unpack(&bytes).unwrap(), bytes);
    }

    #[test]
    fn an_unknown_form_stays() {
        let main = archive(&[("usr/bin/sh", "a shell")]);
        assert_eq!(unpack(b"\x02\x21\x4c\x18 lz4"), None);
        assert_eq!(unpack(&main[..main.len() / 2]), None);
        assert_eq!(unpack(&gzip(b"no archive")), None);
    }
}
