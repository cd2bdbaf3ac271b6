//! Consoles that are a terminal (vfkit) or a file that the hypervisor writes to (krunkit).

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::mpsc;

use crate::hypervisor::process::Output;

/// We poll, because no event reports on every system that a file grows.
const POLL: Duration = Duration::from_millis(100);

/// The console's file for the machine with its sockets in this folder.
pub fn file(runtime: &Path) -> PathBuf {
    runtime.join("console.out")
}

/// Passes on the bytes that the file gets, until the receiver closes.
pub async fn follow(path: PathBuf, to: mpsc::Sender<Output>) {
    let Ok(mut file) = File::open(&path) else {
        return;
    };
    let mut buffer = vec![0; 16 << 10];
    loop {
        // This doesn't block: new bytes of a file are in memory.
        match file.read(&mut buffer) {
            Ok(0) if to.is_closed() => return,
            Ok(0) => tokio::time::sleep(POLL).await,
            Ok(count) => {
                if to
                    .send(Output::Console(buffer[..count].to_vec()))
                    .await
                    .is_err()
                {
                    return;
                }
            }
            Err(_) => return,
        }
    }
}

/// Passes on the bytes of a terminal until its other side closes. A thread does this, because not
/// every system can poll a terminal.
pub fn read(mut terminal: File, to: mpsc::Sender<Output>) -> io::Result<()> {
    let read = move || {
        let mut buffer = vec![0; 16 << 10];
        // When the other side closes, Linux reports an error and macOS the end of the file.
        while let Ok(count @ 1..) = terminal.read(&mut buffer) {
            if to
                .blocking_send(Output::Console(buffer[..count].to_vec()))
                .is_err()
            {
                return;
            }
        }
    };
    std::thread::Builder::new()
        .name("console".into())
        .spawn(read)
        .map(drop)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn later_bytes_are_passed_on_too() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
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
