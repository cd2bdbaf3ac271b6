//! A program and its arguments.

use std::ffi::OsString;
use std::path::PathBuf;

/// A program to start, with its arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Launch {
    pub program: PathBuf,
    pub args: Vec<OsString>,
}
