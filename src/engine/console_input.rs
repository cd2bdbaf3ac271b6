//! Input for a machine's console.

use std::sync::Arc;

use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::{Mutex, mpsc};

/// The bytes to type on the guest's console. One machine of an engine after the other takes them.
pub type ConsoleInput = Arc<Mutex<mpsc::Receiver<Vec<u8>>>>;

/// Types the input, as fast as the guest reads, until the console is gone.
pub async fn feed(input: ConsoleInput, mut console: impl AsyncWrite + Unpin) {
    let mut input = input.lock().await;
    while let Some(bytes) = input.recv().await {
        if console.write_all(&bytes).await.is_err() || console.flush().await.is_err() {
            return;
        }
    }
    // The guest must not see the end of the input.
    std::future::pending().await
}
