//! QEMU's control connection.

use std::future::Future;
use std::io;
use std::time::Duration;

use qapi::futures::{QapiEvents, QapiService, QmpStreamTokio};
use qapi::qmp;
use tokio::io::{ReadHalf, WriteHalf};
use tokio::sync::mpsc;

use super::argv::NETDEV;
use crate::host::net::socket::Stream;
use crate::hypervisor::events::{Event, Stopped};
use crate::hypervisor::{Forward, Protocol};

/// QEMU answers at once, unless it is stuck. Who waits for the answer does nothing else meanwhile.
const ANSWER_TIME: Duration = Duration::from_secs(20);

/// A command to QEMU failed.
#[derive(Debug, thiserror::Error)]
pub enum QmpError {
    /// QEMU refused it, or is gone.
    #[error("QEMU's control connection: {0}")]
    Command(#[from] qapi::ExecuteError),
    /// The connection can't be set up.
    #[error("QEMU's control connection: {0}")]
    Connect(#[from] io::Error),
    /// QEMU says nothing.
    #[error("QEMU doesn't answer within {} s", ANSWER_TIME.as_secs())]
    Silent,
    /// A port can't be forwarded.
    #[error("can't forward {rule}: {answer}")]
    Forward {
        /// The rule.
        rule: String,
        /// QEMU's answer.
        answer: String,
    },
}

/// Commands to a running QEMU.
pub struct Qmp {
    service: QapiService<QmpStreamTokio<WriteHalf<Stream>>>,
}

impl std::fmt::Debug for Qmp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Qmp")
    }
}

impl Qmp {
    /// Greets QEMU on a connection that it made; its events come out of the receiver.
    ///
    /// # Errors
    /// It is not QEMU, or it is gone.
    pub async fn open(stream: Stream) -> io::Result<(Self, mpsc::UnboundedReceiver<Event>)> {
        let (read, write) = tokio::io::split(stream);
        let stream = QmpStreamTokio::open_split(read, write).await?.negotiate().await?;
        let (service, events) = stream.into_parts();
        let (sender, receiver) = mpsc::unbounded_channel();
        tokio::spawn(forward_events(events, sender));
        Ok((Self { service }, receiver))
    }

    /// Presses the power button.
    ///
    /// # Errors
    /// QEMU is gone.
    pub async fn power_button(&self) -> Result<(), QmpError> {
        in_time(self.service.execute(qmp::system_powerdown {})).await?;
        Ok(())
    }

    /// Ends QEMU; the disks are flushed.
    ///
    /// # Errors
    /// QEMU is gone.
    pub async fn quit(&self) -> Result<(), QmpError> {
        in_time(self.service.execute(qmp::quit {})).await?;
        Ok(())
    }

    /// Why the machine stopped, if that is a failure.
    ///
    /// # Errors
    /// QEMU is gone.
    pub async fn stopped(&self) -> Result<Option<Stopped>, QmpError> {
        let info = in_time(self.service.execute(qmp::query_status {})).await?;
        Ok(match info.status {
            qmp::RunState::internal_error => Some(Stopped::InternalError),
            qmp::RunState::io_error => Some(Stopped::NoSpace),
            _ => None,
        })
    }

    /// Lets a stopped machine go on.
    ///
    /// # Errors
    /// QEMU is gone.
    pub async fn resume(&self) -> Result<(), QmpError> {
        in_time(self.service.execute(qmp::cont {})).await?;
        Ok(())
    }

    /// Forwards a port to the guest and returns it with the host's port; 0 lets the system choose.
    ///
    /// QEMU itself binds the port, so no one can take it in between.
    ///
    /// # Errors
    /// The port is taken, or QEMU is gone.
    pub async fn forward(&self, forward: &Forward) -> Result<Forward, QmpError> {
        let Forward { protocol, address, host, guest } = forward;
        let rule = format!("{}:{address}:{host}-:{guest}", protocol.name());
        // `info usernet` is the only place that tells which port the system chose: that which was not there before.
        let before = match host {
            0 => forwarded_ports(&self.human("info usernet").await?, forward),
            _ => vec![],
        };
        let answer = self.human(&format!("hostfwd_add {NETDEV} {rule}")).await?;
        if !answer.trim().is_empty() {
            return Err(QmpError::Forward { rule, answer: answer.trim().to_owned() });
        }
        if *host != 0 {
            return Ok(*forward);
        }
        let table = self.human("info usernet").await?;
        let new = forwarded_ports(&table, forward).into_iter().find(|port| !before.contains(port));
        let host = new.ok_or(QmpError::Forward { rule, answer: table })?;
        Ok(Forward { host, ..*forward })
    }

    /// Takes a forward away. Connections that it made stay.
    ///
    /// # Errors
    /// There is none such, or QEMU is gone.
    pub async fn unforward(&self, forward: &Forward) -> Result<(), QmpError> {
        let rule = format!("{}:{}:{}", forward.protocol.name(), forward.address, forward.host);
        let answer = self.human(&format!("hostfwd_remove {NETDEV} {rule}")).await?;
        // In place of nothing it says that it did it.
        if answer.contains("removed") {
            return Ok(());
        }
        Err(QmpError::Forward { rule, answer: answer.trim().to_owned() })
    }

    /// Writes a picture of the guest's screen to a file, as PNG.
    ///
    /// # Errors
    /// There is no screen, the file can't be written, or QEMU is gone.
    pub async fn screenshot(&self, file: &std::path::Path) -> Result<(), QmpError> {
        let filename =
            file.to_str().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidFilename))?.to_owned();
        let format = Some(qmp::ImageFormat::png);
        in_time(self.service.execute(qmp::screendump { filename, format, device: None, head: None })).await?;
        Ok(())
    }

    async fn human(&self, command_line: &str) -> Result<String, QmpError> {
        let command = qmp::human_monitor_command { command_line: command_line.to_owned(), cpu_index: None };
        in_time(self.service.execute(command)).await
    }
}

/// An answer of QEMU's, if it comes in time.
async fn in_time<T>(answer: impl Future<Output = Result<T, qapi::ExecuteError>>) -> Result<T, QmpError> {
    Ok(tokio::time::timeout(ANSWER_TIME, answer).await.map_err(|_| QmpError::Silent)??)
}

/// The host's ports of all such forwards in the table that `info usernet` prints.
fn forwarded_ports(table: &str, forward: &Forward) -> Vec<u16> {
    let kind = match forward.protocol {
        Protocol::Tcp => "TCP[HOST_FORWARD]",
        Protocol::Udp => "UDP[HOST_FORWARD]",
    };
    let port = |line: &str| -> Option<u16> {
        let mut words = line.split_whitespace();
        if words.next()? != kind {
            return None;
        }
        let [_fd, address, port, _guest, to]: [&str; 5] =
            words.take(5).collect::<Vec<_>>().try_into().ok()?;
        // QEMU writes * for any address.
        let same_address = address.parse() == Ok(forward.address) || forward.address.is_unspecified();
        (same_address && to.parse() == Ok(forward.guest)).then(|| port.parse().ok())?
    };
    table.lines().filter_map(port).collect()
}

async fn forward_events(
    mut events: QapiEvents<QmpStreamTokio<ReadHalf<Stream>>>,
    sender: mpsc::UnboundedSender<Event>,
) {
    use futures::StreamExt;
    let mut ends = 0;
    // An event that this crate's schema doesn't know is an error, after which the stream says `None` once.
    while ends < 2 {
        let event = match events.next().await {
            Some(Ok(event)) => event,
            Some(Err(error)) => {
                tracing::debug!(%error, "an event of QEMU is not understood");
                continue;
            }
            None => {
                ends += 1;
                continue;
            }
        };
        ends = 0;
        let event = match event {
            qmp::Event::STOP { .. } => Event::Stop,
            // Earlier than the stop that follows.
            qmp::Event::BLOCK_IO_ERROR { data, .. }
                if data.action == qmp::BlockErrorAction::stop && data.nospace == Some(true) =>
            {
                Event::NoSpace
            }
            qmp::Event::GUEST_PANICKED { .. } => Event::GuestPanicked,
            qmp::Event::SHUTDOWN { data, .. } => Event::Shutdown { by_guest: data.guest },
            _ => continue,
        };
        if sender.send(event).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forwarded_ports_are_found() {
        let table = "Hub -1 (net0):\r\n  Protocol[State]    FD  Source Address  Port   Dest. Address  Port RecvQ SendQ\r\n  \
            TCP[ESTABLISHED]   9       127.0.0.1 50000       10.0.2.15    22     0     0\r\n  \
            TCP[HOST_FORWARD]  3       127.0.0.1 44579       10.0.2.15    22     0     0\r\n  \
            TCP[HOST_FORWARD]  4       127.0.0.1  8080       10.0.2.15    80     0     0\r\n  \
            TCP[HOST_FORWARD]  6       127.0.0.1 33333       10.0.2.15    22     0     0\r\n  \
            UDP[HOST_FORWARD]  5               *  5353       10.0.2.15    53     0     0\r\n";
        let ports = |text: &str| forwarded_ports(table, &text.parse().unwrap());
        assert_eq!(ports("22"), [44579, 33333]);
        assert_eq!(ports("80"), [8080]);
        assert!(ports("443").is_empty());
        assert_eq!(ports("0.0.0.0::53/udp"), [5353]);
    }
}
