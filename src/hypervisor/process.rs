//! A running hypervisor: its process, the guest's console and channels.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;

use super::events::Event;
use super::{Launch, Machine};
use crate::host::fs::file;
use crate::host::net::socket;
use crate::host::process;

/// Lines of the hypervisor's own messages that an error quotes.
const MESSAGE_LINES: usize = 5;

/// A hypervisor that has hung up ends within this.
pub const HANG_UP_TIME: Duration = Duration::from_secs(5);

/// Bytes from the guest.
#[derive(Debug)]
pub enum Output {
    /// From its serial console.
    Console(Vec<u8>),
    /// From the channel of this index.
    Channel(usize, Vec<u8>),
}

/// How a hypervisor ended when it should not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name} ended with {status}{}", crate::text::colon(.message))]
pub struct Failure {
    /// What the hypervisor is called.
    pub name: &'static str,
    /// Its exit status or signal.
    pub status: ExitStatus,
    /// The last lines of its standard error.
    pub message: String,
}

/// A hypervisor can't be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A socket or file of ours can't be made, or the program can't be run.
    #[error("can't start {program}")]
    Io {
        /// The hypervisor's program.
        program: PathBuf,
        /// What failed.
        source: io::Error,
    },
    /// It ended before it answered.
    #[error(transparent)]
    Ended(#[from] Failure),
    /// It neither answers nor ends.
    #[error("{name} didn't answer within {} s", .time.as_secs())]
    Silent {
        /// What the hypervisor is called.
        name: &'static str,
        /// The time that it was given.
        time: Duration,
    },
}

/// How to start a hypervisor's process.
#[derive(Debug, Clone, Copy)]
pub struct Start<'a> {
    /// What it is called.
    pub name: &'static str,
    /// The program and its arguments.
    pub launch: &'a Launch,
    /// The machine that they describe.
    pub machine: &'a Machine,
    /// The file for its messages.
    pub log: &'a Path,
}

/// What becomes of a hypervisor's standard output.
#[derive(Debug)]
pub(super) enum Stdout {
    /// We read it: [`Process::stdout`].
    Read,
    /// It is for people.
    Log,
    /// It goes there.
    To(Stdio),
}

/// A hypervisor that has answered.
#[derive(Debug)]
pub struct Ready<C> {
    /// The process and its streams.
    pub process: Process,
    /// Commands to it.
    pub control: C,
    /// What it tells of itself.
    pub events: mpsc::UnboundedReceiver<Event>,
    /// What its guest writes. Bounded: a guest that writes faster than we read has to wait.
    pub output: mpsc::Receiver<Output>,
}

impl<C> Ready<C> {
    /// The same hypervisor behind another type of control.
    pub fn map<D>(self, wrap: impl FnOnce(C) -> D) -> Ready<D> {
        let Self { process, control, events, output } = self;
        Ready { process, control: wrap(control), events, output }
    }
}

/// The process of a running hypervisor. It dies with ours.
#[derive(Debug)]
pub struct Process {
    name: &'static str,
    child: process::Helper,
    console: Option<ConsoleInput>,
    /// What is written to the guest's channels. Without a bound: a guest that doesn't read keeps nobody waiting.
    channels: Vec<mpsc::UnboundedSender<Vec<u8>>>,
    log: PathBuf,
}

/// What is written here is typed on the guest's serial console.
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
    /// Starts the process in a session of its own; its messages go to the log, and so does its standard output where
    /// nobody reads that.
    pub(super) fn spawn(&self, stdin: Stdio, stdout: Stdout) -> Result<Process, StartError> {
        let spawn = || -> io::Result<process::Helper> {
            let mut command = std::process::Command::new(&self.launch.program);
            let log = file::create_private(self.log)?;
            let stdout = match stdout {
                Stdout::Read => Stdio::piped(),
                Stdout::Log => log.try_clone()?.into(),
                Stdout::To(stdout) => stdout,
            };
            command.args(&self.launch.args).stdin(stdin).stdout(stdout).stderr(log);
            process::spawn_helper(command)
        };
        let mut child = spawn().map_err(|source| self.io(source))?;
        let console = child.stdin().map(ConsoleInput::new);
        Ok(Process { name: self.name, child, console, channels: vec![], log: self.log.to_owned() })
    }

    pub(super) fn io(&self, source: io::Error) -> StartError {
        StartError::Io { program: self.launch.program.clone(), source }
    }
}

impl Process {
    /// Its standard output; once.
    pub(super) fn stdout(&mut self) -> io::Result<tokio::process::ChildStdout> {
        self.child.stdout().ok_or_else(|| io::Error::other("no pipe"))
    }

    /// Waits for its end, as one that comes too early.
    pub(super) async fn ended_early(&mut self) -> StartError {
        match self.wait().await {
            Ok(()) => self.failure(ExitStatus::default()).into(),
            Err(failure) => failure.into(),
        }
    }

    /// It has hung up before it answered: so it is about to end, and is helped if need be.
    pub(super) async fn hung_up(&mut self) -> StartError {
        match tokio::time::timeout(HANG_UP_TIME, self.ended_early()).await {
            Ok(ended) => ended,
            Err(_) => {
                self.kill();
                StartError::Silent { name: self.name, time: HANG_UP_TIME }
            }
        }
    }

    /// Waits for its end; `Ok` when it ended in order.
    ///
    /// # Errors
    /// It failed or was killed.
    pub async fn wait(&mut self) -> Result<(), Failure> {
        let status = self.child.wait().await.map_err(|_| Failure {
            name: self.name,
            status: ExitStatus::default(),
            message: "its end can't be waited for".into(),
        })?;
        if status.success() { Ok(()) } else { Err(self.failure(status)) }
    }

    /// Ends it at once.
    pub fn kill(&mut self) {
        self.child.kill();
    }

    /// The way to type on the guest's serial console, where there is one; to be had once. A guest that doesn't read
    /// makes who writes wait.
    pub fn take_console(&mut self) -> Option<ConsoleInput> {
        self.console.take()
    }

    /// The console is not the hypervisor's standard input, but this.
    pub(super) fn set_console(&mut self, input: impl AsyncWrite + Send + Unpin + 'static) {
        self.console = Some(ConsoleInput::new(input));
    }

    /// Sends bytes to the guest through the channel of this index; false when the hypervisor is gone, or there is no
    /// such channel.
    pub fn write_channel(&self, index: usize, bytes: Vec<u8>) -> bool {
        self.channels.get(index).is_some_and(|channel| channel.send(bytes).is_ok())
    }

    /// Adds a channel, which is written to as fast as the guest reads.
    pub(super) fn add_channel(&mut self, mut write: socket::WriteHalf) {
        let (sender, mut receiver) = mpsc::unbounded_channel::<Vec<u8>>();
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
        Failure { name: self.name, status, message }
    }
}

/// Hands on what comes out of `from` until it ends.
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
