//! QEMU's control connection.

use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use qapi::futures::{QapiEvents, QapiService, QmpStreamTokio};
use qapi::qmp;
use tokio::io::{ReadHalf, WriteHalf};
use tokio::sync::mpsc;

use super::args::{NETDEV, PathNotUtf8};
use crate::host::net::socket::Stream;
use crate::hypervisor::report::{Report, Stopped};
use crate::hypervisor::{DiskSnapshot, Forward, Protocol};

/// QEMU answers at once, unless it is stuck. The caller handles no other event during this time.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);

/// A command to QEMU failed.
#[derive(Debug, thiserror::Error)]
pub enum QmpError {
    #[error("QEMU's control connection failed: {0}")]
    Command(#[from] qapi::ExecuteError),
    #[error("QEMU's control connection failed: {0}")]
    Connect(#[from] io::Error),
    #[error("QEMU didn't answer within {} s", ANSWER_TIMEOUT.as_secs())]
    Silent,
    #[error("can't forward {rule}: {answer}")]
    Forward { rule: String, answer: String },
    #[error("{0} is not a disk of the running machine")]
    NoDisk(PathBuf),
    #[error("QEMU refuses: {0}")]
    Refused(String),
    #[error(transparent)]
    Path(PathNotUtf8),
    #[error("can't describe the device to QEMU: {0}")]
    Description(#[from] serde_json::Error),
    #[error("the machine has the device {0} already")]
    Plugged(String),
    #[error("the machine has no device {0}")]
    NotPlugged(String),
    #[error("the machine has no free port for another device; remove one, or stop the VM first")]
    NoPort,
    #[error("QEMU can't share a folder with a running machine on this system")]
    NoServer,
}

/// A control connection to QEMU. Each command fails if QEMU has ended.
pub struct Qmp {
    pub(super) service: QapiService<QmpStreamTokio<WriteHalf<Stream>>>,
}

impl std::fmt::Debug for Qmp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Qmp")
    }
}

impl Qmp {
    /// Greets QEMU on a connection that QEMU opened. The receiver gets its reports.
    pub async fn open(stream: Stream) -> io::Result<(Self, mpsc::UnboundedReceiver<Report>)> {
        let (read, write) = tokio::io::split(stream);
        let stream = QmpStreamTokio::open_split(read, write)
            .await?
            .negotiate()
            .await?;
        let (service, events) = stream.into_parts();
        let (sender, receiver) = mpsc::unbounded_channel();
        tokio::spawn(pass_on_reports(events, sender));
        Ok((Self { service }, receiver))
    }

    pub async fn power_button(&self) -> Result<(), QmpError> {
        in_time(self.service.execute(qmp::system_powerdown {})).await?;
        Ok(())
    }

    pub async fn reset(&self) -> Result<(), QmpError> {
        in_time(self.service.execute(qmp::system_reset {})).await?;
        Ok(())
    }

    /// Returns whether all CPUs wait for an interrupt at this moment. QEMU tells it of emulated x86
    /// processors.
    pub async fn is_halted(&self) -> Result<bool, QmpError> {
        let registers = self.human("info registers -a").await?;
        Ok(registers.contains("HLT=1") && !registers.contains("HLT=0"))
    }

    /// Flushes the disks and ends QEMU.
    pub async fn quit(&self) -> Result<(), QmpError> {
        in_time(self.service.execute(qmp::quit {})).await?;
        Ok(())
    }

    /// Returns the reason why the machine stopped, if the reason is a failure.
    pub async fn stopped(&self) -> Result<Option<Stopped>, QmpError> {
        let info = in_time(self.service.execute(qmp::query_status {})).await?;
        Ok(match info.status {
            qmp::RunState::internal_error => Some(Stopped::InternalError),
            qmp::RunState::io_error => Some(Stopped::NoSpace),
            _ => None,
        })
    }

    /// Stops the machine. QEMU flushes its disks meanwhile.
    pub async fn pause(&self) -> Result<(), QmpError> {
        in_time(self.service.execute(qmp::stop {})).await?;
        Ok(())
    }

    pub async fn resume(&self) -> Result<(), QmpError> {
        self.wait_until_saved().await?;
        in_time(self.service.execute(qmp::cont {})).await?;
        Ok(())
    }

    /// Stops the machine and begins to write the state of its devices to a file. [`Report::Moved`]
    /// or [`Report::MoveFailed`] follows.
    pub async fn save(&self, state: &Path) -> Result<(), QmpError> {
        self.leave_out_memory().await?;
        self.stop_and_save(state).await
    }

    pub(super) async fn stop_and_save(&self, state: &Path) -> Result<(), QmpError> {
        let uri = Some(file_uri(state)?);
        in_time(self.service.execute(qmp::stop {})).await?;
        let command = qmp::migrate {
            channels: None,
            detach: None,
            resume: None,
            uri,
        };
        self.execute(command).await.map(drop)
    }

    /// Begins to load a state. [`Report::Moved`] or [`Report::MoveFailed`] follows.
    pub async fn load(&self, state: &Path) -> Result<(), QmpError> {
        self.leave_out_memory().await?;
        self.incoming(state, None).await
    }

    pub(super) async fn incoming(
        &self,
        state: &Path,
        exit_on_error: Option<bool>,
    ) -> Result<(), QmpError> {
        let uri = Some(file_uri(state)?);
        let command = qmp::migrate_incoming {
            channels: None,
            exit_on_error,
            uri,
        };
        self.execute(command).await.map(drop)
    }

    /// Leaves memory that is in a file out of the saved state.
    async fn leave_out_memory(&self) -> Result<(), QmpError> {
        let on = |capability| qmp::MigrationCapabilityStatus {
            capability,
            state: true,
        };
        let capabilities = vec![
            on(qmp::MigrationCapability::x_ignore_shared),
            on(qmp::MigrationCapability::events),
        ];
        let command = qmp::migrate_set_capabilities { capabilities };
        in_time(self.service.execute(command)).await?;
        Ok(())
    }

    /// Forwards a port to the guest and returns the forward with the host's port. Port 0 lets the
    /// system choose.
    ///
    /// QEMU itself binds the port, so that no other program can take it in between.
    pub async fn forward(&self, forward: &Forward) -> Result<Forward, QmpError> {
        let Forward {
            protocol,
            address,
            host,
            guest,
        } = forward;
        let rule = format!("{}:{address}:{host}-:{guest}", protocol.name());
        // Only `info usernet` shows the port that the system chose: the one that the table didn't
        // have before.
        let before = match host {
            0 => forwarded_ports(&self.human("info usernet").await?, forward),
            _ => vec![],
        };
        let answer = self.human(&format!("hostfwd_add {NETDEV} {rule}")).await?;
        if !answer.trim().is_empty() {
            return Err(QmpError::Forward {
                rule,
                answer: answer.trim().to_owned(),
            });
        }
        if *host != 0 {
            return Ok(*forward);
        }
        let table = self.human("info usernet").await?;
        let new = forwarded_ports(&table, forward)
            .into_iter()
            .find(|port| !before.contains(port));
        let host = new.ok_or(QmpError::Forward {
            rule,
            answer: table,
        })?;
        Ok(Forward { host, ..*forward })
    }

    /// Removes a forward. Its connections stay open.
    pub async fn unforward(&self, forward: &Forward) -> Result<(), QmpError> {
        let rule = format!(
            "{}:{}:{}",
            forward.protocol.name(),
            forward.address,
            forward.host
        );
        let answer = self
            .human(&format!("hostfwd_remove {NETDEV} {rule}"))
            .await?;
        // This command prints a confirmation.
        if answer.contains("removed") {
            return Ok(());
        }
        Err(QmpError::Forward {
            rule,
            answer: answer.trim().to_owned(),
        })
    }

    /// Writes a screenshot to a PNG file.
    ///
    /// # Errors
    /// The machine has no screen, or QEMU can't write the file.
    pub async fn screenshot(&self, file: &Path) -> Result<(), QmpError> {
        let filename = file
            .to_str()
            .ok_or_else(|| io::Error::from(io::ErrorKind::InvalidFilename))?
            .to_owned();
        let format = Some(qmp::ImageFormat::png);
        in_time(self.service.execute(qmp::screendump {
            filename,
            format,
            device: None,
            head: None,
        }))
        .await?;
        Ok(())
    }

    /// Saves the content of disks while the machine runs.
    ///
    /// # Errors
    /// A file is not a disk of the machine, or QEMU can't write to it.
    pub async fn save_disks(&self, snapshot: &DiskSnapshot) -> Result<(), QmpError> {
        for device in self.nodes(snapshot).await? {
            let name = snapshot.name.clone();
            let command = qmp::BlockdevSnapshotInternal { device, name };
            in_time(
                self.service
                    .execute(qmp::blockdev_snapshot_internal_sync(command)),
            )
            .await?;
        }
        Ok(())
    }

    /// Removes what [`Self::save_disks`] saved.
    ///
    /// # Errors
    /// As for [`Self::save_disks`], or a disk has no such snapshot.
    pub async fn forget_disks(&self, snapshot: &DiskSnapshot) -> Result<(), QmpError> {
        for device in self.nodes(snapshot).await? {
            let command = qmp::blockdev_snapshot_delete_internal_sync {
                device,
                id: None,
                name: Some(snapshot.name.clone()),
            };
            in_time(self.service.execute(command)).await?;
        }
        Ok(())
    }

    /// Returns QEMU's names of the disks.
    async fn nodes(&self, snapshot: &DiskSnapshot) -> Result<Vec<String>, QmpError> {
        let query = qmp::query_named_block_nodes { flat: Some(true) };
        let nodes = in_time(self.service.execute(query)).await?;
        let node = |disk: &PathBuf| {
            let is = |node: &&qapi::qmp::BlockDeviceInfo| {
                node.drv == "qcow2" && Path::new(&node.file) == disk
            };
            let found = nodes.iter().find(is);
            found
                .and_then(|node| node.node_name.clone())
                .ok_or_else(|| QmpError::NoDisk(disk.clone()))
        };
        snapshot.disks.iter().map(node).collect()
    }

    /// Runs a command. A refusal has QEMU's words alone.
    pub(super) async fn execute<C: qmp::QmpCommand>(&self, command: C) -> Result<C::Ok, QmpError> {
        match in_time(self.service.execute(command)).await {
            Err(QmpError::Command(qapi::ExecuteError::Qapi(error))) => {
                Err(QmpError::Refused(error.desc))
            }
            other => other,
        }
    }

    /// Runs a command of QEMU's monitor for people, which can do what QMP can't, and returns its
    /// output.
    async fn human(&self, command_line: &str) -> Result<String, QmpError> {
        let command = qmp::human_monitor_command {
            command_line: command_line.to_owned(),
            cpu_index: None,
        };
        in_time(self.service.execute(command)).await
    }
}

fn file_uri(path: &Path) -> Result<String, QmpError> {
    let path = path.to_str();
    let path = path.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidFilename))?;
    Ok(format!("file:{path}"))
}

async fn in_time<T>(
    answer: impl Future<Output = Result<T, qapi::ExecuteError>>,
) -> Result<T, QmpError> {
    Ok(tokio::time::timeout(ANSWER_TIMEOUT, answer)
        .await
        .map_err(|_| QmpError::Silent)??)
}

/// Returns the host's ports of all matching forwards in the table of `info usernet`.
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
        // QEMU prints 0.0.0.0 as *.
        let same_address =
            address.parse() == Ok(forward.address) || forward.address.is_unspecified();
        (same_address && to.parse() == Ok(forward.guest)).then(|| port.parse().ok())?
    };
    table.lines().filter_map(port).collect()
}

async fn pass_on_reports(
    mut events: QapiEvents<QmpStreamTokio<ReadHalf<Stream>>>,
    sender: mpsc::UnboundedSender<Report>,
) {
    use futures::StreamExt;
    let mut ends = 0;
    // An event that the crate's schema doesn't know is an error. After it, the stream returns
    // `None` once.
    while ends < 2 {
        let event = match events.next().await {
            Some(Ok(event)) => event,
            Some(Err(error)) => {
                tracing::debug!(%error, "unknown event of QEMU");
                continue;
            }
            None => {
                ends += 1;
                continue;
            }
        };
        ends = 0;
        let report = match event {
            qmp::Event::STOP { .. } => Report::Stop,
            // The stop follows.
            qmp::Event::BLOCK_IO_ERROR { data, .. }
                if data.action == qmp::BlockErrorAction::stop && data.nospace == Some(true) =>
            {
                Report::NoSpace
            }
            qmp::Event::GUEST_PANICKED { .. } => Report::GuestPanicked,
            qmp::Event::RESET { data, .. } => Report::Reset {
                by_guest: data.guest,
            },
            qmp::Event::MIGRATION { data, .. } => match data.status {
                qmp::MigrationStatus::completed => Report::Moved,
                qmp::MigrationStatus::failed => Report::MoveFailed,
                _ => continue,
            },
            qmp::Event::DEVICE_DELETED { data, .. } => match data.device {
                Some(device) => Report::Unplugged(device),
                None => continue,
            },
            qmp::Event::SHUTDOWN { data, .. } => Report::Shutdown {
                by_guest: data.guest,
            },
            _ => continue,
        };
        if sender.send(report).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forwarded_ports_are_read_from_qemus_table() {
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
