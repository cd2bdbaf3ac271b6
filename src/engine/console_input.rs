//! Input for a machine's console.

use std::sync::Arc;

use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinHandle;

/// The bytes to type on the guest's console. One machine of an engine after the other takes them.
pub type ConsoleInput = Arc<Mutex<mpsc::Receiver<Vec<u8>>>>;

/// A task that types on a console until it is dropped. A guest that doesn't read blocks this task only.
pub struct Typing(JoinHandle<()>);

impl Typing {
    pub fn start(input: ConsoleInput, console: impl AsyncWrite + Send + Unpin + 'static) -> Self {
        Self(tokio::spawn(feed(input, console)))
    }
}

impl Drop for Typing {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn feed(input: ConsoleInput, mut console: impl AsyncWrite + Unpin) {
    let mut input = input.lock().await;
    while let Some(bytes) = input.recv().await {
        if console.write_all(&bytes).await.is_err() || console.flush().await.is_err() {
            return;
        }
    }
    // The guest must not see the end of the input.
    std::future::pending().await
}
