//! The user's terminal, and terminals for programs that need one.

use std::fs::File;
use std::io::{self, IsTerminal};
use std::process::Stdio;

use super::os;
pub use super::os::Keys;

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

/// Returns whether standard input and standard output are terminals.
pub fn is_used() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal()
}

/// The size of a terminal, in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    pub columns: u16,
    pub rows: u16,
}

/// The window of the user's terminal.
#[derive(Debug)]
pub struct Window {
    /// The terminal's type, for the variable `TERM`.
    pub kind: String,
    resizes: os::Resizes,
}

impl Window {
    /// Begins to watch the size. Without a terminal, the window has a usual size and type.
    ///
    /// # Errors
    /// The system can't report changes.
    pub fn open() -> io::Result<Self> {
        let kind = std::env::var("TERM").unwrap_or_default();
        Ok(Self {
            kind: if kind.is_empty() {
                "xterm".into()
            } else {
                kind
            },
            resizes: os::Resizes::new()?,
        })
    }

    pub fn size(&self) -> Size {
        let terms = [console::Term::stdout(), console::Term::stderr()];
        let size = terms.iter().find_map(console::Term::size_checked);
        let (rows, columns) = size.unwrap_or((24, 80));
        Size { columns, rows }
    }

    /// Waits until the size may have changed, and returns it. Can be cancelled.
    pub async fn resized(&mut self) -> Size {
        self.resizes.next().await;
        self.size()
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
