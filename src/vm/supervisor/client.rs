//! A client of a VM's supervisor.

use std::io;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Take};
use tokio::process::Child;

use super::protocol::{LINE_MAX, Message, Request, SOCKET};
use crate::host::fs::dirs::Dirs;
use crate::host::net::socket;
use crate::host::net::socket::{ReadHalf, WriteHalf};
use crate::vm::Vm;

/// A connection to a supervisor.
#[derive(Debug)]
pub struct Client {
    read: BufReader<Take<ReadHalf>>,
    write: WriteHalf,
    line: Vec<u8>,
    /// The supervisor, if it is our own child.
    child: Option<Child>,
}

impl Client {
    /// Connects, and asks to be told all that happens; with `lease` the VM ends with this connection.
    ///
    /// # Errors
    /// Nobody listens: the VM is not running.
    pub async fn attach(vm: &Vm, dirs: &Dirs, lease: bool) -> io::Result<Self> {
        let stream = socket::connect(&dirs.runtime_of(&vm.spec.id).join(SOCKET)).await?;
        let (read, write) = socket::split(stream);
        let mut client =
            Self { read: BufReader::new(read.take(LINE_MAX as u64)), write, line: Vec::new(), child: None };
        client.send(&Request::Attach { lease }).await?;
        Ok(client)
    }

    /// Says that the supervisor is a child of ours: it is waited for after the VM's end, so that it is no zombie.
    pub fn adopt(&mut self, child: Child) {
        self.child = Some(child);
    }

    /// Sends a request.
    ///
    /// # Errors
    /// The supervisor is gone.
    pub async fn send(&mut self, request: &Request) -> io::Result<()> {
        let mut line = serde_json::to_vec(request)?;
        line.push(b'\n');
        self.write.write_all(&line).await
    }

    /// The next message; none when the supervisor is gone. May be cancelled.
    pub async fn next(&mut self) -> Option<Message> {
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
                Err(error) => tracing::debug!(%error, "the supervisor's message is not understood"),
            }
        }
    }

    /// Gives up the lease; what the supervisor still says can be heard.
    pub async fn end_lease(&mut self) {
        // A supervisor that is gone holds no lease.
        let _ = self.send(&Request::EndLease).await;
    }

    /// Waits for the VM's end; none when the supervisor died without a word.
    pub async fn ended(&mut self) -> Option<crate::vm::store::instance::End> {
        let mut ended = None;
        while let Some(message) = self.next().await {
            if let Message::Ended { end } = message {
                ended = Some(end);
                break;
            }
        }
        if let Some(mut child) = self.child.take() {
            // It has said its last word.
            let _ = child.wait().await;
        }
        ended
    }
}
