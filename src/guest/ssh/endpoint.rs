//! How to reach the guest's sshd, and when it answers.

use std::io;
use std::net::Ipv4Addr;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use crate::host::net::vsock;
use crate::hypervisor::{VSOCK_SSH_PORT, Vsock};

/// The first systemd whose sshd listens on `AF_VSOCK` by itself.
pub const SSHD_ON_VSOCK: u32 = 256;

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
/// A guest that takes a connection without a network, but says nothing on it for this long, gets one over TCP.
const HEAD_START: Duration = Duration::from_secs(5);

/// Where the guest's sshd can be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// A TCP port on the host's loopback.
    Tcp(u16),
    /// The guest's `AF_VSOCK` port.
    Vsock(Vsock),
}

/// The ways to the guest's sshd.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ways {
    /// The TCP port on the host's loopback.
    pub tcp: u16,
    /// The better way, if there is one: no network between, and nobody else's port.
    pub vsock: Option<Vsock>,
}

/// A server that answers.
#[derive(Debug)]
pub struct Answer {
    /// Where.
    pub endpoint: Endpoint,
    /// The connection; nothing was read from it yet.
    pub stream: std::net::TcpStream,
}

/// Waits until an SSH server answers.
///
/// A port forward accepts connections long before the guest listens, so only the server's first bytes count.
/// `signal` turns true when the guest says that it started its sshd; until then, and until the guest refuses, tries
/// are rare, if such a signal is expected at all.
pub async fn answering(ways: &Ways, signal: watch::Receiver<bool>, signal_expected: bool) -> Answer {
    first_success(|started| reach(ways, started), signal, signal_expected).await
}

/// The result of the first attempt that succeeds; its argument is true unless the guest is still to send its signal.
async fn first_success<T, F: Future<Output = io::Result<T>>>(
    mut attempt: impl FnMut(bool) -> F,
    mut signal: watch::Receiver<bool>,
    signal_expected: bool,
) -> T {
    let mut tries = FuturesUnordered::new();
    let mut retry = RETRY;
    loop {
        let patient = signal_expected && !*signal.borrow();
        if tries.len() < TRIES {
            tries.push(timeout(TRY_TIME, attempt(!patient)));
        }
        let mut next_try = Instant::now() + if patient { RETRY_UNTIL_SIGNAL } else { retry };
        let mut refused = false;
        loop {
            tokio::select! {
                Some(result) = tries.next() => match result {
                    Ok(Ok(answer)) => return answer,
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

/// One try. `started`: the guest has said that it started its sshd, or is not expected to.
async fn reach(ways: &Ways, started: bool) -> io::Result<Answer> {
    if started && let Some(answer) = by_vsock(ways).await {
        return Ok(answer);
    }
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, ways.tcp)).await?;
    stream.set_nodelay(true)?;
    let by_tcp = first_bytes(Endpoint::Tcp(ways.tcp), stream).await?;
    // There is an sshd, earlier than it was said: so there may be the better way.
    let better = if started { None } else { by_vsock(ways).await };
    Ok(better.unwrap_or(by_tcp))
}

async fn by_vsock(ways: &Ways) -> Option<Answer> {
    let vsock = ways.vsock.clone()?;
    let endpoint = Endpoint::Vsock(vsock.clone());
    let speaks = async {
        let connect = move || match vsock {
            Vsock::Cid(cid) => vsock::connect(cid, VSOCK_SSH_PORT),
            Vsock::Socket(path) => vsock::connect_socket(&path),
            Vsock::Hyperv(Some(vm)) => vsock::connect_hyperv(&vm, VSOCK_SSH_PORT),
            Vsock::Hyperv(None) => Err(io::ErrorKind::NotFound.into()),
        };
        let stream = tokio::task::spawn_blocking(connect).await??;
        stream.set_nonblocking(true)?;
        first_bytes(endpoint, TcpStream::from_std(stream)?).await
    };
    match timeout(HEAD_START, speaks).await {
        Ok(Ok(answer)) => Some(answer),
        Ok(Err(error)) => {
            tracing::debug!(%error, "no sshd on AF_VSOCK");
            None
        }
        Err(_) => None,
    }
}

async fn first_bytes(endpoint: Endpoint, stream: TcpStream) -> io::Result<Answer> {
    if stream.peek(&mut [0]).await? == 0 {
        return Err(io::ErrorKind::ConnectionReset.into());
    }
    let stream = stream.into_std()?;
    stream.set_nonblocking(false)?;
    Ok(Answer { endpoint, stream })
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
            let ways = Ways { tcp: listener.local_addr().unwrap().port(), vsock: None };
            let server = tokio::spawn(async move {
                // A port forward accepts connections and closes them; one stays silent; the last one speaks.
                for _ in 0..3 {
                    drop(listener.accept().await.unwrap());
                }
                let _silent = listener.accept().await.unwrap();
                let (mut stream, _) = listener.accept().await.unwrap();
                stream.write_all(b"SSH-2.0-x\r\n").await.unwrap();
                stream
            });
            let (_signal, receiver) = watch::channel(false);
            let stream = answering(&ways, receiver, false).await.stream;
            let _server = server.await.unwrap();
            let mut bytes = [0; 4];
            std::io::Read::read_exact(&mut &stream, &mut bytes).unwrap();
            assert_eq!(&bytes, b"SSH-", "nothing was taken from the stream");
        });
    }

    #[derive(Clone, Copy)]
    enum Attempt {
        Refused,
        Silent,
        Answered,
    }

    /// The virtual milliseconds until one of these attempts is answered. The guest sends its signal after `signal`, or
    /// is not expected to send one.
    async fn time_of(attempts: &[Attempt], signal: Option<Duration>) -> u128 {
        let (sender, receiver) = watch::channel(false);
        let mut attempts = attempts.iter().copied();
        let attempt = |_| {
            let attempt = attempts.next().unwrap();
            async move {
                match attempt {
                    Attempt::Refused => Err(io::ErrorKind::ConnectionRefused.into()),
                    Attempt::Silent => std::future::pending().await,
                    Attempt::Answered => Ok(()),
                }
            }
        };
        let send = async {
            tokio::time::sleep(signal.unwrap_or(Duration::MAX)).await;
            sender.send_replace(true);
            std::future::pending::<()>().await;
        };
        let start = Instant::now();
        tokio::select! {
            result = first_success(attempt, receiver, signal.is_some()) => result,
            () = send => {}
        }
        start.elapsed().as_millis()
    }

    #[tokio::test(start_paused = true)]
    async fn attempts_follow_each_other_as_the_guest_allows() {
        use Attempt::{Answered, Refused, Silent};
        let never = Some(Duration::MAX);
        for (attempts, signal, expected) in [
            (&[Refused, Refused, Refused, Answered][..], None, 300),
            // A silent attempt holds up nothing, but each may be an sshd process in the guest.
            (&[Silent, Silent, Silent, Answered], None, 700),
            (&[Silent, Answered], never, 3000),
            // A refusal or the signal ends the patience.
            (&[Refused, Refused, Refused, Answered], never, 600),
            (&[Silent, Answered], Some(Duration::from_millis(50)), 50),
        ] {
            let time = time_of(attempts, signal).await;
            assert!(time.abs_diff(expected) < 10, "{time} ms, expected {expected} ms");
        }
    }

    /// Sockets of a hypervisor that stand for the guest's port are all that every Unix has.
    #[cfg(unix)]
    #[test]
    fn the_way_without_a_network_is_the_better_one() {
        /// A server that speaks at once, and keeps its connections.
        fn serve<S: std::io::Write + Send>(mut accept: impl FnMut() -> io::Result<S> + Send + 'static) {
            std::thread::spawn(move || {
                let mut open = Vec::new();
                while let Ok(mut stream) = accept() {
                    stream.write_all(b"SSH-2.0-x\r\n").unwrap();
                    open.push(stream);
                }
            });
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vsock");
        let tcp = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let vsock = Vsock::Socket(path.clone());
        let ways = Ways { tcp: tcp.local_addr().unwrap().port(), vsock: Some(vsock.clone()) };
        serve(move || Ok(tcp.accept()?.0));
        let answer = |expected| {
            let (_signal, receiver) = watch::channel(false);
            runtime().block_on(answering(&ways, receiver, expected)).endpoint
        };
        // A guest that doesn't listen there is reached all the same.
        assert_eq!(answer(false), Endpoint::Tcp(ways.tcp));
        let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
        serve(move || Ok(listener.accept()?.0));
        assert_eq!(answer(false), Endpoint::Vsock(vsock.clone()));
        // The network's sshd answers before the guest says that it was started.
        assert_eq!(answer(true), Endpoint::Vsock(vsock));
    }
}
