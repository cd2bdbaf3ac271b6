//! The kernel modules that a direct boot needs before it mounts the root, from depmod's tables.

use std::collections::{BTreeSet, HashMap};

/// A root of block images needs these drivers.
pub const REQUIRED: [&str; 4] = ["virtio_pci", "virtio_blk", "erofs", "overlay"];
/// A root over virtiofs needs these drivers, too.
pub const VIRTIOFS: [&str; 1] = ["virtiofs"];
/// A scratch disk needs these drivers, too.
pub const SCRATCH: [&str; 1] = ["ext4"];
/// Modules that are loaded where they exist. `erofs` asks the kernel's crypto layer for crc32c at
/// run time, which no table tells; `qemu_fw_cfg` brings the credentials with long names.
const OPTIONAL: [&str; 3] = ["crc32c_generic", "crc32c_intel", "qemu_fw_cfg"];

/// Returns the files of these drivers and of their dependencies, relative to the modules' folder,
/// in load order.
///
/// `dep` and `builtin` are the texts of `modules.dep` and `modules.builtin`.
///
/// # Errors
/// The name of a driver that the kernel lacks.
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
            // depmod lists the dependency to load first as the last one.
            for file in needs.iter().rev().chain([file]) {
                if !order.contains(file) {
                    order.push(file);
                }
            }
        }
        table.contains_key(module)
    };
    for module in OPTIONAL {
        add(module);
    }
    for &module in drivers {
        if !add(module) && !built_in.contains(module) {
            return Err(module);
        }
    }
    Ok(order)
}

/// Returns the module's name for its file. The kernel treats `-` and `_` alike.
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
        assert_eq!(
            load_order("", "virtio_pci.ko\nvirtio_blk.ko\nerofs.ko\n", &REQUIRED),
            Err("overlay")
        );
        assert_eq!(
            load_order(
                "",
                "virtio_pci.ko\nvirtio_blk.ko\nerofs.ko\noverlay.ko\n",
                &REQUIRED
            ),
            Ok(vec![])
        );
    }
}
