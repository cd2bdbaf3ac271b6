//! The kernel modules that a direct boot needs before the root is there, from depmod's tables.

use std::collections::{BTreeSet, HashMap};

/// Drivers without which there is no root.
pub const REQUIRED: [&str; 4] = ["virtio_pci", "virtio_blk", "erofs", "overlay"];
/// Drivers without which there is no root over virtiofs.
pub const SHARE: [&str; 1] = ["virtiofs"];
/// What a required one asks the kernel's crypto layer for at run time, which no table tells; and what some of the
/// credentials come by.
const WANTED: [&str; 3] = ["crc32c_generic", "crc32c_intel", "qemu_fw_cfg"];

/// The files (below the modules' folder) of these drivers and of what they need, in the order to load them.
///
/// `dep` and `builtin` are the texts of `modules.dep` and `modules.builtin`.
///
/// # Errors
/// The name of a driver that there is not.
pub fn load_order<'a>(
    dep: &'a str,
    builtin: &str,
    drivers: &[&'static str],
) -> Result<Vec<&'a str>, &'static str> {
    let built_in: BTreeSet<String> = builtin.lines().map(name).collect();
    let table: HashMap<String, (&str, Vec<&str>)> = dep
        .lines()
        .filter_map(|line| line.split_once(':'))
        .map(|(file, needs)| (name(file), (file, needs.split_whitespace().collect())))
        .collect();
    let mut order = Vec::new();
    let mut add = |module: &str| {
        if let Some((file, needs)) = table.get(module) {
            // depmod lists what has to be loaded first last.
            for file in needs.iter().rev().chain([file]) {
                if !order.contains(file) {
                    order.push(file);
                }
            }
        }
        table.contains_key(module)
    };
    for module in WANTED {
        add(module);
    }
    for &module in drivers {
        if !add(module) && !built_in.contains(module) {
            return Err(module);
        }
    }
    Ok(order)
}

/// A module's name by its file: `-` and `_` are one to the kernel.
fn name(file: &str) -> String {
    let base = file.rsplit('/').next().unwrap_or(file);
    base.split(".ko").next().unwrap_or(base).replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEP: &str = "kernel/fs/erofs/erofs.ko.xz: kernel/lib/libcrc32c.ko.xz kernel/lib/lz4.ko.xz\n\
        kernel/lib/libcrc32c.ko.xz:\n\
        kernel/lib/lz4.ko.xz:\n\
        kernel/crypto/crc32c_generic.ko.xz:\n\
        kernel/fs/overlayfs/overlay.ko.xz:\n\
        kernel/drivers/block/virtio-blk.ko.xz:\n";

    #[test]
    fn dependencies_come_first() {
        let builtin = "kernel/drivers/virtio/virtio_pci.ko\n";
        assert_eq!(
            load_order(DEP, builtin, &REQUIRED).unwrap(),
            [
                "kernel/crypto/crc32c_generic.ko.xz",
                "kernel/drivers/block/virtio-blk.ko.xz",
                "kernel/lib/lz4.ko.xz",
                "kernel/lib/libcrc32c.ko.xz",
                "kernel/fs/erofs/erofs.ko.xz",
                "kernel/fs/overlayfs/overlay.ko.xz",
            ]
        );
    }

    #[test]
    fn a_missing_driver_is_named() {
        assert_eq!(load_order(DEP, "", &REQUIRED), Err("virtio_pci"));
        assert_eq!(load_order("", "virtio_pci.ko\nvirtio_blk.ko\nerofs.ko\n", &REQUIRED), Err("overlay"));
        assert_eq!(
            load_order("", "virtio_pci.ko\nvirtio_blk.ko\nerofs.ko\noverlay.ko\n", &REQUIRED),
            Ok(vec![])
        );
    }
}
