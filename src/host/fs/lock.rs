//! Locks between processes. The operating system releases a lock when its holder dies.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use crate::host::process::interrupt::{self, Interrupted};

/// A lock on a file, held until it is dropped or the process ends.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

/// The wait for a lock failed.
#[derive(Debug, thiserror::Error)]
pub enum WaitError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

impl Lock {
    /// Takes the lock, or returns `None` if it is held already. Creates the file if it is missing.
    pub fn try_acquire(path: &Path) -> io::Result<Option<Self>> {
        let mut file = open(path)?;
        // `is_held` takes the lock for a moment, so a single refusal doesn't prove that the lock is
        // held.
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

    /// Waits for a lock that another process may hold for long. An interrupt ends the wait.
    pub fn wait(path: &Path) -> Result<Self, WaitError> {
        let (sender, receiver) = mpsc::channel();
        let file = path.to_owned();
        // Only a thread can be left behind in its wait. It drops a lock that it gets too late.
        std::thread::spawn(move || sender.send(Self::acquire(&file)));
        loop {
            match receiver.recv_timeout(Duration::from_millis(100)) {
                Ok(result) => return Ok(result?),
                Err(RecvTimeoutError::Timeout) => interrupt::check()?,
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(io::Error::other("the thread that waits for the lock died").into());
                }
            }
        }
    }

    /// Waits for a lock that no process holds for long.
    pub fn acquire(path: &Path) -> io::Result<Self> {
        loop {
            let file = open(path)?;
            file.lock()?;
            // The last holder may have removed the file. A lock on a removed file protects nothing.
            if is_same_file(&file, path) {
                return Ok(Self { file });
            }
        }
    }

    /// Waits for a lock that several holders share. The file must exist.
    pub fn acquire_shared(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        file.lock_shared()?;
        Ok(Self { file })
    }

    /// Sets the file's time of modification to now.
    pub fn touch(&self) -> io::Result<()> {
        self.file.set_modified(std::time::SystemTime::now())
    }
}

/// Returns true if a process, including this one, holds the lock at `path`.
pub fn is_held(path: &Path) -> bool {
    // Opening the file for reading doesn't create it.
    File::open(path)
        .is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

/// Returns true if `path` still names the open file.
fn is_same_file(file: &File, path: &Path) -> bool {
    let ours = file.try_clone().and_then(same_file::Handle::from_file);
    matches!((ours, same_file::Handle::from_path(path)), (Ok(ours), Ok(theirs)) if ours == theirs)
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_has_one_holder_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        assert!(!is_held(&path));
        let first = Lock::try_acquire(&path).unwrap();
        assert!(first.is_some() && is_held(&path));
        assert!(Lock::try_acquire(&path).unwrap().is_none());
        drop(first);
        assert!(!is_held(&path));
        let shared = [
            Lock::acquire_shared(&path).unwrap(),
            Lock::acquire_shared(&path).unwrap(),
        ];
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
        assert!(
            is_held(&path) && Lock::try_acquire(&path).unwrap().is_none(),
            "the lock is not on the removed file"
        );
        drop(next);
        assert!(Lock::try_acquire(&path).unwrap().is_some());
    }
}
