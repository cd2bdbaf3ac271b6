//! Locks between processes. The operating system releases them when their holder dies.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use crate::host::process::interrupt;
use crate::host::process::interrupt::Interrupted;

/// A lock on a file, held until it is dropped or the process ends.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

/// A lock can't be waited for any longer.
#[derive(Debug, thiserror::Error)]
pub enum WaitError {
    /// The file can't be opened.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The tool was interrupted.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

impl Lock {
    /// Takes the lock, or says `None` when someone else holds it. The file is made when it is missing.
    ///
    /// # Errors
    /// The file can't be opened.
    pub fn try_acquire(path: &Path) -> io::Result<Option<Self>> {
        let mut file = open(path)?;
        // `is_held` takes the lock for the blink of an eye, so one refusal is no proof of a holder.
        for _ in 0..5 {
            match file.try_lock() {
                Ok(()) if is_same_file(&file, path) => return Ok(Some(Self { file })),
                Ok(()) => file = open(path)?,
                Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(2)),
                Err(TryLockError::Error(e)) => return Err(e),
            }
        }
        Ok(None)
    }

    /// Waits for the lock, which another process may have for long.
    ///
    /// # Errors
    /// The file can't be opened, or the tool is interrupted.
    pub fn wait(path: &Path) -> Result<Self, WaitError> {
        let (sender, receiver) = mpsc::channel();
        let waiting = path.to_owned();
        // In a thread of its own: a wait for a lock can't be interrupted. What comes too late is dropped there.
        std::thread::spawn(move || sender.send(Self::acquire(&waiting)));
        loop {
            match receiver.recv_timeout(Duration::from_millis(100)) {
                Ok(result) => return Ok(result?),
                Err(RecvTimeoutError::Timeout) => interrupt::check()?,
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(io::Error::other("the thread that waits is gone").into());
                }
            }
        }
    }

    /// Waits for the lock, which nobody has for long.
    ///
    /// # Errors
    /// The file can't be opened.
    pub fn acquire(path: &Path) -> io::Result<Self> {
        loop {
            let file = open(path)?;
            file.lock()?;
            // The last holder may have removed the file: then ours is a lock on nothing.
            if is_same_file(&file, path) {
                return Ok(Self { file });
            }
        }
    }

    /// Waits for the lock to be free for sharing. The file has to be there.
    ///
    /// # Errors
    /// The file can't be opened.
    pub fn acquire_shared(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        file.lock_shared()?;
        Ok(Self { file })
    }

    /// Sets the time of the file's last change to now.
    ///
    /// # Errors
    /// As of the operating system.
    pub fn touch(&self) -> io::Result<()> {
        self.file.set_modified(std::time::SystemTime::now())
    }
}

/// True when another process (or another [`Lock`] of this one) holds the lock at `path`.
pub fn is_held(path: &Path) -> bool {
    // Opened only to read, so that asking never makes the file.
    File::open(path).is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

/// True when `path` still names the open file.
fn is_same_file(file: &File, path: &Path) -> bool {
    let ours = file.try_clone().and_then(same_file::Handle::from_file);
    matches!((ours, same_file::Handle::from_path(path)), (Ok(ours), Ok(theirs)) if ours == theirs)
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holder_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        assert!(!is_held(&path));
        let first = Lock::try_acquire(&path).unwrap();
        assert!(first.is_some() && is_held(&path));
        assert!(Lock::try_acquire(&path).unwrap().is_none());
        drop(first);
        assert!(!is_held(&path));
        let shared = [Lock::acquire_shared(&path).unwrap(), Lock::acquire_shared(&path).unwrap()];
        assert!(Lock::try_acquire(&path).unwrap().is_none());
        drop(shared);
        let last = Lock::wait(&path).unwrap();
        let waiting = std::thread::spawn({
            let path = path.clone();
            move || Lock::acquire(&path).unwrap()
        });
        std::thread::sleep(Duration::from_millis(50));
        std::fs::remove_file(&path).unwrap();
        drop(last);
        let next = waiting.join().unwrap();
        assert!(is_held(&path) && Lock::try_acquire(&path).unwrap().is_none(), "not on the removed file");
        drop(next);
        assert!(Lock::try_acquire(&path).unwrap().is_some());
    }
}
