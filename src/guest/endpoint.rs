//! How to reach the guest's sshd, and when it answers.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use serde::{Deserialize, Serialize};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::Instant;

/// The time between two tries as long as the last one was refused at once.
const RETRY: Duration = Duration::from_millis(100);
/// It doubles up to this while tries stay without an answer: each may become an sshd process in the guest.
const RETRY_MAX: Duration = Duration::from_secs(1);
/// The time between two tries while the guest has still to say that it started its sshd.
const RETRY_UNTIL_SIGNAL: Duration = Duration::from_secs(3);
/// The same once the guest refuses: its network is up, so that its sshd can't be far, and a refusal costs it nothing.
const RETRY_REFUSED: Duration = Duration::from_millis(200);
/// Tries that are under way at once.
const TRIES: usize = 6;
/// A try without an answer is given up: its packets were lost while the guest had no address.
const TRY_TIME: Duration = Duration::from_secs(20);

/// Where the guest's sshd can be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Endpoint {
    /// A TCP port on the host's loopback.
    Tcp(u16),
}

impl Endpoint {
    /// The address to connect to.
    pub fn address(self) -> SocketAddr {
        let Self::Tcp(port) = self;
        (Ipv4Addr::LOCALHOST, port).into()
    }
}

/// Waits until an SSH server answers and returns the connection, nothing read from it yet.
///
/// A port forward accepts connections long before the guest listens, so only the server's first bytes count.
/// `signal` turns true when the guest says that it started its sshd; until then, and until the guest refuses, tries
/// are rare, if such a signal is expected at all.
pub async fn answering(
    endpoint: Endpoint,
    mut signal: watch::Receiver<bool>,
    signal_expected: bool,
) -> io::Result<std::net::TcpStream> {
    let mut tries = FuturesUnordered::new();
    let mut retry = RETRY;
    loop {
        if tries.len() < TRIES {
            tries.push(tokio::time::timeout(TRY_TIME, first_bytes(endpoint)));
        }
        let patient = signal_expected && !*signal.borrow();
        let mut next_try = Instant::now() + if patient { RETRY_UNTIL_SIGNAL } else { retry };
        let mut refused = false;
        loop {
            tokio::select! {
                Some(result) = tries.next() => match result {
                    Ok(Ok(stream)) => {
                        let stream = stream.into_std()?;
                        stream.set_nonblocking(false)?;
                        return Ok(stream);
                    }
                    // The guest is up and nobody listens there yet: the next try will say more.
                    Ok(Err(_)) => {
                        refused = true;
                        next_try = next_try.min(Instant::now() + RETRY_REFUSED);
                    }
                    Err(_) => {}
                },
                Ok(()) = signal.changed(), if patient => { retry = RETRY; break }
                () = tokio::time::sleep_until(next_try) => {
                    retry = if refused { RETRY } else { (retry * 2).min(RETRY_MAX) };
                    break;
                }
            }
        }
    }
}

async fn first_bytes(endpoint: Endpoint) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(endpoint.address()).await?;
    stream.set_nodelay(true)?;
    match stream.peek(&mut [0]).await? {
        0 => Err(io::ErrorKind::ConnectionReset.into()),
        _ => Ok(stream),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
    }

    #[test]
    fn only_a_server_that_speaks_counts() {
        runtime().block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let endpoint = Endpoint::Tcp(listener.local_addr().unwrap().port());
            let server = tokio::spawn(async move {
                // Three connections end at once, as a port forward's do; one stays silent; then one speaks.
                for _ in 0..3 {
                    drop(listener.accept().await.unwrap());
                }
                let _silent = listener.accept().await.unwrap();
                let (mut stream, _) = listener.accept().await.unwrap();
                stream.write_all(b"SSH-2.0-x\r\n").await.unwrap();
                stream
            });
            let (_signal, receiver) = watch::channel(false);
            let start = Instant::now();
            let stream = answering(endpoint, receiver, false).await.unwrap();
            assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
            let _server = server.await.unwrap();
            let mut bytes = [0; 4];
            std::io::Read::read_exact(&mut &stream, &mut bytes).unwrap();
            assert_eq!(&bytes, b"SSH-", "nothing was taken from the stream");
        });
    }

    #[test]
    fn a_refusal_ends_the_patience() {
        runtime().block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let endpoint = Endpoint::Tcp(listener.local_addr().unwrap().port());
            let (_signal, receiver) = watch::channel(false);
            let waiting = tokio::spawn(answering(endpoint, receiver, true));
            let start = Instant::now();
            for _ in 0..3 {
                drop(listener.accept().await.unwrap());
            }
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(b"SSH-2.0-x\r\n").await.unwrap();
            waiting.await.unwrap().unwrap();
            assert!(start.elapsed() < RETRY_UNTIL_SIGNAL, "{:?}", start.elapsed());
        });
    }

    #[test]
    fn the_signal_ends_the_patience() {
        runtime().block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let endpoint = Endpoint::Tcp(listener.local_addr().unwrap().port());
            let (signal, receiver) = watch::channel(false);
            let waiting = tokio::spawn(answering(endpoint, receiver, true));
            drop(listener.accept().await.unwrap());
            tokio::time::sleep(Duration::from_millis(50)).await;
            let start = Instant::now();
            signal.send_replace(true);
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(b"SSH-2.0-x\r\n").await.unwrap();
            waiting.await.unwrap().unwrap();
            assert!(start.elapsed() < Duration::from_millis(500), "{:?}", start.elapsed());
        });
    }
}
