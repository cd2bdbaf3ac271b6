//! The user's terminal, and terminals for programs that want one.

use std::fs::File;
use std::io;
use std::process::Stdio;

use super::os;

/// A terminal that passes on each key as it is typed, Ctrl-C, too, and shows bytes as they come. Dropped, it is as
/// before.
#[derive(Debug)]
pub struct Raw(Option<os::Terminal>);

impl Raw {
    /// Changes the terminal that is standard input; something else is left alone.
    ///
    /// # Errors
    /// As of the operating system.
    pub fn enter() -> io::Result<Self> {
        os::raw_terminal().map(Self)
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        if let Some(terminal) = &self.0 {
            os::restore_terminal(terminal);
        }
    }
}

/// A terminal for a program that wants one, which passes on all bytes as they are.
#[derive(Debug)]
pub struct Pair {
    /// Our side: what is written here the program reads, and the other way round. It ends with the program.
    pub ours: File,
    /// The program's standard input.
    pub stdin: Stdio,
    /// The program's standard output.
    pub stdout: Stdio,
}

impl Pair {
    /// Makes one.
    ///
    /// # Errors
    /// As of the operating system, or it has none (Windows).
    pub fn open() -> io::Result<Self> {
        let (ours, stdin, stdout) = os::terminal_pair()?;
        Ok(Self { ours, stdin, stdout })
    }
}
