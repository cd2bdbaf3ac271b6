//! Paths in text that colons separate, such as `SRC:DST`. On Windows, the colon after a drive's
//! letter is part of the path.

use std::io;
use std::path::{Path, PathBuf};

use crate::host::os;

/// Splits at the last colon.
pub fn rsplit_colon(text: &str) -> Option<(&str, &str)> {
    rsplit(text, os::HAS_DRIVES)
}

/// Splits at the first colon.
pub fn split_colon(text: &str) -> Option<(&str, &str)> {
    split(text, os::HAS_DRIVES)
}

/// Returns the absolute path without links, on Windows in the form that other programs understand
/// (`C:\x`). Fails if the path doesn't exist.
pub fn canonical(path: &Path) -> io::Result<PathBuf> {
    dunce::canonicalize(path)
}

fn rsplit(text: &str, drives: bool) -> Option<(&str, &str)> {
    let at = text.rfind(':')?;
    (at >= drive_length(text, drives)).then(|| (&text[..at], &text[at + 1..]))
}

fn split(text: &str, drives: bool) -> Option<(&str, &str)> {
    let from = drive_length(text, drives);
    let at = from + text[from..].find(':')?;
    Some((&text[..at], &text[at + 1..]))
}

/// Returns 2 for `C:\x` and `C:/x`, 0 without a drive.
fn drive_length(text: &str, drives: bool) -> usize {
    match text.as_bytes() {
        [letter, b':', b'\\' | b'/', ..] if drives && letter.is_ascii_alphabetic() => 2,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_colon_of_a_drive_separates_nothing() {
        for (text, drives, first, last) in [
            (
                r"C:\src:/dst",
                true,
                Some((r"C:\src", "/dst")),
                Some((r"C:\src", "/dst")),
            ),
            (
                "c:/src:/dst:ro",
                true,
                Some(("c:/src", "/dst:ro")),
                Some(("c:/src:/dst", "ro")),
            ),
            (r"C:\src", true, None, None),
            ("C:/dst", true, None, None),
            ("C:/dst", false, Some(("C", "/dst")), Some(("C", "/dst"))),
            ("vm:/x", true, Some(("vm", "/x")), Some(("vm", "/x"))),
            (
                r"\\server\share:/dst",
                true,
                Some((r"\\server\share", "/dst")),
                Some((r"\\server\share", "/dst")),
            ),
            ("ä:/x", true, Some(("ä", "/x")), Some(("ä", "/x"))),
            ("", true, None, None),
            (":", true, Some(("", "")), Some(("", ""))),
        ] {
            assert_eq!(
                (split(text, drives), rsplit(text, drives)),
                (first, last),
                "{text}"
            );
        }
    }
}
