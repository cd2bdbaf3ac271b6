//! The sizes of disks and filesystems.

use crate::disk::InstallOptions;
use crate::image::Image;
use crate::text::format_size;

const MIB: u64 = 1 << 20;
/// The smallest default size of a disk. Bytes.
const SMALLEST_DEFAULT: u64 = 10 << 30;
/// The size of the partitions beside the root filesystem: the partition table and the EFI
/// partition, which has the kernels in it with the composefs backend. Bytes.
/// <https://github.com/bootc-dev/bootc/blob/main/crates/lib/src/install/baseline.rs>
fn beside_root(composefs: bool) -> u64 {
    if composefs { 1026 * MIB } else { 514 * MIB }
}

/// A disk or filesystem can't hold the image. Sizes in bytes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TooSmall {
    #[error(
        "a disk of {} can't hold image {image}: {} unpacked, and {} for the boot partitions; \
         pass a --disk-size of {} or more",
        format_size(*.disk),
        format_size(*.size),
        format_size(*.beside),
        in_mib(.size + .beside)
    )]
    Disk {
        image: String,
        disk: u64,
        size: u64,
        beside: u64,
    },
    #[error(
        "a root filesystem of {} can't hold image {image}, which takes {} unpacked; pass a larger --root-size",
        format_size(*.root),
        format_size(*.size)
    )]
    Root { image: String, root: u64, size: u64 },
    #[error(
        "a root filesystem of {} doesn't fit on a disk of {} with boot partitions of {}; pass a larger --disk-size",
        format_size(*.root),
        format_size(*.disk),
        format_size(*.beside)
    )]
    DiskForRoot { root: u64, disk: u64, beside: u64 },
}

fn in_mib(size: u64) -> String {
    format!("{}M", size.div_ceil(MIB))
}

/// The default size of a disk in bytes: twice the image, at least 10 GiB.
pub fn default_disk_size(image: &Image) -> u64 {
    default_for(image, &[])
}

/// The same, with bound images.
pub(super) fn default_for(image: &Image, bound: &[Image]) -> u64 {
    total_size(image, bound)
        .saturating_mul(2)
        .max(SMALLEST_DEFAULT)
        .next_multiple_of(MIB)
}

/// The size of an image and of those that are bound to it. Bytes.
pub(super) fn total_size(image: &Image, bound: &[Image]) -> u64 {
    let sizes = bound.iter().map(|image| image.size);
    sizes.fold(image.size, u64::saturating_add)
}

/// Refuses sizes that can't hold the image.
pub(super) fn check(
    image: &Image,
    bound: &[Image],
    options: &InstallOptions,
) -> Result<(), TooSmall> {
    let name = || image.reference.clone();
    let (disk, size, beside) = (
        options.disk_size,
        total_size(image, bound),
        beside_root(options.composefs),
    );
    if disk < size.saturating_add(beside) {
        return Err(TooSmall::Disk {
            image: name(),
            disk,
            size,
            beside,
        });
    }
    match options.root_size {
        Some(root) if root < size => Err(TooSmall::Root {
            image: name(),
            root,
            size,
        }),
        Some(root) if disk < root.saturating_add(beside) => {
            Err(TooSmall::DiskForRoot { root, disk, beside })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_that_cannot_work_are_refused_with_both_numbers() {
        let image = Image {
            size: 190 * MIB,
            ..Image::sample()
        };
        let check = |disk: u64, root: Option<u64>| {
            let root_size = root.map(|mib| mib * MIB);
            let options = InstallOptions {
                disk_size: disk * MIB,
                root_size,
                ..InstallOptions::default()
            };
            check(&image, &[], &options).map_err(|error| error.to_string())
        };
        assert_eq!(check(704, None), Ok(()));
        let error = check(300, None).unwrap_err();
        assert!(
            error.contains("300 MiB") && error.contains("190 MiB") && error.contains("704M"),
            "{error}"
        );
        assert_eq!(check(1000, Some(200)), Ok(()));
        let error = check(1000, Some(100)).unwrap_err();
        assert!(
            error.contains("100 MiB") && error.contains("190 MiB"),
            "{error}"
        );
        assert!(check(1000, Some(900)).unwrap_err().contains("900 MiB"));
        let options = InstallOptions {
            disk_size: 1200 * MIB,
            composefs: true,
            ..InstallOptions::default()
        };
        let error = super::check(&image, &[], &options).unwrap_err().to_string();
        assert!(
            error.contains("1.0 GiB for the boot") && error.contains("1216M"),
            "{error}"
        );
        assert_eq!(default_disk_size(&image), 10 << 30);
        assert_eq!(
            default_disk_size(&Image {
                size: 6 << 30,
                ..image
            }),
            12 << 30
        );
    }
}
