//! Consoles that are neither a socket nor a pipe: a file that a hypervisor writes to, or a terminal.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::mpsc;

use crate::hypervisor::process::Output;

/// No event that every system has tells that a file grows.
const LOOK: Duration = Duration::from_millis(100);

/// The file of the console of the machine with its sockets in this folder.
pub fn file(runtime: &Path) -> PathBuf {
    runtime.join("console.out")
}

/// Hands on what is written to the file until nobody listens.
pub async fn follow(path: PathBuf, to: mpsc::Sender<Output>) {
    let Ok(mut file) = File::open(&path) else { return };
    let mut buffer = vec![0; 16 << 10];
    loop {
        // What was just written is in memory: that doesn't block.
        match file.read(&mut buffer) {
            Ok(0) if to.is_closed() => return,
            Ok(0) => tokio::time::sleep(LOOK).await,
            Ok(count) => {
                if to.send(Output::Console(buffer[..count].to_vec())).await.is_err() {
                    return;
                }
            }
            Err(_) => return,
        }
    }
}

/// Hands on what comes out of a terminal until its other side is closed: on a thread of its own, because not every
/// system tells asynchronously when one can be read.
///
/// # Errors
/// There can't be a thread.
pub fn read(mut terminal: File, to: mpsc::Sender<Output>) -> io::Result<()> {
    let read = move || {
        let mut buffer = vec![0; 16 << 10];
        // Linux calls a terminal whose other side is closed an error, macOS an end.
        while let Ok(count @ 1..) = terminal.read(&mut buffer) {
            if to.blocking_send(Output::Console(buffer[..count].to_vec())).is_err() {
                return;
            }
        }
    };
    std::thread::Builder::new().name("console".into()).spawn(read).map(drop)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn what_is_written_later_comes_too() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut log = tempfile::NamedTempFile::new().unwrap();
            let (sender, mut receiver) = mpsc::channel(4);
            log.write_all(b"one").unwrap();
            let following = tokio::spawn(follow(log.path().to_owned(), sender));
            let bytes = |output: Option<Output>| match output {
                Some(Output::Console(bytes)) => bytes,
                other => panic!("{other:?}"),
            };
            assert_eq!(bytes(receiver.recv().await), b"one");
            log.write_all(b"two").unwrap();
            assert_eq!(bytes(receiver.recv().await), b"two");
            drop(receiver);
            following.await.unwrap();
        });
    }
}
