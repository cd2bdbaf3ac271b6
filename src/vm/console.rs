//! What a serial console says, line by line.

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
            let line = crate::ui::plain(&String::from_utf8_lossy(&self.partial));
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

#[cfg(test)]
mod tests {
    use super::*;

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
