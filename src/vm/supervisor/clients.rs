//! The clients of a supervisor: what they are told, and what they ask for.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::sync::{broadcast, mpsc, watch};

use super::protocol::{LINE_MAX, Message, Request};
use crate::host::net::socket;
use crate::host::net::socket::{Listener, Stream, WriteHalf};

/// Spreads messages among the clients, and tells a late one what it missed.
pub struct Hub {
    sender: broadcast::Sender<Message>,
    seen: Mutex<Vec<Message>>,
    clients: watch::Sender<Clients>,
}

/// Who listens.
#[derive(Default)]
struct Clients {
    now: usize,
    /// There was one already.
    ever: bool,
}

/// A client that is not there, or doesn't listen, is not waited for longer than this.
const CLIENT_TIME: Duration = Duration::from_secs(2);

impl Default for Hub {
    fn default() -> Self {
        let clients = watch::Sender::default();
        Self { sender: broadcast::Sender::new(256), seen: Mutex::default(), clients }
    }
}

impl Hub {
    pub fn publish(&self, message: Message) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        // Of each kind the newest is enough.
        let kind = std::mem::discriminant(&message);
        seen.retain(|old| std::mem::discriminant(old) != kind);
        seen.push(message.clone());
        // No client is fine.
        let _ = self.sender.send(message);
    }

    /// Tells those who come later no more of this.
    pub fn forget(&self, is_old: impl Fn(&Message) -> bool) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).retain(|message| !is_old(message));
    }

    fn subscribe(&self) -> (Vec<Message>, broadcast::Receiver<Message>) {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        (seen.clone(), self.sender.subscribe())
    }

    /// Waits until there was a client: who started us attaches next, and a machine may end before that.
    pub async fn first_client(&self) {
        self.wait(|clients| clients.ever).await;
    }

    /// Waits until the clients have heard the last message.
    pub async fn drain(&self) {
        self.wait(|clients| clients.now == 0).await;
    }

    async fn wait(&self, enough: impl FnMut(&Clients) -> bool) {
        let mut clients = self.clients.subscribe();
        let _ = tokio::time::timeout(CLIENT_TIME, clients.wait_for(enough)).await;
    }
}

/// From a client's connection to the desk.
#[derive(Debug)]
pub enum ClientRequest {
    /// What it asks for.
    Request(Request),
    /// A connection that the VM's life hangs on has ended.
    LeaseEnded,
}

/// Serves clients as long as it runs.
pub async fn serve(mut listener: Listener, hub: Arc<Hub>, requests: mpsc::Sender<ClientRequest>) {
    loop {
        match listener.accept().await {
            Ok(stream) => {
                tokio::spawn(attend_client(stream, Arc::clone(&hub), requests.clone()));
            }
            Err(error) => {
                tracing::warn!(%error, "a client can't be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn attend_client(stream: Stream, hub: Arc<Hub>, requests: mpsc::Sender<ClientRequest>) {
    let (read, write) = socket::split(stream);
    // Goes to the task that speaks, once the client has asked to be told.
    let mut write = Some(write);
    let mut lease = false;
    let mut reader = BufReader::new(read.take(LINE_MAX as u64));
    let mut line = String::new();
    // A client that sends what is no request, or too long a line, is hung up on.
    while let Ok(1..) = reader.read_line(&mut line).await {
        let Ok(request) = serde_json::from_str::<Request>(&line) else { break };
        line.clear();
        reader.get_mut().set_limit(LINE_MAX as u64);
        if let Request::Attach { lease: wanted } = request {
            lease |= wanted;
            if let Some(write) = write.take() {
                let (seen, receiver) = hub.subscribe();
                hub.clients.send_modify(|clients| *clients = Clients { now: clients.now + 1, ever: true });
                let hub = Arc::clone(&hub);
                tokio::spawn(async move {
                    speak(write, seen, receiver).await;
                    hub.clients.send_modify(|clients| clients.now -= 1);
                });
            }
        }
        if request == Request::EndLease {
            break;
        }
        if requests.send(ClientRequest::Request(request)).await.is_err() {
            break;
        }
    }
    if lease {
        let _ = requests.send(ClientRequest::LeaseEnded).await;
    }
}

async fn speak(mut write: WriteHalf, seen: Vec<Message>, mut receiver: broadcast::Receiver<Message>) {
    let mut queue: std::collections::VecDeque<Message> = seen.into();
    loop {
        let message = match queue.pop_front() {
            Some(message) => message,
            None => match receiver.recv().await {
                Ok(message) => message,
                // Console lines that a slow client missed are no loss.
                Err(broadcast::error::RecvError::Lagged(_)) => continue,
                Err(broadcast::error::RecvError::Closed) => return,
            },
        };
        let Ok(mut line) = serde_json::to_vec(&message) else { return };
        line.push(b'\n');
        if write.write_all(&line).await.is_err() || matches!(message, Message::Ended { .. }) {
            return;
        }
    }
}
