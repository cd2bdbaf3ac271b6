//! A client of a VM's supervisor.

use std::io;
use std::path::PathBuf;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Take};
use tokio::process::Child;

use super::doors;
use super::protocol::{LINE_MAX, Message, Request, SOCKET, VERSION};
use crate::host::fs::dirs::Dirs;
use crate::host::net::socket::{self, ReadHalf, WriteHalf};
use crate::host::process::interrupt;
use crate::vm::boot::Boot;
use crate::vm::store::instance::End;
use crate::vm::{Error, Vm};

/// A connection to a supervisor.
#[derive(Debug)]
pub struct Client {
    vm: Vm,
    /// The socket of the second SSH door.
    door: PathBuf,
    read: BufReader<Take<ReadHalf>>,
    write: WriteHalf,
    line: Vec<u8>,
    /// The supervisor, if this process started it.
    child: Option<Child>,
    /// The boot of the newest session, if it is known.
    boot: Option<Boot>,
}

impl Client {
    /// Connects and subscribes to the supervisor's messages. With `lease`, the VM ends with this
    /// connection.
    ///
    /// # Errors
    /// No supervisor listens: the VM is not running.
    pub async fn attach(vm: &Vm, dirs: &Dirs, lease: bool) -> io::Result<Self> {
        let stream = socket::connect(&dirs.runtime_of(&vm.spec.id).join(SOCKET)).await?;
        let (read, write) = socket::split(stream);
        let read = BufReader::new(read.take(LINE_MAX as u64));
        let mut client = Self {
            vm: vm.clone(),
            door: dirs.runtime_of(&vm.spec.id).join(doors::SOCKET),
            read,
            write,
            line: Vec::new(),
            child: None,
            boot: None,
        };
        client.send(&Request::Attach { lease }).await?;
        Ok(client)
    }

    /// Makes [`Client::ended`] reap the supervisor, a child of this process.
    pub fn adopt(&mut self, child: Child) {
        self.child = Some(child);
    }

    /// True if this process started the VM.
    pub fn started_vm(&self) -> bool {
        self.child.is_some()
    }

    /// Keeps back messages that the guest has reached this boot, in which a session is.
    pub fn in_boot(&mut self, boot: Option<Boot>) {
        self.boot = boot;
    }

    /// Returns the socket of the second SSH door, which exists if the hypervisor has channels.
    pub fn door(&self) -> PathBuf {
        self.door.clone()
    }

    /// Sends a request.
    ///
    /// # Errors
    /// The supervisor has exited.
    pub async fn send(&mut self, request: &Request) -> io::Result<()> {
        let mut line = serde_json::to_vec(request)?;
        line.push(b'\n');
        self.write.write_all(&line).await
    }

    /// Returns the next message of a running VM, so never [`Message::Ended`]. Can be cancelled.
    ///
    /// # Errors
    /// The VM ends, its supervisor dies, or the tool is interrupted.
    pub async fn next(&mut self) -> Result<Message, Error> {
        let message = tokio::select! {
            message = self.receive_new() => message,
            signal = interrupt::wait() => return Err(signal.into()),
        };
        match message {
            Some(Message::Hello { version }) if version != VERSION => Err(Error::OtherProtocol {
                name: self.vm.spec.name.to_string(),
                version,
                own: VERSION,
            }),
            Some(Message::Ended { end }) => Err(Error::ended(&self.vm, end)),
            Some(message) => Ok(message),
            None => Err(Error::lost(&self.vm)),
        }
    }

    async fn receive_new(&mut self) -> Option<Message> {
        loop {
            match self.receive().await {
                Some(Message::Rebooted {
                    soft_reboots: Some(count),
                }) if self.boot.as_ref().is_some_and(|boot| boot.follows(count)) => {}
                message => return message,
            }
        }
    }

    /// Returns the next message; none when the supervisor has exited. Can be cancelled.
    async fn receive(&mut self) -> Option<Message> {
        loop {
            // A cancelled read leaves what it got in `line`.
            match self.read.read_until(b'\n', &mut self.line).await {
                Ok(1..) if self.line.ends_with(b"\n") => {}
                _ => return None,
            }
            self.read.get_mut().set_limit(LINE_MAX as u64);
            let message = serde_json::from_slice(&self.line);
            self.line.clear();
            match message {
                Ok(message) => return Some(message),
                Err(error) => tracing::debug!(%error, "unknown message from the supervisor"),
            }
        }
    }

    /// Gives up the lease; the supervisor still sends messages.
    pub async fn end_lease(&mut self) {
        // A supervisor that has exited holds no lease.
        let _ = self.send(&Request::EndLease).await;
    }

    /// Waits until the VM has ended, and returns how; nothing if its supervisor died without
    /// reporting that.
    pub async fn ended(&mut self) -> Option<End> {
        let end = loop {
            match self.receive().await {
                Some(Message::Ended { end }) => break Some(end),
                Some(_) => {}
                None => break None,
            }
        };
        if let Some(mut child) = self.child.take() {
            // It exits right after its last message.
            let _ = child.wait().await;
        }
        end
    }
}
