//! A second disk with the content of a first one, each with its own changes from then on.

use std::fs;
use std::path::Path;

use super::copy::{self, CopyError};
use super::fresh::{LAYER_BEGIN, LAYER_END, link};
use super::overlay::create_on;
use super::{qemu_img, snapshot};
use crate::host::fs::file;
use crate::host::{self, fault, random};
use crate::hypervisor::DiskFormat;

/// A smaller file is copied: one more layer would cost more than it saves. Bytes.
const SMALL: u64 = 4 << 20;

/// Makes `to` a disk with the content of `disk`, which no machine uses, in a folder of its own on
/// the same filesystem. Snapshots stay with `disk` alone.
///
/// Where files can't share blocks, the content becomes a read-only layer below both disks, unless
/// it is small or has snapshots. A process that is killed meanwhile leaves `disk` as it was, or
/// over that layer.
///
/// # Errors
/// A file can't be made, or `qemu-img` fails.
pub fn branch(disk: &Path, format: DiskFormat, to: &Path) -> Result<(), CopyError> {
    if format != DiskFormat::Qcow2 {
        return copy_disk(disk, to);
    }
    if copy::share_blocks(disk, to).is_err() {
        let is_small = host::allocated_size(disk) < SMALL;
        if is_small || !snapshot::list(disk)?.is_empty() {
            copy_disk(disk, to)?;
        } else {
            let layer = freeze(disk)?;
            link_layers(disk, Some(layer.clone()), to)?;
            create_on(&layer, DiskFormat::Qcow2, to, None)?;
        }
    }
    settle(disk, format, to)
}

/// Copies the file of a disk that nothing writes to meanwhile, or shares its blocks. [`settle`]
/// makes a disk of the copy.
///
/// # Errors
/// The copy can't be written.
pub fn copy_disk(disk: &Path, to: &Path) -> Result<(), CopyError> {
    copy::clone(disk, to)
        .and_then(|()| file::sync(to))
        .map_err(|source| CopyError::io(to, source))
}

/// Completes a copy of a disk's file: gives it the layers below, and removes its snapshots.
///
/// # Errors
/// A layer can't be linked, or `qemu-img` fails.
pub fn settle(disk: &Path, format: DiskFormat, to: &Path) -> Result<(), CopyError> {
    if format != DiskFormat::Qcow2 {
        return Ok(());
    }
    link_layers(disk, layer_below(to)?, to)?;
    for snapshot in snapshot::list(to)? {
        snapshot::remove(to, &snapshot.name)?;
    }
    Ok(())
}

/// Links this layer of a disk and all below it to the folder of `to`.
fn link_layers(disk: &Path, mut next: Option<String>, to: &Path) -> Result<(), CopyError> {
    while let Some(name) = next {
        let layer = to.with_file_name(&name);
        if !layer.exists() {
            link(&disk.with_file_name(&name), &layer)
                .map_err(|source| CopyError::io(to, source))?;
        }
        next = layer_below(&layer)?;
    }
    Ok(())
}

/// Makes the disk's content a read-only layer with an empty overlay in the disk's place. Returns
/// the layer's name in the same folder.
fn freeze(disk: &Path) -> Result<String, CopyError> {
    let io = |source| CopyError::io(disk, source);
    let name = format!("{LAYER_BEGIN}-{:08x}{LAYER_END}", random::random_u32());
    let (layer, new) = (disk.with_file_name(&name), disk.with_extension("new"));
    let made = link(disk, &layer)
        .map_err(io)
        .and_then(|()| Ok(create_on(&name, DiskFormat::Qcow2, &new, None)?))
        .and_then(|()| file::sync(&new).map_err(io))
        .and_then(|()| {
            fault::point("disk-freezing");
            fs::rename(&new, disk).map_err(io)
        });
    if let Err(error) = made {
        for path in [&layer, &new] {
            if let Err(error) = file::remove_if_exists(path) {
                tracing::warn!(path = %path.display(), %error, "can't remove an unused layer");
            }
        }
        return Err(error);
    }
    // Until here the layer was the disk itself.
    file::make_read_only(&layer)
        .and_then(|()| file::sync_dir(disk.parent().unwrap_or(Path::new("."))))
        .map_err(io)?;
    fault::point("disk-frozen");
    Ok(name)
}

/// Returns the name of the layer below a disk, if that is in the same folder.
fn layer_below(disk: &Path) -> Result<Option<String>, CopyError> {
    let below = qemu_img::info_in_use(disk)?.backing_filename;
    let is_layer = |name: &String| {
        name.starts_with(LAYER_BEGIN) && name.ends_with(LAYER_END) && !name.contains('/')
    };
    Ok(below.filter(is_layer))
}

#[cfg(test)]
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod tests {
    use std::path::PathBuf;

    use super::*;

    const SIZE: usize = 16 << 20;

    struct Disks {
        dir: tempfile::TempDir,
    }

    impl Disks {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let base = dir.path().join("base.raw");
            fs::File::create(&base)
                .unwrap()
                .set_len(SIZE as u64)
                .unwrap();
            let disks = Self { dir };
            let one = disks.disk("one");
            super::super::create_overlay(&base, DiskFormat::Raw, &one, None).unwrap();
            disks
        }

        /// Returns the disk in this folder.
        fn disk(&self, folder: &str) -> PathBuf {
            let folder = self.dir.path().join(folder);
            fs::create_dir_all(&folder).unwrap();
            folder.join("overlay.qcow2")
        }

        fn fill(&self, disk: &Path, byte: u8) {
            let raw = self.dir.path().join("data.raw");
            fs::write(&raw, vec![byte; SIZE]).unwrap();
            let mut write = qemu_img::command("convert").unwrap();
            write.args(["-n", "-O", "qcow2", "-f", "raw"]);
            qemu_img::run(write.arg(&raw).arg(disk), "write").unwrap();
        }

        fn first_byte(&self, disk: &Path) -> u8 {
            let raw = self.dir.path().join("read.raw");
            let mut read = qemu_img::command("convert").unwrap();
            read.args(["-O", "raw"]);
            qemu_img::run(read.arg(disk).arg(&raw), "read").unwrap();
            fs::read(&raw).unwrap()[0]
        }
    }

    #[test]
    fn both_disks_have_the_content_and_then_changes_of_their_own() {
        let disks = Disks::new();
        let [one, two, three] = ["one", "two", "three"].map(|name| disks.disk(name));
        disks.fill(&one, 1);
        branch(&one, DiskFormat::Qcow2, &two).unwrap();
        assert!(disks.first_byte(&one) == 1 && disks.first_byte(&two) == 1);
        disks.fill(&one, 2);
        disks.fill(&two, 3);
        assert!(disks.first_byte(&one) == 2 && disks.first_byte(&two) == 3);
        // The layers have links of their own in each folder, which can move.
        branch(&two, DiskFormat::Qcow2, &three).unwrap();
        fs::remove_dir_all(one.parent().unwrap()).unwrap();
        let moved = disks.dir.path().join("moved");
        fs::rename(two.parent().unwrap(), &moved).unwrap();
        for disk in [&three, &moved.join("overlay.qcow2")] {
            assert_eq!(disks.first_byte(disk), 3);
        }
        fs::remove_dir_all(&moved).unwrap();
        assert_eq!(disks.first_byte(&three), 3);
    }

    #[test]
    fn a_disk_that_has_hardly_changed_gets_no_layer() {
        let disks = Disks::new();
        let [one, two] = ["one", "two"].map(|name| disks.disk(name));
        branch(&one, DiskFormat::Qcow2, &two).unwrap();
        for disk in [&one, &two] {
            let names = file::entries(disk.parent().unwrap());
            let names: Vec<_> = names.map(|entry| entry.file_name()).collect();
            assert_eq!(names, ["overlay.qcow2"]);
        }
        assert_eq!(disks.first_byte(&two), 0);
    }

    #[test]
    fn snapshots_stay_with_the_first_disk() {
        let disks = Disks::new();
        let [one, two] = ["one", "two"].map(|name| disks.disk(name));
        disks.fill(&one, 1);
        snapshot::create(&one, "before").unwrap();
        disks.fill(&one, 2);
        branch(&one, DiskFormat::Qcow2, &two).unwrap();
        assert_eq!(disks.first_byte(&two), 2);
        assert_eq!(snapshot::list(&two).unwrap(), []);
        snapshot::restore(&one, "before").unwrap();
        assert!(disks.first_byte(&one) == 1 && disks.first_byte(&two) == 2);
    }

    #[test]
    fn a_disk_that_cant_be_frozen_stays_as_it_was() {
        let disks = Disks::new();
        let one = disks.disk("one");
        disks.fill(&one, 1);
        // A folder in the place of the new overlay.
        let blocker = one.with_extension("new");
        fs::create_dir(&blocker).unwrap();
        freeze(&one).unwrap_err();
        fs::remove_dir(&blocker).unwrap();
        let names = file::entries(one.parent().unwrap());
        let names: Vec<_> = names.map(|entry| entry.file_name()).collect();
        assert_eq!(names, ["overlay.qcow2"]);
        disks.fill(&one, 2);
        assert_eq!(disks.first_byte(&one), 2);
    }
}
