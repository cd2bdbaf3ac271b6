//! An SSH session in this process: the only file that knows the SSH library.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use ssh2::{BlockDirections, Channel, ErrorCode, HostKeyType, MethodType};

use super::keys::{self, Keys};
use crate::host::interrupt::{self, Interrupted};

/// Host keys that we take, the best first.
const HOST_KEYS: &str = "ssh-ed25519,ecdsa-sha2-nistp256,rsa-sha2-512,rsa-sha2-256";
/// libssh2's code for "try again later".
const EAGAIN: ErrorCode = ErrorCode::Session(-37);
/// A program that writes to a closed pipe ends with 128 + SIGPIPE.
const BROKEN_PIPE: i32 = 141;

/// A session that is logged in.
pub struct Session {
    session: ssh2::Session,
    /// The session's own socket once more: to wait for it.
    socket: TcpStream,
}

/// Why there is no session, or no end of a command.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The connection broke or the server speaks no SSH that we know.
    #[error("SSH: {0}")]
    Ssh(#[from] ssh2::Error),
    /// The server doesn't take our key.
    #[error("the guest's sshd refuses our key for user {user}: {source}")]
    Refused {
        /// The user in the guest.
        user: String,
        /// libssh2's words.
        source: ssh2::Error,
    },
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
        let mut session = ssh2::Session::new()?;
        session.set_timeout(u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX));
        session.method_pref(MethodType::HostKey, HOST_KEYS)?;
        let socket = stream.try_clone()?;
        session.set_tcp_stream(stream);
        session.handshake()?;
        let (key, kind) =
            session.host_key().map(|(key, kind)| (key.to_vec(), host_key_name(kind))).unwrap_or_default();
        if !login.keys.is_expected_host(&login.alias, kind, &key)? {
            return Err(Error::HostKey(login.keys.known_hosts()));
        }
        session
            .userauth_pubkey_file(&login.user, Some(&login.keys.public()), &login.keys.private(), None)
            .map_err(|source| match source.code() {
                // LIBSSH2_ERROR_PUBLICKEY_UNVERIFIED, LIBSSH2_ERROR_AUTHENTICATION_FAILED
                ErrorCode::Session(-19 | -18) => Error::Refused { user: login.user.clone(), source },
                _ => source.into(),
            })?;
        login.keys.pin_host(&login.alias, kind, &key)?;
        Ok(Self { session, socket })
    }

    /// Runs a shell line with our standard streams as its own; returns its exit code as a shell would.
    ///
    /// # Errors
    /// The connection breaks, our own streams fail, or the tool is interrupted.
    pub fn run(&self, line: &str) -> Result<i32, Error> {
        let (stdin, stdout, stderr) = (io::stdin(), io::stdout(), io::stderr());
        self.exec(line, stdin.as_fd(), &mut stdout.lock(), &mut stderr.lock())
    }

    /// Runs a shell line without input; returns its exit code and what it printed, its errors included.
    ///
    /// # Errors
    /// The connection breaks, or the tool is interrupted.
    pub fn capture(&self, line: &str) -> Result<(i32, String), Error> {
        let nothing = std::fs::File::open("/dev/null")?;
        let (mut output, mut errors) = (Bounded::default(), Bounded::default());
        let code = self.exec(line, nothing.as_fd(), &mut output, &mut errors)?;
        output.0.extend(errors.0);
        Ok((code, String::from_utf8_lossy(&output.0).into_owned()))
    }

    /// Runs a shell line with these streams; returns its exit code as a shell would.
    ///
    /// # Errors
    /// The connection breaks, a stream fails, or the tool is interrupted.
    pub fn exec(
        &self,
        line: &str,
        stdin: BorrowedFd,
        stdout: &mut dyn Write,
        stderr: &mut dyn Write,
    ) -> Result<i32, Error> {
        let mut local = Local { stdin, stdout, stderr };
        self.session.set_blocking(true);
        // A command may be silent for days.
        self.session.set_timeout(0);
        let mut channel = self.session.channel_session()?;
        channel.exec(line)?;
        self.session.set_blocking(false);
        match Pump::default().run(self, &mut channel, &mut local) {
            Err(Error::Stream(e)) if e.kind() == io::ErrorKind::BrokenPipe => return Ok(BROKEN_PIPE),
            other => other?,
        }
        self.session.set_blocking(true);
        channel.close()?;
        channel.wait_close()?;
        match channel.exit_signal()?.exit_signal {
            Some(name) => Ok(128 + signal_number(&name)),
            None => Ok(channel.exit_status()?),
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

/// Our side of a command's streams.
struct Local<'a> {
    stdin: BorrowedFd<'a>,
    stdout: &'a mut dyn Write,
    stderr: &'a mut dyn Write,
}

/// Moves bytes between our streams and a channel until the command has closed its side.
#[derive(Default)]
struct Pump {
    /// Read from our standard input, not yet taken by the channel.
    pending: Vec<u8>,
    input_ended: bool,
    eof_sent: bool,
}

impl Pump {
    fn run(mut self, session: &Session, channel: &mut Channel, local: &mut Local) -> Result<(), Error> {
        let mut buffer = vec![0; 64 << 10];
        loop {
            let mut moved = copy(&mut channel.stream(0), local.stdout, &mut buffer)?;
            moved |= copy(&mut channel.stderr(), local.stderr, &mut buffer)?;
            moved |= self.feed(channel)?;
            if moved {
                continue;
            }
            if channel.eof() {
                return Ok(());
            }
            let input_ready = self.wait(session, local.stdin)?;
            if input_ready {
                self.read_input(local.stdin, &mut buffer)?;
            }
        }
    }

    /// Gives the channel what it takes of our input; true when something moved.
    fn feed(&mut self, channel: &mut Channel) -> Result<bool, Error> {
        if !self.pending.is_empty() {
            return match channel.write(&self.pending) {
                Ok(count) => {
                    self.pending.drain(..count);
                    Ok(count > 0)
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => Ok(false),
                // The command has closed its input or is gone: what it wrote before still counts.
                Err(_) => {
                    self.pending.clear();
                    self.input_ended = true;
                    self.eof_sent = true;
                    Ok(true)
                }
            };
        }
        if self.input_ended && !self.eof_sent {
            match channel.send_eof() {
                Ok(()) => self.eof_sent = true,
                Err(e) if e.code() == EAGAIN => return Ok(false),
                Err(_) => self.eof_sent = true,
            }
            return Ok(true);
        }
        Ok(false)
    }

    /// Sleeps until there is something to do; true when our input is ready.
    fn wait(&self, session: &Session, stdin: BorrowedFd) -> Result<bool, Error> {
        let mut flags = PollFlags::IN;
        let directions = session.session.block_directions();
        if matches!(directions, BlockDirections::Outbound | BlockDirections::Both) {
            flags |= PollFlags::OUT;
        }
        let wants_input = self.pending.is_empty() && !self.input_ended;
        let mut fds = vec![PollFd::new(&session.socket, flags)];
        fds.extend(interrupt::fd().map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)));
        if wants_input {
            fds.push(PollFd::from_borrowed_fd(stdin, PollFlags::IN));
        }
        match poll(&mut fds, None) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(e) => return Err(io::Error::from(e).into()),
        }
        interrupt::check()?;
        Ok(wants_input && fds.last().is_some_and(|fd| !fd.revents().is_empty()))
    }

    fn read_input(&mut self, stdin: BorrowedFd, buffer: &mut [u8]) -> Result<(), Error> {
        match rustix::io::read(stdin, &mut *buffer) {
            Ok(0) => self.input_ended = true,
            Ok(count) => self.pending.extend_from_slice(&buffer[..count]),
            Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => {}
            // An input that can't be read (a folder, a closed terminal) is an empty one.
            Err(_) => self.input_ended = true,
        }
        Ok(())
    }
}

/// Moves all that is there now; true when something moved.
fn copy(from: &mut impl Read, to: &mut dyn Write, buffer: &mut [u8]) -> Result<bool, Error> {
    let mut moved = false;
    loop {
        match from.read(buffer) {
            Ok(0) => break,
            Ok(count) => {
                to.write_all(&buffer[..count])?;
                moved = true;
            }
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => break,
            Err(e) => return Err(e.into()),
        }
    }
    if moved {
        to.flush()?;
    }
    Ok(moved)
}

fn host_key_name(kind: HostKeyType) -> &'static str {
    match kind {
        HostKeyType::Ed25519 => "ssh-ed25519",
        HostKeyType::Ecdsa256 => "ecdsa-sha2-nistp256",
        HostKeyType::Rsa => "ssh-rsa",
        _ => "unknown",
    }
}

/// The number of a signal by its name in RFC 4254, section 6.10 (Linux' numbers).
fn signal_number(name: &str) -> i32 {
    match name {
        "HUP" => 1,
        "INT" => 2,
        "QUIT" => 3,
        "ILL" => 4,
        "ABRT" => 6,
        "FPE" => 8,
        "KILL" => 9,
        "USR1" => 10,
        "SEGV" => 11,
        "USR2" => 12,
        "PIPE" => 13,
        "ALRM" => 14,
        "TERM" => 15,
        // OpenSSH sends those that the RFC doesn't name as NAME@openssh.com, without their number.
        _ => 0,
    }
}
