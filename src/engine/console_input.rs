//! What is typed on a machine's console.

use std::sync::Arc;

use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;

/// What the guest's console is fed with; it is the same for all machines of one engine, one after the other.
pub type ConsoleInput = Arc<tokio::sync::Mutex<mpsc::Receiver<Vec<u8>>>>;

/// Types what comes in, as fast as the guest reads it, until it is gone.
pub async fn feed(input: ConsoleInput, mut console: impl AsyncWrite + Unpin) {
    let mut input = input.lock().await;
    while let Some(bytes) = input.recv().await {
        let typed = async {
            console.write_all(&bytes).await?;
            console.flush().await
        };
        if typed.await.is_err() {
            return;
        }
    }
    // Nobody can type any more; its end is not the guest's business.
    std::future::pending().await
}
