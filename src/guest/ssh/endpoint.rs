//! The endpoints of the guest's sshd, and the first connection to it.

use std::io;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::Duration;

use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use crate::host::net::vsock;
use crate::hypervisor::{VSOCK_SSH_PORT, Vsock};

/// Time between the first two attempts.
const RETRY_MIN: Duration = Duration::from_millis(100);
/// The time doubles up to this while attempts stay unanswered: each may become an sshd process in
/// the guest.
const RETRY_MAX: Duration = Duration::from_secs(1);
/// Time between two attempts before the guest says that it started its sshd.
const RETRY_UNTIL_SIGNAL: Duration = Duration::from_secs(3);
/// Time between two attempts after a refusal: the guest's network is up, so sshd starts soon, and
/// refusing is cheap.
const RETRY_REFUSED: Duration = Duration::from_millis(60);
/// Time after an attempt that the guest neither refuses nor answers although its network is up:
/// sshd has it. Its greeting takes a second under emulation, longer if it has several.
const RETRY_TAKEN: Duration = Duration::from_millis(1500);
/// Attempts at the same time.
const MAX_ATTEMPTS: usize = 6;
/// Attempts at the same time to an sshd that is known to run. It answers each, and many at once are
/// a burden for an emulated processor. OpenSSH turns further ones away.
const MAX_TO_RUNNING: usize = 2;
/// Time limit for an attempt. An unanswered one lost its packets while the guest had no address.
const ATTEMPT_TIME: Duration = Duration::from_secs(20);
/// Time limit for the greeting over `AF_VSOCK`. Then TCP is tried.
const VSOCK_TIME: Duration = Duration::from_secs(5);

/// A way to reach the guest's sshd.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// A TCP port on the host's loopback.
    Tcp(u16),
    /// The guest's `AF_VSOCK` port.
    Vsock(Vsock),
    /// The socket that leads to an sshd which the agent starts.
    Door(PathBuf),
}

/// The endpoints of one VM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Routes {
    /// The TCP port on the host's loopback.
    pub tcp: u16,
    /// Preferred: it needs no network in the guest, and no other program can take the port.
    pub vsock: Option<Vsock>,
}

/// A connection to an SSH server that answers.
#[derive(Debug)]
pub struct Connection {
    pub endpoint: Endpoint,
    /// Blocking. The server's greeting is still unread.
    pub stream: std::net::TcpStream,
}

/// Waits until an SSH server answers.
///
/// A port forward accepts connections long before the guest listens, so only the server's first
/// bytes count. `signal` turns true when the guest says that it started its sshd, and is sent once
/// more when the guest's network comes up after that. If `signal_expected`, attempts are rare until
/// then or until the guest refuses one. They are rare, too, if the guest's `network_is_up`, because
/// it then loses none.
pub async fn connect(
    routes: &Routes,
    signal: watch::Receiver<bool>,
    signal_expected: bool,
    network_is_up: bool,
) -> Connection {
    first_success(
        |started| connect_once(routes, started),
        signal,
        signal_expected,
        network_is_up,
    )
    .await
}

/// Returns the first success. The argument of `attempt` is false while the guest's signal is
/// expected.
async fn first_success<T, F: Future<Output = io::Result<T>>>(
    mut attempt: impl FnMut(bool) -> F,
    mut signal: watch::Receiver<bool>,
    signal_expected: bool,
    mut network_is_up: bool,
) -> T {
    let mut attempts = FuturesUnordered::new();
    let mut to_running = 0;
    let mut retry = RETRY_MIN;
    let mut awaits_signal = signal_expected && !*signal.borrow_and_update();
    // Whatever the number of attempts is.
    let mut must_try = false;
    loop {
        let is_running = signal_expected && !awaits_signal;
        let may_try = attempts.len() < MAX_ATTEMPTS && (!is_running || to_running < MAX_TO_RUNNING);
        if std::mem::take(&mut must_try) || may_try {
            to_running += usize::from(is_running);
            let attempt = timeout(ATTEMPT_TIME, attempt(!awaits_signal));
            attempts.push(attempt.map(move |result| (result, is_running)));
        }
        let pause = match (network_is_up, awaits_signal) {
            (true, _) => RETRY_TAKEN,
            (false, true) => RETRY_UNTIL_SIGNAL,
            (false, false) => retry,
        };
        let mut next_attempt = Instant::now() + pause;
        retry = (retry * 2).min(RETRY_MAX);
        loop {
            tokio::select! {
                Some((result, is_running)) = attempts.next() => {
                    to_running -= usize::from(is_running);
                    match result {
                        Ok(Ok(answer)) => return answer,
                        // The guest is up, but its sshd doesn't listen yet.
                        Ok(Err(_)) => {
                            network_is_up = true;
                            next_attempt = next_attempt.min(Instant::now() + RETRY_REFUSED);
                        }
                        Err(_) => {}
                    }
                }
                Ok(()) = signal.changed(), if awaits_signal || is_running && !network_is_up => {
                    let is_first = std::mem::replace(&mut awaits_signal, false);
                    if network_is_up {
                        continue;
                    }
                    if !is_first {
                        // Without a network, the guest has lost them all.
                        attempts.clear();
                        (to_running, network_is_up) = (0, true);
                    }
                    retry = RETRY_MIN;
                    must_try = true;
                    break
                }
                () = tokio::time::sleep_until(next_attempt) => break,
            }
        }
    }
}

/// Connects to this endpoint, and waits for the greeting.
///
/// # Errors
/// Nothing listens there, or the connection ends without a greeting.
pub async fn connect_to(endpoint: Endpoint) -> io::Result<Connection> {
    let connect = match endpoint.clone() {
        Endpoint::Tcp(port) => {
            let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
            stream.set_nodelay(true)?;
            return wait_for_greeting(endpoint, stream).await;
        }
        Endpoint::Vsock(vsock) => tokio::task::spawn_blocking(move || match vsock {
            Vsock::Cid(cid) => vsock::connect(cid, VSOCK_SSH_PORT),
            Vsock::Socket(path) => vsock::connect_socket(&path),
            Vsock::Hyperv(Some(vm)) => vsock::connect_hyperv(&vm, VSOCK_SSH_PORT),
            Vsock::Hyperv(None) => Err(io::ErrorKind::NotFound.into()),
        }),
        Endpoint::Door(path) => tokio::task::spawn_blocking(move || vsock::connect_socket(&path)),
    };
    let stream = connect.await??;
    stream.set_nonblocking(true)?;
    wait_for_greeting(endpoint, TcpStream::from_std(stream)?).await
}

/// Makes one attempt. `started`: the guest said that it started its sshd, or no signal is expected.
async fn connect_once(routes: &Routes, started: bool) -> io::Result<Connection> {
    if started && let Some(connection) = connect_vsock(routes).await {
        return Ok(connection);
    }
    let tcp = connect_to(Endpoint::Tcp(routes.tcp)).await?;
    // sshd answers before the guest's signal, so AF_VSOCK may work by now, too.
    let vsock = if started {
        None
    } else {
        connect_vsock(routes).await
    };
    Ok(vsock.unwrap_or(tcp))
}

async fn connect_vsock(routes: &Routes) -> Option<Connection> {
    let connection = connect_to(Endpoint::Vsock(routes.vsock.clone()?));
    match timeout(VSOCK_TIME, connection).await {
        Ok(Ok(connection)) => Some(connection),
        Ok(Err(error)) => {
            tracing::debug!(%error, "no sshd on AF_VSOCK");
            None
        }
        Err(_) => None,
    }
}

/// The first bytes of a server that turns a connection away, because of MaxStartups or of
/// PerSourcePenalties (OpenSSH's sshd.c). A later connection may be taken.
const TURNED_AWAY: [&[u8]; 2] = [b"Exceeded MaxStartups", b"Not allowed at this time"];

/// Waits for the server's first bytes, and leaves them in the stream.
async fn wait_for_greeting(endpoint: Endpoint, stream: TcpStream) -> io::Result<Connection> {
    let mut first = [0; 24];
    let count = stream.peek(&mut first).await?;
    if count == 0 {
        return Err(io::ErrorKind::ConnectionReset.into());
    }
    if TURNED_AWAY.iter().any(|text| first.starts_with(text)) {
        return Err(io::ErrorKind::ConnectionRefused.into());
    }
    let stream = stream.into_std()?;
    stream.set_nonblocking(false)?;
    Ok(Connection { endpoint, stream })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
    }

    #[test]
    fn only_a_server_that_sends_a_greeting_counts() {
        runtime().block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let routes = Routes {
                tcp: listener.local_addr().unwrap().port(),
                vsock: None,
            };
            let server = tokio::spawn(async move {
                // A port forward accepts three connections and closes them, the next is turned away
                // or stays silent, the last one speaks.
                for _ in 0..3 {
                    drop(listener.accept().await.unwrap());
                }
                let (mut busy, _) = listener.accept().await.unwrap();
                busy.write_all(b"Exceeded MaxStartups\r\n").await.unwrap();
                let _silent = listener.accept().await.unwrap();
                let (mut stream, _) = listener.accept().await.unwrap();
                stream.write_all(b"SSH-2.0-x\r\n").await.unwrap();
                stream
            });
            let (_signal, receiver) = watch::channel(false);
            let stream = connect(&routes, receiver, false, false).await.stream;
            let _server = server.await.unwrap();
            let mut bytes = [0; 4];
            std::io::Read::read_exact(&mut &stream, &mut bytes).unwrap();
            assert_eq!(&bytes, b"SSH-", "the stream still holds the greeting");
        });
    }

    #[derive(Clone, Copy)]
    enum Attempt {
        Refused,
        Silent,
        Answered,
    }

    /// The time after which the guest has an address.
    const NETWORK: Duration = Duration::from_millis(750);

    /// The virtual milliseconds until one of these attempts is answered. The guest sends its signal
    /// after `signal`, or is not expected to send one.
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
            let signal = signal.unwrap_or(Duration::MAX);
            tokio::time::sleep(signal).await;
            sender.send_replace(true);
            tokio::time::sleep(NETWORK.saturating_sub(signal)).await;
            sender.send_replace(true);
            std::future::pending::<()>().await;
        };
        let start = Instant::now();
        tokio::select! {
            result = first_success(attempt, receiver, signal.is_some(), false) => result,
            () = send => {}
        }
        start.elapsed().as_millis()
    }

    #[tokio::test(start_paused = true)]
    async fn attempts_follow_each_other_as_the_guest_allows() {
        use Attempt::{Answered, Refused, Silent};
        let never = Some(Duration::MAX);
        for (attempts, signal, expected) in [
            (&[Refused, Refused, Refused, Answered][..], None, 180),
            // A silent attempt holds up nothing, but each may be an sshd process in the guest.
            (&[Silent, Silent, Silent, Answered], None, 700),
            (&[Silent, Answered], never, 3000),
            // A refusal or the signal ends the wait.
            (&[Refused, Refused, Refused, Answered], never, 180),
            // A server that has begun to listen gets time for its greeting.
            (&[Refused, Silent, Answered], never, 1560),
            (&[Refused, Silent, Answered], None, 1560),
            (&[Silent, Answered], Some(Duration::from_millis(50)), 50),
            // What comes before the network is lost.
            (
                &[Silent, Silent, Silent, Answered],
                Some(Duration::from_millis(50)),
                750,
            ),
            // An sshd that runs and is slow gets no third connection before it gave up the first.
            (
                &[Silent, Silent, Silent, Silent, Silent, Answered],
                Some(Duration::from_millis(50)),
                21_750,
            ),
        ] {
            let time = time_of(attempts, signal).await;
            assert!(
                time.abs_diff(expected) < 10,
                "{time} ms, expected {expected} ms"
            );
        }
    }

    /// A hypervisor's socket stands for `AF_VSOCK`, which not every Unix has.
    #[cfg(unix)]
    #[test]
    fn af_vsock_is_preferred_to_tcp() {
        /// Sends a greeting on each connection, and keeps it open.
        fn serve<S: std::io::Write + Send>(
            mut accept: impl FnMut() -> io::Result<S> + Send + 'static,
        ) {
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
        let routes = Routes {
            tcp: tcp.local_addr().unwrap().port(),
            vsock: Some(vsock.clone()),
        };
        serve(move || Ok(tcp.accept()?.0));
        let answer = |expected| {
            let (_signal, receiver) = watch::channel(false);
            runtime()
                .block_on(connect(&routes, receiver, expected, false))
                .endpoint
        };
        // Without a listener on AF_VSOCK, TCP is used.
        assert_eq!(answer(false), Endpoint::Tcp(routes.tcp));
        let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
        serve(move || Ok(listener.accept()?.0));
        assert_eq!(answer(false), Endpoint::Vsock(vsock.clone()));
        // TCP answers before the guest's signal.
        assert_eq!(answer(true), Endpoint::Vsock(vsock));
    }
}
