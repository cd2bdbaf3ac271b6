//! Paths in text that has colons of its own, as `SRC:DST`: the one after a drive's letter parts nothing (Windows).

use std::io;
use std::path::{Path, PathBuf};

use crate::host::os;

/// The two sides of the last colon.
pub fn rsplit_colon(text: &str) -> Option<(&str, &str)> {
    rsplit(text, os::HAS_DRIVES)
}

/// The two sides of the first colon.
pub fn split_colon(text: &str) -> Option<(&str, &str)> {
    split(text, os::HAS_DRIVES)
}

/// The absolute path of what is there, without links, in the form that other programs understand, too.
///
/// # Errors
/// Nothing is there; or as of the operating system.
pub fn canonical(path: &Path) -> io::Result<PathBuf> {
    dunce::canonicalize(path)
}

fn rsplit(text: &str, drives: bool) -> Option<(&str, &str)> {
    let at = text.rfind(':')?;
    (at >= drive(text, drives)).then(|| (&text[..at], &text[at + 1..]))
}

fn split(text: &str, drives: bool) -> Option<(&str, &str)> {
    let from = drive(text, drives);
    let at = from + text[from..].find(':')?;
    Some((&text[..at], &text[at + 1..]))
}

/// The length of `C:` in `C:\x` and `C:/x`; 0 without a drive.
fn drive(text: &str, drives: bool) -> usize {
    match text.as_bytes() {
        [letter, b':', b'\\' | b'/', ..] if drives && letter.is_ascii_alphabetic() => 2,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drives_colon_parts_nothing() {
        for (text, drives, first, last) in [
            (r"C:\src:/dst", true, Some((r"C:\src", "/dst")), Some((r"C:\src", "/dst"))),
            ("c:/src:/dst:ro", true, Some(("c:/src", "/dst:ro")), Some(("c:/src:/dst", "ro"))),
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
            assert_eq!((split(text, drives), rsplit(text, drives)), (first, last), "{text}");
        }
    }
}
