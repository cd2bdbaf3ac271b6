//! Errors of the configuration. Each is one line that names the file, the line and the key, or the
//! variable.

use std::io;
use std::path::PathBuf;

use super::{PROJECT_FILE, Place, Source};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("can't read the configuration {path}")]
    Read { path: PathBuf, source: io::Error },
    #[error("can't read the configuration {0}: it is not a regular file of at most 1 MiB")]
    NotAFile(PathBuf),
    #[error("{0}: {1}")]
    Syntax(Place, String),
    /// The suggestion begins with a semicolon, or is empty.
    #[error("{place}: unknown table [{table}]: expected {expected}{suggestion}")]
    Table {
        place: Place,
        table: String,
        expected: String,
        suggestion: String,
    },
    #[error("{place}: `{key}` is in no table: put it below {expected}")]
    Outside {
        place: Place,
        key: String,
        expected: String,
    },
    #[error("{place}: `{table}` must be a table: write [{table}] on a line before its keys")]
    NotATable { place: Place, table: String },
    #[error("{place}: unknown key `{key}` in [{table}]{suggestion}")]
    Key {
        place: Place,
        table: String,
        key: String,
        suggestion: String,
    },
    #[error("{source}: invalid value for `{command}.{flag}`: {reason}", source = .at)]
    Value {
        at: Source,
        command: String,
        flag: String,
        reason: String,
    },
    #[error(
        "{place}: `{command}.{flag}` is set twice, by its name and by an alias; remove one of them"
    )]
    Twice {
        place: Place,
        command: String,
        flag: String,
    },
    #[error(
        "{at}: `{command}.{flag}` contradicts `{command}.{other}` ({other_at}); remove one of them"
    )]
    Contradiction {
        at: Source,
        command: String,
        flag: String,
        other: String,
        other_at: Source,
    },
    #[error("{place}: a {PROJECT_FILE} must not set `{command}.{flag}`: {reason}; {remedy}")]
    Untrusted {
        place: Place,
        command: String,
        flag: String,
        reason: String,
        remedy: String,
    },
}
