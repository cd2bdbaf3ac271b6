//! The console socket: raw bytes between the guest's serial console and the clients that attach to
//! it.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{broadcast, mpsc};

use super::clients::Broadcaster;
use super::protocol::Message;
use crate::engine::ConsoleInput;
use crate::host::net::socket::{self, Listener, Stream};

/// The socket's name in the VM's runtime folder.
pub const SOCKET: &str = "console";
/// Pieces of output that a slow client may lag behind. It misses older ones.
const BACKLOG: usize = 256;

/// The supervisor's side of the console.
pub struct Console {
    output: broadcast::Sender<Vec<u8>>,
    input: mpsc::Sender<Vec<u8>>,
    /// The clients that wait for the guest.
    waiting: Arc<Broadcaster>,
}

impl Console {
    /// Creates a console, and the input that clients type on it.
    pub fn new(waiting: Arc<Broadcaster>) -> (Self, ConsoleInput) {
        // With a guest that reads slowly, a client that types has to wait.
        let (input, typed) = mpsc::channel(1);
        (
            Self {
                output: broadcast::Sender::new(BACKLOG),
                input,
                waiting,
            },
            Arc::new(tokio::sync::Mutex::new(typed)),
        )
    }

    /// Sends the guest's output to all clients.
    pub fn show(&self, bytes: &[u8]) {
        // Without clients, sending fails.
        let _ = self.output.send(bytes.to_vec());
    }

    /// Serves clients until it is cancelled.
    pub async fn serve(&self, mut listener: Listener) {
        loop {
            match listener.accept().await {
                Ok(stream) => {
                    tokio::spawn(serve_client(
                        stream,
                        self.output.subscribe(),
                        self.input.clone(),
                        Arc::clone(&self.waiting),
                    ));
                }
                Err(error) => {
                    tracing::warn!(%error, "can't accept a client of the console");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }
}

async fn serve_client(
    stream: Stream,
    mut output: broadcast::Receiver<Vec<u8>>,
    input: mpsc::Sender<Vec<u8>>,
    waiting: Arc<Broadcaster>,
) {
    let (mut read, mut write) = socket::split(stream);
    let send_output = async {
        loop {
            match output.recv().await {
                Ok(bytes) => write.write_all(&bytes).await?,
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return Ok::<_, std::io::Error>(()),
            }
        }
    };
    let receive_input = async {
        let mut buffer = vec![0; 4096];
        while let Ok(count @ 1..) = read.read(&mut buffer).await {
            // A person mends the guest.
            waiting.forget(|message| matches!(message, Message::Hopeless { .. }));
            if input.send(buffer[..count].to_vec()).await.is_err() {
                return;
            }
        }
        // A client that has closed its input may still want the output.
        std::future::pending().await
    };
    tokio::select! {
        // An error means that the client has hung up.
        _ = send_output => {}
        () = receive_input => {}
    }
}
