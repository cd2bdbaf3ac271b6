//! An SSH session in this process. With `client.rs`, `authentication.rs` and `keys.rs`, the only
//! file that knows the SSH library.

use std::convert::Infallible;
use std::future::pending;
use std::io;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use russh::client::{Handle, Msg};
use russh::{Channel, ChannelMsg, ChannelReadHalf, ChannelWriteHalf, Disconnect, Pty, Sig};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, empty, sink};
use tokio::sync::mpsc;
use tokio_util::io::InspectWriter;

use super::authentication;
use super::client::{Client, Seen};
pub use super::client::{ForwardedStream, Login};
pub use super::error::Error;
use crate::host::process::interrupt;
use crate::host::terminal::{RawMode, Window};

/// Output of the guest that may wait here. Bytes.
const WINDOW: u32 = 16 << 20;
/// Largest packet. Bytes.
const PACKET: u32 = 65535;
/// Most input in one message. Bytes.
const PIECE: usize = 64 << 10;
/// Time without a packet of the server after which we ask whether it is there.
pub const KEEPALIVE: Duration = Duration::from_secs(15);
/// Unanswered questions after which a session is lost. A guest may stand still for some time: its
/// machine is paused while the host has no space for its disk.
pub const KEEPALIVES: usize = 6;
/// End of a terminal's input (ctrl-D).
const END_OF_INPUT: u8 = 4;
/// Time limit for a server that opens no channel, and the time between two attempts.
const CHANNEL_TIME: Duration = Duration::from_secs(3);
const CHANNEL_RETRY: Duration = Duration::from_millis(50);
/// Time limit for a server that neither forwards a port nor refuses to.
const FORWARD_TIME: Duration = Duration::from_secs(30);
/// The address of a forwarded port in the guest.
const LOOPBACK: &str = "127.0.0.1";
/// Connections to a forwarded port that may wait here.
const WAITING: usize = 16;
/// Time limit for an orderly end of a session.
const CLOSE_TIME: Duration = Duration::from_secs(1);
/// 128 + SIGPIPE: the exit code of a program that writes to a closed pipe.
const BROKEN_PIPE: i32 = 141;

/// A session after its login. The runtime on which it was opened drives it.
pub struct Session {
    handle: Handle<Client>,
    seen: Arc<Seen>,
}

impl Session {
    /// Logs in over a connection to an SSH server. Checks the host key, or pins it the first time.
    /// Dropping the future ends the connection, at the latest when the server has sent its next
    /// packet.
    ///
    /// # Errors
    /// The connection breaks, the server is silent for `timeout`, its host key is not the pinned
    /// one, or it refuses our key.
    pub async fn open(stream: TcpStream, login: &Login, timeout: Duration) -> Result<Self, Error> {
        let silent = |_| Error::Silent(timeout);
        stream.set_nonblocking(true)?;
        let stream = tokio::net::TcpStream::from_std(stream)?;
        let pinned = login.keys.pinned_types(&login.alias)?;
        let config = Arc::new(russh::client::Config {
            window_size: WINDOW,
            maximum_packet_size: PACKET,
            preferred: authentication::preferred(&pinned),
            keepalive_interval: Some(KEEPALIVE),
            keepalive_max: KEEPALIVES,
            ..Default::default()
        });
        let seen = Arc::new(Seen::default());
        let client = Client {
            login: login.clone(),
            seen: seen.clone(),
        };
        let handshake = russh::client::connect_stream(config, stream, client);
        let mut handle = tokio::time::timeout(timeout, handshake)
            .await
            .map_err(silent)??;
        let authentication = authentication::authenticate(&mut handle, login, &seen);
        tokio::time::timeout(timeout, authentication)
            .await
            .map_err(silent)??;
        if let Some((kind, key)) = seen.host_key.get() {
            login.keys.pin_host(&login.alias, kind, key)?;
        }
        Ok(Self { handle, seen })
    }

    /// Ends the connection.
    pub async fn close(self) {
        let end = async {
            let _ = self
                .handle
                .disconnect(Disconnect::ByApplication, "", "")
                .await;
            let _ = self.handle.await;
        };
        // A guest that stopped reading would never see the end.
        let _ = tokio::time::timeout(CLOSE_TIME, end).await;
    }

    /// Runs a shell line with this process's standard streams; returns its exit code as a shell
    /// would. With `tty`, the command gets a terminal, which has one output stream.
    ///
    /// # Errors
    /// The connection breaks, a standard stream fails, or the tool is interrupted.
    pub async fn run(&self, line: &str, tty: bool) -> Result<i32, Error> {
        use tokio::io::{stderr, stdin, stdout};
        let (window, _raw) = match tty {
            true => (Some(Window::open()?), Some(RawMode::enter()?)),
            false => (None, None),
        };
        let (mut stdout, mut stderr) = (stdout(), stderr());
        unless_interrupted(self.exec_in(window, line, stdin(), &mut stdout, &mut stderr)).await
    }

    /// Runs a shell line without input; returns its exit code and its output, first stdout, then
    /// stderr.
    ///
    /// # Errors
    /// The connection breaks, or the tool is interrupted.
    pub async fn capture(&self, line: &str) -> Result<(i32, String), Error> {
        let (mut output, mut errors) = (Vec::new(), Vec::new());
        let code = self
            .exec(
                line,
                empty(),
                &mut first_bytes(&mut output),
                &mut first_bytes(&mut errors),
            )
            .await?;
        output.extend(errors);
        Ok((code, String::from_utf8_lossy(&output).into_owned()))
    }

    /// Runs a shell line without streams, even after the tool was interrupted.
    ///
    /// # Errors
    /// The connection breaks.
    pub async fn order(&self, line: &str) -> Result<(), Error> {
        self.exec_in(None, line, empty(), &mut sink(), &mut sink())
            .await?;
        Ok(())
    }

    /// Runs a shell line with these streams; returns its exit code as a shell would.
    ///
    /// # Errors
    /// The connection breaks, an output stream fails, or the tool is interrupted.
    pub async fn exec(
        &self,
        line: &str,
        stdin: impl AsyncRead + Unpin,
        stdout: &mut (impl AsyncWrite + Unpin),
        stderr: &mut (impl AsyncWrite + Unpin),
    ) -> Result<i32, Error> {
        unless_interrupted(self.exec_in(None, line, stdin, stdout, stderr)).await
    }

    /// Runs a shell line in a window, or without a terminal.
    async fn exec_in(
        &self,
        mut window: Option<Window>,
        line: &str,
        stdin: impl AsyncRead + Unpin,
        stdout: &mut (impl AsyncWrite + Unpin),
        stderr: &mut (impl AsyncWrite + Unpin),
    ) -> Result<i32, Error> {
        let (read, write) = self.open_channel().await?.split();
        if let Some(window) = &window {
            let size = window.size();
            let (columns, rows) = (size.columns.into(), size.rows.into());
            // A guest that refuses it runs the command without a terminal, as with OpenSSH.
            let modes = [(Pty::IUTF8, 1)];
            write
                .request_pty(false, &window.kind, columns, rows, 0, 0, &modes)
                .await?;
        }
        write.exec(true, line).await?;
        let end = window.is_some().then_some(END_OF_INPUT);
        let code = tokio::select! {
            code = drain(read, stdout, stderr) => code?,
            never = feed(&write, stdin, end) => match never {},
            never = pass_on_sizes(&write, window.as_mut()) => match never {},
        };
        // The server may have closed its side, or the connection.
        let _ = write.close().await;
        code.ok_or_else(|| self.seen.lost())
    }

    /// Forwards a port of the guest's loopback to this process, as long as the session lasts.
    /// Returns the port that the guest's sshd chose, and the connections to it. Nothing listens on
    /// the host.
    ///
    /// # Errors
    /// [`Error::NoForwarding`] if the sshd forbids it, or the connection breaks.
    pub async fn forward_from_guest(
        &self,
    ) -> Result<(u16, mpsc::Receiver<ForwardedStream>), Error> {
        let (sender, streams) = mpsc::channel(WAITING);
        self.seen.forward_to(sender);
        let forward = self.handle.tcpip_forward(LOOPBACK, 0);
        match tokio::time::timeout(FORWARD_TIME, forward).await {
            Err(_) => Err(Error::Silent(FORWARD_TIME)),
            Ok(Ok(port)) => match u16::try_from(port) {
                Ok(port @ 1..) => Ok((port, streams)),
                _ => Err(Error::NoForwarding),
            },
            Ok(Err(russh::Error::RequestDenied)) => Err(Error::NoForwarding),
            Ok(Err(_)) if self.handle.is_closed() => Err(self.seen.lost()),
            Ok(Err(error)) => Err(error.into()),
        }
    }

    /// Opens a channel for one command. A server with `MaxSessions 1` may still be tidying up after
    /// the previous one.
    async fn open_channel(&self) -> Result<Channel<Msg>, Error> {
        let start = Instant::now();
        loop {
            match self.handle.channel_open_session().await {
                Err(_) if self.handle.is_closed() => return Err(self.seen.lost()),
                Err(russh::Error::ChannelOpenFailure(_)) if start.elapsed() < CHANNEL_TIME => {
                    tokio::time::sleep(CHANNEL_RETRY).await;
                }
                other => return Ok(other?),
            }
        }
    }
}

/// Waits for a command, or for an interrupt. A closed output stream is an exit code.
async fn unless_interrupted(
    command: impl Future<Output = Result<i32, Error>>,
) -> Result<i32, Error> {
    let result = tokio::select! {
        result = command => result,
        signal = interrupt::wait() => Err(signal.into()),
    };
    match result {
        Err(Error::Stream(e)) if e.kind() == io::ErrorKind::BrokenPipe => Ok(BROKEN_PIPE),
        other => other,
    }
}

/// Tells the command's terminal each new size of the window. Never returns.
async fn pass_on_sizes(write: &ChannelWriteHalf<Msg>, window: Option<&mut Window>) -> Infallible {
    let Some(window) = window else {
        return pending().await;
    };
    let mut old = window.size();
    loop {
        let size = window.resized().await;
        if size != old {
            old = size;
            // A command that has exited needs no window.
            let _ = write
                .window_change(size.columns.into(), size.rows.into(), 0, 0)
                .await;
        }
    }
}

/// Gives the command its input, as fast as it takes it, and `end` after it: a terminal's input has
/// no other end. Never returns, because the command's end is seen elsewhere.
async fn feed(
    write: &ChannelWriteHalf<Msg>,
    mut stdin: impl AsyncRead + Unpin,
    end: Option<u8>,
) -> Infallible {
    let mut at_line_start = true;
    let mut buffer = vec![0; PIECE];
    // An input that can't be read (a folder, a closed terminal) counts as empty.
    while let Ok(count @ 1..) = stdin.read(&mut buffer).await {
        at_line_start = buffer[count - 1] == b'\n';
        if write
            .data_bytes(Bytes::copy_from_slice(&buffer[..count]))
            .await
            .is_err()
        {
            // A command that closed its input or exited may have written something that still
            // counts.
            return pending().await;
        }
    }
    if let Some(end) = end {
        // In the middle of a line, the first one ends the line.
        let ends = vec![end; if at_line_start { 1 } else { 2 }];
        let _ = write.data_bytes(Bytes::from(ends)).await;
    }
    let _ = write.eof().await;
    pending().await
}

/// Passes on the command's output; returns its exit code, or none when the connection ended without
/// one.
async fn drain(
    mut read: ChannelReadHalf,
    stdout: &mut (impl AsyncWrite + Unpin),
    stderr: &mut (impl AsyncWrite + Unpin),
) -> Result<Option<i32>, Error> {
    let mut code = None;
    while let Some(message) = read.wait().await {
        match message {
            ChannelMsg::Data { data } => {
                stdout.write_all(&data).await?;
                stdout.flush().await?;
            }
            // SSH_EXTENDED_DATA_STDERR: RFC 4254, section 5.2
            ChannelMsg::ExtendedData { data, ext: 1 } => {
                stderr.write_all(&data).await?;
                stderr.flush().await?;
            }
            ChannelMsg::ExitStatus { exit_status } => {
                code = Some(i32::try_from(exit_status).unwrap_or(255))
            }
            ChannelMsg::ExitSignal { signal_name, .. } => {
                code = Some(128 + signal_number(&signal_name))
            }
            ChannelMsg::Failure => return Err(Error::NoCommand),
            ChannelMsg::Close => break,
            _ => {}
        }
    }
    Ok(code)
}

/// Returns a writer that keeps the first bytes: a guest is not trusted to write only a few.
pub(super) fn first_bytes(kept: &mut Vec<u8>) -> impl AsyncWrite + Unpin {
    const MOST: usize = 64 << 10;
    InspectWriter::new(sink(), |bytes: &[u8]| {
        let room = MOST.saturating_sub(kept.len()).min(bytes.len());
        kept.extend_from_slice(&bytes[..room]);
    })
}

/// Returns Linux' number of a signal.
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
        // OpenSSH sends the signals that RFC 4254, section 6.10 doesn't list as NAME@openssh.com,
        // without a number.
        Sig::Custom(_) => 0,
    }
}
