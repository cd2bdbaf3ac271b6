//! The process of a hypervisor, with the guest's console and channels.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;

use super::report::Report;
use super::{Launch, Machine};
use crate::host::fs::file;
use crate::host::net::socket;
use crate::host::process;

/// The number of log lines that an error quotes.
const MESSAGE_LINES: usize = 5;

/// Writes to a channel that wait for the guest to read. More are dropped: we never wait for a guest
/// that doesn't read, and it must not fill our memory by asking for more.
const CHANNEL_QUEUE: usize = 64;

/// The time limit for a hypervisor's exit after it closed its control connection.
pub const HANG_UP_TIME: Duration = Duration::from_secs(5);

/// Bytes from the guest.
#[derive(Debug)]
pub enum Output {
    /// From the serial console.
    Console(Vec<u8>),
    /// From the channel with this index.
    Channel(usize, Vec<u8>),
}

/// The unexpected end of a hypervisor.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name} ended with {status}{}", crate::text::colon(.message))]
pub struct Failure {
    pub name: &'static str,
    pub status: ExitStatus,
    /// The last lines of its log.
    pub message: String,
}

/// A hypervisor didn't start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("can't start {program}")]
    Io { program: PathBuf, source: io::Error },
    #[error(transparent)]
    Ended(#[from] Failure),
    #[error("{name} didn't answer within {} s", .time.as_secs())]
    Silent { name: &'static str, time: Duration },
}

/// The arguments for the start of a hypervisor.
#[derive(Debug, Clone, Copy)]
pub struct Start<'a> {
    /// The hypervisor's name for people.
    pub name: &'static str,
    pub launch: &'a Launch,
    pub machine: &'a Machine,
    pub log: &'a Path,
}

/// The destination of a hypervisor's standard output.
#[derive(Debug)]
pub(super) enum Stdout {
    /// A pipe, for [`Process::stdout`].
    Read,
    Log,
    To(Stdio),
}

/// A hypervisor that runs its machine and takes commands.
#[derive(Debug)]
pub struct Ready<C> {
    pub process: Process,
    pub control: C,
    pub reports: mpsc::UnboundedReceiver<Report>,
    /// The guest's output. The channel is bounded: a guest that writes faster than we read must
    /// wait.
    pub output: mpsc::Receiver<Output>,
}

impl<C> Ready<C> {
    /// Converts the type of control.
    pub fn map<D>(self, wrap: impl FnOnce(C) -> D) -> Ready<D> {
        let Self {
            process,
            control,
            reports,
            output,
        } = self;
        Ready {
            process,
            control: wrap(control),
            reports,
            output,
        }
    }
}

/// The process of a running hypervisor, which ends with ours.
#[derive(Debug)]
pub struct Process {
    name: &'static str,
    child: process::Helper,
    console: Option<ConsoleInput>,
    /// Input for the guest's channels.
    channels: Vec<mpsc::Sender<Vec<u8>>>,
    log: PathBuf,
}

/// The input of the guest's serial console.
pub struct ConsoleInput(pub Box<dyn AsyncWrite + Send + Unpin>);

impl ConsoleInput {
    fn new(input: impl AsyncWrite + Send + Unpin + 'static) -> Self {
        Self(Box::new(input))
    }
}

impl std::fmt::Debug for ConsoleInput {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ConsoleInput")
    }
}

impl Start<'_> {
    /// Starts the process in a session of its own, with its standard error in the log.
    pub(super) fn spawn(&self, stdin: Stdio, stdout: Stdout) -> Result<Process, StartError> {
        let spawn = || -> io::Result<process::Helper> {
            let mut command = std::process::Command::new(&self.launch.program);
            let log = file::create_private(self.log)?;
            let stdout = match stdout {
                Stdout::Read => Stdio::piped(),
                Stdout::Log => log.try_clone()?.into(),
                Stdout::To(stdout) => stdout,
            };
            command
                .args(&self.launch.args)
                .stdin(stdin)
                .stdout(stdout)
                .stderr(log);
            process::spawn_helper(command)
        };
        let mut child = spawn().map_err(|source| self.io(source))?;
        let console = child.stdin().map(ConsoleInput::new);
        Ok(Process {
            name: self.name,
            child,
            console,
            channels: vec![],
            log: self.log.to_owned(),
        })
    }

    pub(super) fn io(&self, source: io::Error) -> StartError {
        StartError::Io {
            program: self.launch.program.clone(),
            source,
        }
    }
}

impl Process {
    /// Returns its standard output. Works once.
    pub(super) fn stdout(&mut self) -> io::Result<tokio::process::ChildStdout> {
        self.child
            .stdout()
            .ok_or_else(|| io::Error::other("no pipe"))
    }

    /// Waits for an end that comes too early.
    pub(super) async fn ended_early(&mut self) -> StartError {
        match self.wait().await {
            Ok(()) => self.failure(ExitStatus::default()).into(),
            Err(failure) => failure.into(),
        }
    }

    /// Handles a control connection that broke before the start was complete: waits for the
    /// process's end, or kills the process after [`HANG_UP_TIME`].
    pub(super) async fn hung_up(&mut self) -> StartError {
        match tokio::time::timeout(HANG_UP_TIME, self.ended_early()).await {
            Ok(ended) => ended,
            Err(_) => {
                self.kill();
                StartError::Silent {
                    name: self.name,
                    time: HANG_UP_TIME,
                }
            }
        }
    }

    /// Waits for its end. An exit status other than 0 and a signal are failures.
    pub async fn wait(&mut self) -> Result<(), Failure> {
        let status = self.child.wait().await.map_err(|_| Failure {
            name: self.name,
            status: ExitStatus::default(),
            message: "can't wait for the process".into(),
        })?;
        if status.success() {
            Ok(())
        } else {
            Err(self.failure(status))
        }
    }

    pub fn kill(&mut self) {
        self.child.kill();
    }

    /// Takes the input of the guest's serial console, if it has one. A guest that doesn't read
    /// makes the writer wait.
    pub fn take_console(&mut self) -> Option<ConsoleInput> {
        self.console.take()
    }

    /// Replaces the console's input, which is the hypervisor's standard input otherwise.
    pub(super) fn set_console(&mut self, input: impl AsyncWrite + Send + Unpin + 'static) {
        self.console = Some(ConsoleInput::new(input));
    }

    /// Sends bytes to the guest through the channel with this index. Returns false if the channel
    /// is closed or doesn't exist.
    pub fn write_channel(&self, index: usize, bytes: Vec<u8>) -> bool {
        self.channels
            .get(index)
            .is_some_and(|channel| channel.try_send(bytes).is_ok())
    }

    /// Adds a channel, with a task that writes as fast as the guest reads.
    pub(super) fn add_channel(&mut self, mut write: socket::WriteHalf) {
        let (sender, mut receiver) = mpsc::channel::<Vec<u8>>(CHANNEL_QUEUE);
        self.channels.push(sender);
        tokio::spawn(async move {
            while let Some(bytes) = receiver.recv().await {
                if write.write_all(&bytes).await.is_err() {
                    return;
                }
            }
        });
    }

    fn failure(&self, status: ExitStatus) -> Failure {
        let message = file::last_lines(&self.log, MESSAGE_LINES).join("; ");
        Failure {
            name: self.name,
            status,
            message,
        }
    }
}

/// Passes on the bytes of `from` until its end.
pub(super) async fn pump<R: AsyncRead + Unpin>(
    mut from: R,
    to: mpsc::Sender<Output>,
    wrap: impl Fn(Vec<u8>) -> Output,
) {
    let mut buffer = vec![0; 16 << 10];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        if to.send(wrap(buffer[..count].to_vec())).await.is_err() {
            return;
        }
    }
}
