//! The room that an install takes on the host.

use std::path::Path;

use super::error::Error;
use super::job::Place;
use super::size::total_size;
use crate::host;
use crate::image::Image;
use crate::text::format_size;

/// The room that a new disk takes beside the image's files: boot partitions and filesystems. The
/// scratch disk is a part of it: some MB, and the image's `/var`, whose size isn't known yet and
/// which most images leave empty. Bytes.
const BESIDE: u64 = 256 << 20;

/// What an install writes, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Needs {
    /// The block images of the root, if the cache has none of the image.
    roots: u64,
    /// The saved content of the image and of those that are bound to it.
    saved: u64,
    /// The new disk.
    disk: u64,
}

impl Needs {
    fn of(place: Place, image: &Image, bound: &[Image], has_roots: bool) -> Self {
        let size = total_size(image, bound);
        let in_vm = |size| match place {
            Place::Vm => size,
            Place::Container => 0,
        };
        Self {
            roots: if has_roots { 0 } else { in_vm(image.size) },
            saved: in_vm(size),
            disk: size.saturating_add(BESIDE),
        }
    }

    fn total(self) -> u64 {
        self.roots
            .saturating_add(self.saved)
            .saturating_add(self.disk)
    }
}

/// Refuses an install for which `folder` has no room. `has_roots` says that the cache has block
/// images of the image.
pub(super) fn check(
    folder: &Path,
    place: Place,
    image: &Image,
    bound: &[Image],
    has_roots: bool,
) -> Result<(), Error> {
    let needs = Needs::of(place, image, bound, has_roots);
    match host::free_space(folder) {
        Ok(free) if free < needs.total() => Err(Error::NoRoom {
            image: image.reference.clone(),
            folder: folder.to_owned(),
            free: format_size(free),
            needed: format_size(needs.total()),
            parts: describe(needs),
        }),
        // An install that runs out of space says so.
        _ => Ok(()),
    }
}

fn describe(needs: Needs) -> String {
    let Needs { roots, saved, disk } = needs;
    let parts = [
        (roots, "to boot the image"),
        (saved, "to save its content"),
        (disk, "for the disk"),
    ];
    let parts = parts.iter().filter(|(size, _)| *size > 0);
    let parts: Vec<String> = parts
        .map(|(size, what)| format!("{} {what}", format_size(*size)))
        .collect();
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_install_needs_room_for_all_its_parts_at_once() {
        let sized = |mib: u64| Image {
            size: mib << 20,
            ..Image::sample()
        };
        let needs = |place, bound: &[Image], has_roots| {
            let needs = Needs::of(place, &sized(1024), bound, has_roots);
            (needs.total() >> 20, describe(needs))
        };
        let (total, parts) = needs(Place::Vm, &[], false);
        assert_eq!(total, 3 * 1024 + 256);
        assert_eq!(
            parts,
            "1.0 GiB to boot the image, 1.0 GiB to save its content, 1.2 GiB for the disk"
        );
        assert_eq!(needs(Place::Vm, &[], true).0, 2 * 1024 + 256);
        assert_eq!(
            needs(Place::Vm, &[sized(100), sized(1)], true).0,
            2 * (1024 + 101) + 256
        );
        let (total, parts) = needs(Place::Container, &[], false);
        assert_eq!((total, &*parts), (1024 + 256, "1.2 GiB for the disk"));
    }

    #[test]
    fn a_folder_without_room_is_named_with_numbers() {
        let dir = tempfile::tempdir().unwrap();
        let image = |size| Image {
            size,
            ..Image::sample()
        };
        let check = |size| check(dir.path(), Place::Vm, &image(size), &[], true);
        assert!(check(1 << 20).is_ok());
        let text = check(1 << 60).unwrap_err().to_string();
        let folder = dir.path().display().to_string();
        for part in ["no space", &folder, "free", "for the disk", "system df"] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
}
