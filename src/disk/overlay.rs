//! The copy-on-write layer of a VM over a disk that it doesn't write to.

use std::path::Path;
use std::time::{Duration, Instant};

use super::qemu_img::{self, QemuImgError};
use crate::hypervisor::DiskFormat;

/// Time for the last thread of a killed hypervisor to end, on a busy host.
const END_TIME: Duration = Duration::from_secs(10);
/// No event tells that a lock of QEMU's is free.
const PAUSE: Duration = Duration::from_millis(50);

/// Waits until no killed hypervisor holds the overlay's lock any more. It does so until its last
/// thread has ended. A lock that stays is left to the next hypervisor's error.
pub fn wait_until_free(overlay: &Path) {
    let start = Instant::now();
    let is_locked = || {
        qemu_img::info(overlay, DiskFormat::Qcow2).is_err()
            && qemu_img::info_in_use(overlay).is_ok()
    };
    while is_locked() && start.elapsed() < END_TIME {
        std::thread::sleep(PAUSE);
    }
}

/// Makes an empty qcow2 overlay over a disk image, and grows the disk to `size` bytes. The file has
/// less than 1 MiB.
pub fn create(
    base: &Path,
    format: DiskFormat,
    overlay: &Path,
    size: Option<u64>,
) -> Result<(), QemuImgError> {
    create_on(&qemu_img::reference(base, format), format, overlay, size)
}

/// Makes the overlay over the image that `qemu-img` knows by this name.
pub(super) fn create_on(
    base: &str,
    format: DiskFormat,
    overlay: &Path,
    size: Option<u64>,
) -> Result<(), QemuImgError> {
    let mut command = qemu_img::command("create")?;
    command
        .args(["-q", "-f", "qcow2", "-F", format.name(), "-b", base])
        .arg(overlay)
        .args(size.map(|size| size.to_string()));
    qemu_img::run(&mut command, "make the VM's disk").map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg_attr(
        not(all(target_os = "linux", target_arch = "x86_64")),
        ignore = "needs qemu-img"
    )]
    fn an_overlay_is_small_and_names_its_base_exactly() {
        let dir = tempfile::tempdir().unwrap();
        let base = dir.path().join("a,b: \"c\"=d.raw");
        std::fs::File::create(&base)
            .unwrap()
            .set_len(1 << 30)
            .unwrap();
        for (size, want) in [(None, 1 << 30), (Some(3 << 30), 3 << 30)] {
            let overlay = dir.path().join("overlay.qcow2");
            create(&base, DiskFormat::Raw, &overlay, size).unwrap();
            let info = qemu_img::info(&overlay, DiskFormat::Qcow2).unwrap();
            assert_eq!(info.virtual_size, want);
            assert!(info.backing_filename.is_some());
            assert!(crate::host::allocated_size(&overlay) < 1 << 20);
        }
    }
}
