//! The lines of a serial console.

use std::path::Path;

use super::log::{self, ReadFrom};
use crate::host::fs::file;

/// Longer lines are cut. Bytes.
const LINE_MAX: usize = 1024;

/// Keeps the newest line of a stream of console bytes.
#[derive(Debug, Default)]
pub struct NewestLine {
    partial: Vec<u8>,
    line: String,
}

impl NewestLine {
    /// Returns the newest complete line that is not blank, if these bytes complete one. It is safe
    /// to print.
    pub fn push(&mut self, bytes: &[u8]) -> Option<&str> {
        let mut new = false;
        for &byte in bytes {
            if byte != b'\n' && byte != b'\r' {
                if self.partial.len() < LINE_MAX {
                    self.partial.push(byte);
                }
                continue;
            }
            let line = crate::text::plain(&String::from_utf8_lossy(&self.partial));
            self.partial.clear();
            let line = line.trim();
            if !line.is_empty() {
                line.clone_into(&mut self.line);
                new = true;
            }
        }
        new.then_some(self.line.as_str())
    }
}

/// Returns the lines of a console's log that best explain how the last boot ended: those before a
/// kernel panic, or the last ones.
pub fn last_words(path: &Path, count: usize) -> Vec<String> {
    /// More lines than the trace of a panic has.
    const TRACE: usize = 200;
    let start = log::pieces(path, ReadFrom::LastBoot)
        .last()
        .map_or(0, |(_, start)| *start);
    let lines = file::last_lines_since(path, start, TRACE + count);
    // Without the clock's bracket, the mark at the end of the trace would be found.
    let end = lines
        .iter()
        .rposition(|line| line.contains("] Kernel panic - not syncing"))
        .map_or(lines.len(), |at| at + 1);
    lines[end.saturating_sub(count)..end].to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_before_a_panic_explain_more_than_its_trace() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("console.log");
        let trace =
            "[ 2.0] trace\n".repeat(30) + "[ 2.0] ---[ end Kernel panic - not syncing: x ]---\n";
        std::fs::write(
            &path,
            format!("one\ntwo\ncause\n[ 1.0] Kernel panic - not syncing: x\n{trace}"),
        )
        .unwrap();
        assert_eq!(
            last_words(&path, 2),
            ["cause", "[ 1.0] Kernel panic - not syncing: x"]
        );
        // The next boot has its own end.
        let mut next = log::Log::open(&path).unwrap();
        assert_eq!(last_words(&path, 5), [""; 0]);
        next.write(b"three\nfour\n");
        assert_eq!(last_words(&path, 5), ["three", "four"]);
        next.write(b"[ 3.0] Kernel panic - not syncing: y\ntrace\n");
        assert_eq!(
            last_words(&path, 2),
            ["four", "[ 3.0] Kernel panic - not syncing: y"]
        );
    }

    #[test]
    fn the_newest_line_is_complete_and_not_blank() {
        let mut newest = NewestLine::default();
        assert_eq!(newest.push(b"one\ntw"), Some("one"));
        assert_eq!(newest.push(b"o"), None);
        assert_eq!(newest.push(b"\x1b[0m\r\n \r\n"), Some("two"));
        newest.push(&vec![b'x'; 1 << 20]);
        assert_eq!(newest.push(b"\n").map(str::len), Some(LINE_MAX));
    }
}
