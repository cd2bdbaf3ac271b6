//! The container disk of a base disk.

use std::collections::BTreeMap;

use super::{Content, Description, Entry, Error};
use crate::disk::BaseDisk;
use crate::hypervisor::Arch;

/// The place of a disk image in a container disk.
const DISK: &str = "disk/disk.qcow2";

/// Returns the content of a base disk's container disk. The same disk gives the same image.
///
/// # Errors
/// No machine has the image's architecture.
pub fn of_base_disk(disk: &BaseDisk) -> Result<([Entry; 1], Description), Error> {
    let image = &disk.image;
    let arch = Arch::from_oci(&image.architecture);
    let arch = arch.ok_or_else(|| Error::Architecture(image.architecture.clone()))?;
    let label = |name: &str, value: &str| {
        let name = format!("org.opencontainers.image.base.{name}");
        (name, value.to_owned())
    };
    let description = Description {
        arch,
        created: disk.created,
        labels: BTreeMap::from([
            label("name", &image.reference),
            label("digest", &image.digest),
        ]),
    };
    Ok((qcow2(&disk.file), description))
}

/// Returns the content of a container disk for a raw disk image.
pub fn qcow2(raw: &std::path::Path) -> [Entry; 1] {
    [Entry {
        path: DISK.to_owned(),
        content: Content::Qcow2(raw.to_owned()),
    }]
}
