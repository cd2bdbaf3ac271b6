//! The clients of a supervisor: sends them messages, and passes their requests on.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::sync::{broadcast, mpsc, watch};

use super::protocol::{LINE_MAX, Message, Request, VERSION};
use crate::host::net::socket::{self, Listener, Stream, WriteHalf};

/// Sends messages to all clients. A late client gets the newest message of each kind.
pub struct Broadcaster {
    sender: broadcast::Sender<Message>,
    newest: Mutex<Vec<Message>>,
    clients: watch::Sender<Clients>,
}

/// The number of attached clients.
#[derive(Default)]
struct Clients {
    now: usize,
    ever: bool,
}

/// Time limit for waiting for clients.
const CLIENT_TIME: Duration = Duration::from_secs(2);
/// Messages that a slow client may lag behind. It misses older ones.
const BACKLOG: usize = 256;

impl Default for Broadcaster {
    fn default() -> Self {
        let clients = watch::Sender::default();
        Self {
            sender: broadcast::Sender::new(BACKLOG),
            newest: Mutex::default(),
            clients,
        }
    }
}

impl Broadcaster {
    /// Sends a message. A reboot makes messages about the previous boot obsolete, and later clients
    /// don't hear of it.
    pub fn publish(&self, message: Message) {
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(message, Message::Rebooted { .. }) {
            newest.retain(|old| !old.is_of_boot());
        } else {
            let kind = std::mem::discriminant(&message);
            newest.retain(|old| std::mem::discriminant(old) != kind);
            newest.push(message.clone());
        }
        // Without clients, sending fails.
        let _ = self.sender.send(message);
    }

    /// Keeps old messages of this kind from late clients.
    pub fn forget(&self, is_old: impl Fn(&Message) -> bool) {
        self.newest
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|message| !is_old(message));
    }

    /// Adds a client. Returns the messages that it has missed, and the receiver for the next ones.
    fn attach(&self) -> (Vec<Message>, broadcast::Receiver<Message>) {
        self.clients.send_modify(|clients| {
            *clients = Clients {
                now: clients.now + 1,
                ever: true,
            }
        });
        let newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        (newest.clone(), self.sender.subscribe())
    }

    fn detach(&self) {
        self.clients.send_modify(|clients| clients.now -= 1);
    }

    /// Waits until a client has attached: the machine may end before the process that started it
    /// attaches.
    pub async fn wait_for_first(&self) {
        self.wait(|clients| clients.ever).await;
    }

    /// Waits until all clients have received the last message.
    pub async fn wait_until_gone(&self) {
        self.wait(|clients| clients.now == 0).await;
    }

    async fn wait(&self, enough: impl FnMut(&Clients) -> bool) {
        let mut clients = self.clients.subscribe();
        let _ = tokio::time::timeout(CLIENT_TIME, clients.wait_for(enough)).await;
    }
}

/// A request of a client to the supervisor.
#[derive(Debug)]
pub enum ClientRequest {
    Request(Request),
    /// A connection with a lease has ended, and with it the VM must end.
    LeaseEnded,
}

/// Serves clients until it is cancelled.
pub async fn serve(
    mut listener: Listener,
    broadcaster: Arc<Broadcaster>,
    requests: mpsc::Sender<ClientRequest>,
) {
    loop {
        match listener.accept().await {
            Ok(stream) => {
                tokio::spawn(serve_client(
                    stream,
                    Arc::clone(&broadcaster),
                    requests.clone(),
                ));
            }
            Err(error) => {
                tracing::warn!(%error, "can't accept a client");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn serve_client(
    stream: Stream,
    broadcaster: Arc<Broadcaster>,
    requests: mpsc::Sender<ClientRequest>,
) {
    let (read, write) = socket::split(stream);
    // The task that sends messages takes it, once the client attaches.
    let mut write = Some(write);
    let mut lease = false;
    let mut reader = BufReader::new(read.take(LINE_MAX as u64));
    let mut line = String::new();
    // An invalid request or too long a line ends the connection.
    while let Ok(1..) = reader.read_line(&mut line).await {
        let Ok(request) = serde_json::from_str::<Request>(&line) else {
            break;
        };
        line.clear();
        reader.get_mut().set_limit(LINE_MAX as u64);
        if let Request::Attach { lease: wanted } = request {
            lease |= wanted;
            if let Some(write) = write.take() {
                let (missed, receiver) = broadcaster.attach();
                let broadcaster = Arc::clone(&broadcaster);
                tokio::spawn(async move {
                    send_messages(write, missed, receiver).await;
                    broadcaster.detach();
                });
            }
        }
        if request == Request::EndLease {
            break;
        }
        if requests
            .send(ClientRequest::Request(request))
            .await
            .is_err()
        {
            break;
        }
    }
    if lease {
        let _ = requests.send(ClientRequest::LeaseEnded).await;
    }
}

/// Sends messages until the client hangs up or the VM ends, first those that the client has missed.
async fn send_messages(
    mut write: WriteHalf,
    missed: Vec<Message>,
    mut receiver: broadcast::Receiver<Message>,
) {
    let mut queue: VecDeque<Message> = missed.into();
    queue.push_front(Message::Hello { version: VERSION });
    loop {
        let message = match queue.pop_front() {
            Some(message) => message,
            None => match receiver.recv().await {
                Ok(message) => message,
                // Only console lines come so fast that a slow client misses some.
                Err(broadcast::error::RecvError::Lagged(_)) => continue,
                Err(broadcast::error::RecvError::Closed) => return,
            },
        };
        let Ok(mut line) = serde_json::to_vec(&message) else {
            return;
        };
        line.push(b'\n');
        if write.write_all(&line).await.is_err() || matches!(message, Message::Ended { .. }) {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn late_clients_hear_nothing_of_the_previous_boot() {
        let clients = Broadcaster::default();
        let fallback = Message::Fallback { reason: "x".into() };
        let (_, mut early) = clients.attach();
        for message in [
            fallback.clone(),
            Message::SshSettled,
            Message::Guest {
                state: Default::default(),
            },
            Message::Hopeless { reason: "y".into() },
            Message::REBOOTED,
        ] {
            clients.publish(message);
        }
        assert_eq!(clients.attach().0, std::slice::from_ref(&fallback));
        clients.publish(Message::SshSettled);
        assert_eq!(clients.attach().0, [fallback, Message::SshSettled]);
        let mut heard = vec![];
        while let Ok(message) = early.try_recv() {
            heard.push(message);
        }
        assert_eq!(heard.len(), 6);
        assert_eq!(heard[4], Message::REBOOTED);
    }

    #[tokio::test]
    async fn the_first_message_tells_the_version() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("control");
        let clients = Arc::new(Broadcaster::default());
        clients.publish(Message::SshSettled);
        let (requests, mut received) = mpsc::channel(1);
        let server = serve(socket::listen(&path).unwrap(), clients, requests);
        let server = tokio::spawn(server);
        let (read, mut write) = socket::split(socket::connect(&path).await.unwrap());
        let attach = b"{\"request\":\"attach\",\"lease\":false}\n";
        write.write_all(attach).await.unwrap();
        let mut lines = BufReader::new(read).lines();
        for expected in [
            r#"{"event":"hello","version":1}"#,
            r#"{"event":"ssh-settled"}"#,
        ] {
            assert_eq!(lines.next_line().await.unwrap().unwrap(), expected);
        }
        assert!(matches!(
            received.recv().await,
            Some(ClientRequest::Request(Request::Attach { lease: false }))
        ));
        server.abort();
    }
}
