//! What a serial console says, line by line.

use std::path::Path;

use super::log;
use super::log::From;
use crate::host::fs::file;

/// A longer line is cut. Bytes.
const LINE_MAX: usize = 1024;

/// Keeps the newest line of a stream of console bytes.
#[derive(Debug, Default)]
pub struct NewestLine {
    partial: Vec<u8>,
    line: String,
}

impl NewestLine {
    /// The newest complete line that is not blank, if these bytes bring one; made safe for a terminal.
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

/// The lines of a console's log that tell best how its last boot ended: the last ones, or those before a kernel's
/// panic.
pub fn last_words(path: &Path, count: usize) -> Vec<String> {
    /// A panic's trace has some dozens of lines.
    const TRACE: usize = 200;
    let place = log::pieces(path, From::LastBoot).last().map_or(0, |(_, place)| *place);
    let lines = file::last_lines_since(path, place, TRACE + count);
    let end = lines
        .iter()
        .rposition(|line| line.contains("Kernel panic - not syncing"))
        .map_or(lines.len(), |at| at + 1);
    lines[end.saturating_sub(count)..end].to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_before_a_panic_tells_more_than_its_trace() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("console.log");
        let trace = "[ 2.0] trace\n".repeat(30);
        std::fs::write(&path, format!("one\ntwo\ncause\n[ 1.0] Kernel panic - not syncing: x\n{trace}"))
            .unwrap();
        assert_eq!(last_words(&path, 2), ["cause", "[ 1.0] Kernel panic - not syncing: x"]);
        // The next boot's end is its own.
        let mut next = log::Log::open(&path).unwrap();
        assert_eq!(last_words(&path, 5), [""; 0]);
        next.write(b"three\nfour\n");
        assert_eq!(last_words(&path, 5), ["three", "four"]);
        next.write(b"[ 3.0] Kernel panic - not syncing: y\ntrace\n");
        assert_eq!(last_words(&path, 2), ["four", "[ 3.0] Kernel panic - not syncing: y"]);
    }

    #[test]
    fn the_newest_line_that_is_not_blank() {
        let mut newest = NewestLine::default();
        assert_eq!(newest.push(b"one\ntw"), Some("one"));
        assert_eq!(newest.push(b"o"), None);
        assert_eq!(newest.push(b"\x1b[0m\r\n \r\n"), Some("two"));
        newest.push(&vec![b'x'; 1 << 20]);
        assert_eq!(newest.push(b"\n").map(str::len), Some(LINE_MAX));
    }
}
