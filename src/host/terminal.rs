//! The user's terminal.

use std::io;

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
