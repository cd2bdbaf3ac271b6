//! The user's terminal, and terminals for programs that need one.

use std::fs::File;
use std::io;
use std::process::Stdio;

use super::os;

/// The user's terminal in raw mode: it passes on each key as it is typed, Ctrl-C too, and shows
/// bytes as they come. Dropping the value restores the terminal.
#[derive(Debug)]
pub struct RawMode(Option<os::TerminalSettings>);

impl RawMode {
    /// Sets the terminal to raw mode if standard input is one.
    pub fn enter() -> io::Result<Self> {
        os::enter_raw_mode().map(Self)
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        if let Some(terminal) = &self.0 {
            os::restore_terminal(terminal);
        }
    }
}

/// A pseudo-terminal for a program that needs a terminal. It passes on all bytes unchanged.
#[derive(Debug)]
pub struct PseudoTerminal {
    /// Our end: the program reads what is written here, and the other way round. It closes when the
    /// program exits.
    pub ours: File,
    /// The program's standard input.
    pub stdin: Stdio,
    /// The program's standard output.
    pub stdout: Stdio,
}

impl PseudoTerminal {
    /// Fails on Windows, which has no pseudo-terminals.
    pub fn open() -> io::Result<Self> {
        let (ours, stdin, stdout) = os::pseudo_terminal()?;
        Ok(Self {
            ours,
            stdin,
            stdout,
        })
    }
}
