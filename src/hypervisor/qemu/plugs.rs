//! Root ports of QEMU's boards, and devices that come and go on them while the machine runs.

use qapi::{ErrorClass, qmp};
use serde_json::{Value, json};

use super::args::{Args, PathNotUtf8, utf8};
use super::qmp::{Qmp, QmpError};
use crate::hypervisor::{Disk, FolderServer, Machine, Plug, SharedFolder};

/// The root ports that a machine has beside those of the devices that it starts with. Four cost a
/// boot nothing that we can measure.
const FREE: usize = 4;
/// The start of a root port's name.
const NAME: &str = "plug";
/// The slot of the first root ports. It is the last one before the network card, so that the other
/// devices keep their places. Further root ports are in the slots before.
const SLOT: usize = 0x1d;
/// The functions of a slot.
const FUNCTIONS: usize = 8;

/// The root ports of a command line. Each device takes the next one.
#[derive(Default)]
pub(super) struct Plugs(usize);

impl Plugs {
    /// Adds the root ports. Neither board takes a device on its root bus while it runs.
    pub fn add(args: &mut Args, machine: &Machine) -> Self {
        let shares = &machine.devices.shares;
        let served = shares
            .iter()
            .filter(|share| matches!(share.server, FolderServer::Virtiofsd(_)));
        for number in 0..machine.devices.disks.len() + served.count() + FREE {
            let (slot, function) = (SLOT - number / FUNCTIONS, number % FUNCTIONS);
            let first = if function == 0 {
                ",multifunction=on"
            } else {
                ""
            };
            let chassis = number + 1;
            // Without room for I/O ports, because a machine has few and virtio needs none.
            args.option(
                "-device",
                &format!(
                    "pcie-root-port,id={NAME}{number},chassis={chassis},\
                     addr={slot:#x}.{function:#x},io-reserve=0{first}"
                ),
            );
        }
        Self::default()
    }

    /// Returns the options that put the next device on a root port.
    pub fn next(&mut self, id: &str) -> String {
        let number = self.0;
        self.0 += 1;
        format!("id={id},bus={NAME}{number}")
    }
}

/// Returns the block node of a disk.
pub(super) fn block_node(disk: &Disk, node: &str) -> Result<Value, PathNotUtf8> {
    let cache = json!({"direct": false, "no-flush": !disk.durable});
    let file = json!({
        "driver": "file",
        "filename": utf8(&disk.file)?,
        "discard": "unmap",
        "cache": cache,
    });
    let mut format = json!({
        "driver": disk.format.name(),
        "node-name": node,
        "read-only": disk.read_only,
        "discard": "unmap",
        "cache": cache,
        "file": file,
    });
    if !disk.read_only {
        format["detect-zeroes"] = "unmap".into();
    }
    Ok(format)
}

impl Qmp {
    /// Gives the machine a device.
    ///
    /// # Errors
    /// It has such a device, or no free root port, or QEMU can't use the device's file or socket.
    pub async fn plug(&self, plug: &Plug) -> Result<(), QmpError> {
        let bus = self.free_port(plug.id()).await?;
        match plug {
            Plug::Disk(disk) => self.plug_disk(disk, bus).await,
            Plug::Share(share) => self.plug_share(share, bus).await,
        }
    }

    /// Returns a root port without a device.
    async fn free_port(&self, id: &str) -> Result<String, QmpError> {
        let mut free = Vec::new();
        for bus in self.execute(qmp::query_pci {}).await? {
            for port in bus.devices {
                let Some(number) = port.qdev_id.strip_prefix(NAME) else {
                    continue;
                };
                let devices = port.pci_bridge.and_then(|bridge| bridge.devices);
                match devices.unwrap_or_default().first() {
                    Some(device) if device.qdev_id == id => {
                        return Err(QmpError::Plugged(id.to_owned()));
                    }
                    Some(_) => {}
                    None => free.extend(number.parse::<u32>()),
                }
            }
        }
        let number = free.into_iter().min().ok_or(QmpError::NoPort)?;
        Ok(format!("{NAME}{number}"))
    }

    async fn plug_disk(&self, disk: &Disk, bus: String) -> Result<(), QmpError> {
        let id = &disk.serial;
        let node = block_node(disk, id).map_err(QmpError::Path)?;
        let node: qmp::blockdev_add = serde_json::from_value(node)?;
        self.execute(node).await?;
        let added = self
            .add_device(
                "virtio-blk-pci",
                id,
                bus,
                json!({"drive": id, "serial": id}),
            )
            .await;
        if added.is_err() {
            self.release(id).await;
        }
        added
    }

    async fn plug_share(&self, share: &SharedFolder, bus: String) -> Result<(), QmpError> {
        let SharedFolder { tag, server } = share;
        let FolderServer::Virtiofsd(socket) = server else {
            return Err(QmpError::NoServer);
        };
        let path = utf8(socket).map_err(QmpError::Path)?;
        let backend = json!({
            "type": "socket",
            "data": {"addr": {"type": "unix", "data": {"path": path}}, "server": false},
        });
        self.execute(qmp::chardev_add {
            id: tag.clone(),
            backend: serde_json::from_value(backend)?,
        })
        .await?;
        let options = json!({"chardev": tag, "tag": tag, "queue-size": super::shares::QUEUE});
        let added = self
            .add_device("vhost-user-fs-pci", tag, bus, options)
            .await;
        if added.is_err() {
            self.release(tag).await;
        }
        added
    }

    async fn add_device(
        &self,
        driver: &str,
        id: &str,
        bus: String,
        options: Value,
    ) -> Result<(), QmpError> {
        let arguments = match options {
            Value::Object(arguments) => arguments,
            _ => Default::default(),
        };
        let command = qmp::device_add {
            bus: Some(bus),
            id: Some(id.to_owned()),
            driver: driver.to_owned(),
            arguments,
        };
        self.execute(command).await.map(drop)
    }

    /// Asks the guest to give a device up. [`Report::Unplugged`] follows, if the guest does.
    ///
    /// [`Report::Unplugged`]: crate::hypervisor::report::Report::Unplugged
    ///
    /// # Errors
    /// The machine has no such device.
    pub async fn unplug(&self, id: &str) -> Result<(), QmpError> {
        match self
            .service
            .execute(qmp::device_del { id: id.to_owned() })
            .await
        {
            Err(qapi::ExecuteError::Qapi(error)) if error.class == ErrorClass::DeviceNotFound => {
                Err(QmpError::NotPlugged(id.to_owned()))
            }
            Err(qapi::ExecuteError::Qapi(error)) => Err(QmpError::Refused(error.desc)),
            other => Ok(other.map(drop)?),
        }
    }

    /// Closes the file or the socket of a device that has gone.
    pub async fn release(&self, id: &str) {
        let node = qmp::blockdev_del {
            node_name: id.to_owned(),
        };
        if self.execute(node).await.is_ok() {
            return;
        }
        // With a share, its server ends.
        if let Err(error) = self
            .execute(qmp::chardev_remove { id: id.to_owned() })
            .await
        {
            tracing::debug!(%error, id, "can't close what a device used");
        }
    }
}
