//! QEMU's arguments for root ports, the places of devices that can leave a running machine.

use serde_json::{Value, json};

use super::args::{Args, PathNotUtf8, utf8};
use crate::hypervisor::{Disk, FolderServer, Machine};

/// The root ports that a machine has beside those of the devices that it starts with. Four cost a
/// boot nothing that we can measure.
pub const FREE: usize = 4;
/// The start of a root port's name.
pub(super) const NAME: &str = "plug";
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
