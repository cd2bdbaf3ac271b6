//! Single keys of the user's terminal.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::termios::{LocalModes, OptionalActions, Termios, isatty, tcgetattr, tcsetattr};
use tokio::io::unix::AsyncFd;

/// The keys that the user presses. The terminal doesn't show them, and Ctrl-C stays a signal.
/// Dropping the value restores the terminal.
#[derive(Debug)]
pub struct Keys {
    input: AsyncFd<OwnedFd>,
    old: Termios,
}

impl Keys {
    /// Begins to read keys; none if standard input isn't a terminal.
    pub fn open() -> io::Result<Option<Self>> {
        let stdin = io::stdin();
        if !isatty(&stdin) {
            return Ok(None);
        }
        let old = tcgetattr(&stdin)?;
        let input = stdin.as_fd().try_clone_to_owned()?;
        // SAFETY: an owned descriptor stays open, and the same, as long as the value.
        #[allow(unsafe_code)]
        let input = unsafe { AsyncFd::register(input) }?;
        let keys = Self { input, old };
        keys.resume()?;
        Ok(Some(keys))
    }

    /// Waits for a key. Can be cancelled. At the end of the input it waits without an end.
    pub async fn next(&mut self) -> char {
        loop {
            let mut byte = [0];
            let Ok(mut ready) = self.input.readable().await else {
                std::future::pending().await
            };
            // A terminal with a key answers at once.
            let count = rustix::io::read(self.input.get_ref(), &mut byte);
            ready.clear_ready();
            match count {
                Ok(1) => return byte[0].into(),
                Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => {}
                Ok(_) | Err(_) => std::future::pending().await,
            }
        }
    }

    /// Gives the terminal back to another program.
    pub fn pause(&self) {
        // An error means that the terminal is closed.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.old);
    }

    /// Takes the terminal again.
    pub fn resume(&self) -> io::Result<()> {
        let mut new = self.old.clone();
        new.local_modes -= LocalModes::ICANON | LocalModes::ECHO;
        Ok(tcsetattr(io::stdin(), OptionalActions::Now, &new)?)
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        self.pause();
    }
}
