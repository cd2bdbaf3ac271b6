//! A running QEMU: its process, console, channels and control connection.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin};
use tokio::sync::mpsc;

use super::{Event, Qmp};
use crate::host::{file, process, socket};
use crate::hypervisor::{Channel, Launch};

/// Lines of QEMU's own messages that an error quotes.
const MESSAGE_LINES: usize = 5;

/// Bytes from the guest.
#[derive(Debug)]
pub enum Output {
    /// From its serial console.
    Console(Vec<u8>),
    /// From the channel of this index.
    Channel(usize, Vec<u8>),
}

/// How QEMU ended when it should not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("QEMU ended with {status}: {message}")]
pub struct Failure {
    /// Its exit status or signal.
    pub status: ExitStatus,
    /// The last lines of its standard error.
    pub message: String,
}

/// QEMU can't be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A socket or file of ours can't be made, or the program can't be run.
    #[error("can't start {program}")]
    Io {
        /// QEMU's program.
        program: PathBuf,
        /// What failed.
        source: io::Error,
    },
    /// It ended before it answered.
    #[error(transparent)]
    Ended(#[from] Failure),
}

/// A QEMU that has answered.
#[derive(Debug)]
pub struct Ready {
    /// The process and its streams.
    pub process: Process,
    /// Commands to it.
    pub qmp: Qmp,
    /// What it tells of itself.
    pub events: mpsc::UnboundedReceiver<Event>,
    /// What its guest writes. Bounded: a guest that writes faster than we read has to wait.
    pub output: mpsc::Receiver<Output>,
}

/// The process of a running QEMU. It dies with ours.
#[derive(Debug)]
pub struct Process {
    child: Child,
    console: Option<ChildStdin>,
    channels: Vec<socket::WriteHalf>,
    log: PathBuf,
}

impl Process {
    /// Starts QEMU and waits until it is connected; its messages go to the file `log`.
    ///
    /// # Errors
    /// It can't be started, or ends at once.
    pub async fn start(
        launch: &Launch,
        control: &Path,
        channels: &[Channel],
        log: &Path,
    ) -> Result<Ready, StartError> {
        let io = |source| StartError::Io { program: launch.program.clone(), source };
        let mut control_listener = socket::listen_for_program(control).map_err(io)?;
        let mut listeners = Vec::new();
        for channel in channels {
            listeners.push(socket::listen_for_program(&channel.socket).map_err(io)?);
        }
        let mut child = spawn(launch, log).map_err(io)?;
        // Both are there: they were asked for above.
        let (Some(console), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(io(io::Error::other("no pipes")));
        };
        let (sender, output) = mpsc::channel(64);
        tokio::spawn(pump(stdout, sender.clone(), Output::Console));
        let connect = async {
            let mut writers = Vec::new();
            for (index, listener) in listeners.iter_mut().enumerate() {
                let (read, write) = socket::split(listener.accept().await?);
                tokio::spawn(pump(read, sender.clone(), move |bytes| Output::Channel(index, bytes)));
                writers.push(write);
            }
            let (qmp, events) = Qmp::open(control_listener.accept().await?).await?;
            Ok::<_, io::Error>((writers, qmp, events))
        };
        let connected = tokio::select! {
            connected = connect => connected,
            status = child.wait() => return Err(failure(status.map_err(io)?, log).into()),
        };
        match connected {
            Ok((channels, qmp, events)) => {
                let process = Self { child, console: Some(console), channels, log: log.to_owned() };
                Ok(Ready { process, qmp, events, output })
            }
            // It hung up: it is about to end, and its last words say more than the broken connection.
            Err(_) => Err(failure(child.wait().await.map_err(io)?, log).into()),
        }
    }

    /// Waits for QEMU's end; `Ok` when it ended in order.
    ///
    /// # Errors
    /// It failed or was killed.
    pub async fn wait(&mut self) -> Result<(), Failure> {
        let status = self.child.wait().await.map_err(|_| Failure {
            status: ExitStatus::default(),
            message: "its end can't be waited for".into(),
        })?;
        if status.success() { Ok(()) } else { Err(failure(status, &self.log)) }
    }

    /// Ends it at once.
    pub fn kill(&mut self) {
        // An error means that it has ended already.
        let _ = self.child.start_kill();
    }

    /// The way to type on the guest's serial console; to be had once. A guest that doesn't read makes who writes
    /// wait.
    pub fn take_console(&mut self) -> Option<ChildStdin> {
        self.console.take()
    }

    /// Sends bytes to the guest through the channel of this index.
    ///
    /// # Errors
    /// QEMU is gone, or there is no such channel.
    pub async fn write_channel(&mut self, index: usize, bytes: &[u8]) -> io::Result<()> {
        match self.channels.get_mut(index) {
            Some(channel) => channel.write_all(bytes).await,
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }
}

fn spawn(launch: &Launch, log: &Path) -> io::Result<Child> {
    let mut command = std::process::Command::new(&launch.program);
    command
        .args(&launch.args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(file::create_private(log)?);
    process::spawn_helper(command)
}

fn failure(status: ExitStatus, log: &Path) -> Failure {
    let message = file::last_lines(log, MESSAGE_LINES).join("; ");
    Failure { status, message }
}

/// Hands on what comes out of `from` until it ends.
async fn pump<R: AsyncRead + Unpin>(mut from: R, to: mpsc::Sender<Output>, wrap: impl Fn(Vec<u8>) -> Output) {
    let mut buffer = vec![0; 16 << 10];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        if to.send(wrap(buffer[..count].to_vec())).await.is_err() {
            return;
        }
    }
}
