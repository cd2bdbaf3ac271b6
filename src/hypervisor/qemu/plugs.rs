//! Devices that come and go on QEMU's root ports while the machine runs.

use qapi::{ErrorClass, qmp};
use serde_json::{Value, json};

use super::args::utf8;
use super::qmp::{Qmp, QmpError};
use super::root_ports::{NAME, block_node};
use super::shares::QUEUE;
use crate::hypervisor::{Disk, FolderServer, Plug, SharedFolder};

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
        let options = json!({"chardev": tag, "tag": tag, "queue-size": QUEUE});
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
