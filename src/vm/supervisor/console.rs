//! The serial console for those who attach to it: bytes both ways over a socket, as they are.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{broadcast, mpsc};

use crate::engine::ConsoleInput;
use crate::host::net::socket;
use crate::host::net::socket::{Listener, Stream};

/// The socket's name in the VM's runtime folder.
pub const SOCKET: &str = "console";
/// Pieces of output that a slow reader may be behind; what is older it misses.
const BEHIND: usize = 256;

/// The supervisor's side of the console.
#[derive(Debug)]
pub struct Console {
    output: broadcast::Sender<Vec<u8>>,
    input: mpsc::Sender<Vec<u8>>,
}

impl Console {
    /// A console, and what is typed on it.
    pub fn new() -> (Self, ConsoleInput) {
        // A guest that reads slowly makes those wait who type.
        let (input, typed) = mpsc::channel(1);
        (Self { output: broadcast::Sender::new(BEHIND), input }, Arc::new(tokio::sync::Mutex::new(typed)))
    }

    /// Shows what the guest wrote to all who are attached.
    pub fn show(&self, bytes: &[u8]) {
        // Nobody there is fine.
        let _ = self.output.send(bytes.to_vec());
    }

    /// Lets clients attach, for ever.
    pub async fn serve(&self, mut listener: Listener) {
        loop {
            match listener.accept().await {
                Ok(stream) => {
                    tokio::spawn(attend(stream, self.output.subscribe(), self.input.clone()));
                }
                Err(error) => {
                    tracing::warn!(%error, "nobody can attach to the console");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }
}

async fn attend(stream: Stream, mut output: broadcast::Receiver<Vec<u8>>, input: mpsc::Sender<Vec<u8>>) {
    let (mut read, mut write) = socket::split(stream);
    let show = async {
        loop {
            match output.recv().await {
                Ok(bytes) => write.write_all(&bytes).await?,
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return Ok::<_, std::io::Error>(()),
            }
        }
    };
    let listen = async {
        let mut buffer = vec![0; 4096];
        while let Ok(count @ 1..) = read.read(&mut buffer).await {
            if input.send(buffer[..count].to_vec()).await.is_err() {
                return;
            }
        }
        // Who types no more may still want to see.
        std::future::pending().await
    };
    tokio::select! {
        // An error means that the client is gone.
        _ = show => {}
        () = listen => {}
    }
}
