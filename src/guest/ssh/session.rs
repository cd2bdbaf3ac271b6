//! An SSH session in this process. With `keys.rs`, the only file that knows the SSH library.
//!
//! The library is async and its callers are not: a thread of each session drives it. So a session may be used, and
//! dropped, wherever its user is, also in the midst of another runtime.

use std::borrow::Cow;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use futures::executor::block_on;
use russh::client::{AuthResult, DisconnectReason, Handle, Handler, Msg};
use russh::keys::{Algorithm, EcdsaCurve, PrivateKeyWithHashAlg, PublicKeyOrCertificate};
use russh::{ChannelMsg, ChannelReadHalf, ChannelWriteHalf, Preferred, Sig, cipher};
use tokio::sync::mpsc;
use tokio::task::unconstrained;

use super::keys;
use super::keys::Keys;
use crate::host::process::interrupt;
use crate::host::process::interrupt::Interrupted;

/// Host keys that we take, the best first.
const HOST_KEYS: &[Algorithm] = &[Algorithm::Ed25519, Algorithm::Ecdsa { curve: EcdsaCurve::NistP256 }];
/// Ciphers, the best first: processors have instructions for AES, and emulated ones pass them on.
const CIPHERS: &[cipher::Name] =
    &[cipher::AES_256_GCM, cipher::CHACHA20_POLY1305, cipher::AES_256_CTR, cipher::AES_128_CTR];
/// What the guest may send before we have taken it. Bytes.
const WINDOW: u32 = 16 << 20;
/// The largest packet that we take. Bytes.
const PACKET: u32 = 65535;
/// Pieces of a stream that wait for the slower side.
const PIECES: usize = 16;
/// A program that writes to a closed pipe ends with 128 + SIGPIPE.
const BROKEN_PIPE: i32 = 141;

/// A session that is logged in. Its thread ends with it.
pub struct Session {
    commands: mpsc::UnboundedSender<Command>,
}

/// Why there is no session, or no end of a command.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The connection broke or the server speaks no SSH that we know.
    #[error("SSH: {0}")]
    Ssh(#[from] russh::Error),
    /// The connection ended before the command did.
    #[error("SSH: the connection broke: {0}")]
    Lost(String),
    /// Nothing came for this time.
    #[error("SSH: no answer for {} s", .0.as_secs())]
    Silent(Duration),
    /// The server doesn't take our key.
    #[error("the guest's sshd refuses our key for user {user}")]
    Refused {
        /// The user in the guest.
        user: String,
    },
    /// The server lets us in and starts nothing.
    #[error("the guest's sshd refuses to start a command")]
    NoCommand,
    /// The server is not the one of the first session.
    #[error("the guest's SSH host key is not the pinned one; if that is expected, remove {0}")]
    HostKey(std::path::PathBuf),
    /// Our own key files can't be used.
    #[error(transparent)]
    Keys(#[from] keys::Error),
    /// Our own standard streams failed.
    #[error("can't pass data through: {0}")]
    Stream(#[from] io::Error),
    /// The tool was interrupted.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

/// Who logs in, and to what.
#[derive(Debug, Clone)]
pub struct Login {
    /// The user in the guest.
    pub user: String,
    /// The VM's keys.
    pub keys: Keys,
    /// The VM's name, under which its host key is pinned.
    pub alias: String,
}

impl Session {
    /// Logs in over a connection to an SSH server. The host key is checked, or pinned the first time.
    ///
    /// # Errors
    /// The connection breaks, nothing comes for `timeout`, the host key is another one, or our key is refused.
    pub fn open(stream: TcpStream, login: &Login, timeout: Duration) -> Result<Self, Error> {
        let (commands, mut queue) = mpsc::unbounded_channel::<Command>();
        let (answer, answered) = std::sync::mpsc::channel();
        let login = login.clone();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        std::thread::Builder::new().name("ssh".into()).spawn(move || {
            runtime.block_on(async {
                // Who doesn't wait for an answer any more has no use for the session either.
                match log_in(stream, login, timeout).await {
                    Ok(connection) if answer.send(Ok(())).is_ok() => {
                        while let Some(command) = queue.recv().await {
                            command.run(&connection).await;
                        }
                    }
                    Ok(_) => {}
                    Err(error) => drop(answer.send(Err(error))),
                }
            });
        })?;
        answered.recv().unwrap_or_else(|_| Err(thread_gone()))?;
        Ok(Self { commands })
    }

    /// Runs a shell line with our standard streams as its own; returns its exit code as a shell would.
    ///
    /// # Errors
    /// The connection breaks, our own streams fail, or the tool is interrupted.
    pub fn run(&self, line: &str) -> Result<i32, Error> {
        self.exec(line, io::stdin(), &mut io::stdout().lock(), &mut io::stderr().lock())
    }

    /// Runs a shell line without input; returns its exit code and what it printed, its errors included.
    ///
    /// # Errors
    /// The connection breaks, or the tool is interrupted.
    pub fn capture(&self, line: &str) -> Result<(i32, String), Error> {
        let (mut output, mut errors) = (Bounded::default(), Bounded::default());
        let code = self.exec(line, io::empty(), &mut output, &mut errors)?;
        output.0.extend(errors.0);
        Ok((code, String::from_utf8_lossy(&output.0).into_owned()))
    }

    /// Runs a shell line with these streams; returns its exit code as a shell would.
    ///
    /// `stdin` is read on a thread of its own, which lets go of it when it next has read something for nobody.
    ///
    /// # Errors
    /// The connection breaks, a stream fails, or the tool is interrupted.
    pub fn exec(
        &self,
        line: &str,
        stdin: impl Read + Send + 'static,
        stdout: &mut dyn Write,
        stderr: &mut dyn Write,
    ) -> Result<i32, Error> {
        let (events, mut seen) = mpsc::channel(PIECES);
        let command = Command { line: line.to_owned(), input: pieces(stdin)?, events };
        self.commands.send(command).map_err(|_| thread_gone())?;
        loop {
            // Without a share of time, of which another runtime that we may be in would never give us more.
            let event = block_on(unconstrained(seen.recv())).ok_or_else(thread_gone)?;
            let written = match event {
                Event::Output(bytes) => stdout.write_all(&bytes).and_then(|()| stdout.flush()),
                Event::Errors(bytes) => stderr.write_all(&bytes).and_then(|()| stderr.flush()),
                Event::End(result) => return result,
            };
            match written {
                Err(e) if e.kind() == io::ErrorKind::BrokenPipe => return Ok(BROKEN_PIPE),
                other => other?,
            }
        }
    }
}

/// Keeps the first of what a guest writes: it is not trusted to come to an end.
#[derive(Debug, Default)]
pub(super) struct Bounded(pub Vec<u8>);

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        const MOST: usize = 64 << 10;
        let room = MOST.saturating_sub(self.0.len()).min(bytes.len());
        self.0.extend_from_slice(&bytes[..room]);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The session's thread ends only with the session.
fn thread_gone() -> Error {
    Error::Lost("its thread is gone".into())
}

/// What is read from `stdin`, piece by piece, by a thread that may wait for it for ever.
fn pieces(mut stdin: impl Read + Send + 'static) -> io::Result<mpsc::Receiver<Bytes>> {
    let (sender, receiver) = mpsc::channel(PIECES);
    std::thread::Builder::new().name("stdin".into()).spawn(move || {
        let mut buffer = vec![0; 64 << 10];
        loop {
            match stdin.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) if sender.blocking_send(Bytes::copy_from_slice(&buffer[..count])).is_ok() => {}
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                // An input that can't be read (a folder, a closed terminal) is an empty one.
                Ok(_) | Err(_) => break,
            }
        }
    })?;
    Ok(receiver)
}

/// The connection, as the thread has it.
struct Connection {
    handle: Handle<Client>,
    seen: Arc<Seen>,
}

/// What the library tells us from the side.
#[derive(Default)]
struct Seen {
    /// The server's key: its type and its bytes.
    host_key: OnceLock<(String, Vec<u8>)>,
    /// Why the connection ended.
    end: OnceLock<String>,
}

impl Seen {
    fn lost(&self) -> Error {
        Error::Lost(self.end.get().map_or_else(|| "it was closed".to_owned(), |end| crate::text::plain(end)))
    }
}

/// Our answers to what the server says unasked.
struct Client {
    login: Login,
    seen: Arc<Seen>,
}

impl Handler for Client {
    type Error = Error;

    async fn check_server_key(&mut self, server: &PublicKeyOrCertificate) -> Result<bool, Error> {
        let key = server.public_key();
        let (kind, bytes) = (key.algorithm().to_string(), key.to_bytes().map_err(russh::Error::from)?);
        if !self.login.keys.is_expected_host(&self.login.alias, &kind, &bytes)? {
            return Err(Error::HostKey(self.login.keys.known_hosts()));
        }
        // A later key exchange brings the same key.
        let _ = self.seen.host_key.set((kind, bytes));
        Ok(true)
    }

    async fn disconnected(&mut self, reason: DisconnectReason<Error>) -> Result<(), Error> {
        let (reason, result) = match reason {
            DisconnectReason::ReceivedDisconnect(info) => (info.message, Ok(())),
            DisconnectReason::Error(error) => (crate::text::error_chain(&error), Err(error)),
        };
        // It ends once.
        let _ = self.seen.end.set(reason);
        result
    }
}

async fn log_in(stream: TcpStream, login: Login, timeout: Duration) -> Result<Connection, Error> {
    let silent = |_| Error::Silent(timeout);
    stream.set_nonblocking(true)?;
    let stream = tokio::net::TcpStream::from_std(stream)?;
    let preferred =
        Preferred { key: Cow::Borrowed(HOST_KEYS), cipher: Cow::Borrowed(CIPHERS), ..Preferred::DEFAULT };
    let config = Arc::new(russh::client::Config {
        window_size: WINDOW,
        maximum_packet_size: PACKET,
        preferred,
        ..Default::default()
    });
    let seen = Arc::new(Seen::default());
    let client = Client { login: login.clone(), seen: seen.clone() };
    let handshake = russh::client::connect_stream(config, stream, client);
    let mut handle = tokio::time::timeout(timeout, handshake).await.map_err(silent)??;
    let key = russh::keys::load_secret_key(login.keys.private(), None).map_err(russh::Error::from)?;
    let key = PrivateKeyWithHashAlg::new(Arc::new(key), None);
    let authentication = handle.authenticate_publickey(&login.user, key);
    match tokio::time::timeout(timeout, authentication).await.map_err(silent)?? {
        AuthResult::Success => {}
        // The library tells a connection that broke as a refusal.
        AuthResult::Failure { .. } if handle.is_closed() => return Err(seen.lost()),
        AuthResult::Failure { .. } => return Err(Error::Refused { user: login.user }),
    }
    if let Some((kind, key)) = seen.host_key.get() {
        login.keys.pin_host(&login.alias, kind, key)?;
    }
    Ok(Connection { handle, seen })
}

/// A command for the session's thread.
struct Command {
    line: String,
    input: mpsc::Receiver<Bytes>,
    events: mpsc::Sender<Event>,
}

/// What comes of a command.
enum Event {
    Output(Bytes),
    Errors(Bytes),
    End(Result<i32, Error>),
}

impl Command {
    async fn run(self, connection: &Connection) {
        let Self { line, input, events } = self;
        let result = tokio::select! {
            result = execute(connection, line, input, &events) => result,
            signal = interrupt::wait() => Err(signal.into()),
            // Nobody listens any more.
            () = events.closed() => return,
        };
        let _ = events.send(Event::End(result)).await;
    }
}

async fn execute(
    connection: &Connection,
    line: String,
    input: mpsc::Receiver<Bytes>,
    events: &mpsc::Sender<Event>,
) -> Result<i32, Error> {
    let channel = match connection.handle.channel_open_session().await {
        Err(_) if connection.handle.is_closed() => return Err(connection.seen.lost()),
        other => other?,
    };
    let (read, write) = channel.split();
    write.exec(true, line).await?;
    let result = tokio::select! {
        code = drain(read, events) => code?,
        never = feed(&write, input) => match never {},
    };
    // The server may have closed its side, or all, before.
    let _ = write.close().await;
    result.ok_or_else(|| connection.seen.lost())
}

/// Gives the command its input, as fast as it takes it. Doesn't return: the command's end is told elsewhere.
async fn feed(write: &ChannelWriteHalf<Msg>, mut input: mpsc::Receiver<Bytes>) -> std::convert::Infallible {
    // A command that has closed its input or is gone wrote something before, and that still counts.
    while let Some(bytes) = input.recv().await {
        if write.data_bytes(bytes).await.is_err() {
            return std::future::pending().await;
        }
    }
    let _ = write.eof().await;
    std::future::pending().await
}

/// Passes on what the command writes; its exit code, or nothing when the connection ended without one.
async fn drain(mut read: ChannelReadHalf, events: &mpsc::Sender<Event>) -> Result<Option<i32>, Error> {
    let mut code = None;
    while let Some(message) = read.wait().await {
        let event = match message {
            ChannelMsg::Data { data } => Event::Output(data),
            // SSH_EXTENDED_DATA_STDERR: RFC 4254, section 5.2
            ChannelMsg::ExtendedData { data, ext: 1 } => Event::Errors(data),
            ChannelMsg::ExitStatus { exit_status } => {
                code = Some(i32::try_from(exit_status).unwrap_or(255));
                continue;
            }
            ChannelMsg::ExitSignal { signal_name, .. } => {
                code = Some(128 + signal_number(&signal_name));
                continue;
            }
            ChannelMsg::Failure => return Err(Error::NoCommand),
            ChannelMsg::Close => break,
            _ => continue,
        };
        // Who doesn't listen any more ends all this.
        let _ = events.send(event).await;
    }
    Ok(code)
}

/// The number of a signal (Linux' numbers).
fn signal_number(signal: &Sig) -> i32 {
    match signal {
        Sig::HUP => 1,
        Sig::INT => 2,
        Sig::QUIT => 3,
        Sig::ILL => 4,
        Sig::ABRT => 6,
        Sig::FPE => 8,
        Sig::KILL => 9,
        Sig::USR1 => 10,
        Sig::SEGV => 11,
        Sig::PIPE => 13,
        Sig::ALRM => 14,
        Sig::TERM => 15,
        Sig::Custom(name) if name == "USR2" => 12,
        // OpenSSH sends those that RFC 4254, section 6.10 doesn't name as NAME@openssh.com, without their number.
        Sig::Custom(_) => 0,
    }
}
