//! Empty overlays in the place of others.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use super::copy::CopyError;
use super::overlay::{create, create_on};
use crate::host::fs::file;
use crate::hypervisor::Base;

/// Name of an overlay's own link to the file below it. The overlay names it without its folder, so
/// that the folder can move.
const LAYER: &str = "layer.qcow2";
/// The beginning and the end of the names of all such links.
pub(super) const LAYER_BEGIN: &str = "layer";
pub(super) const LAYER_END: &str = ".qcow2";

/// Puts an empty overlay in the place of another one, in one step.
///
/// # Errors
/// A file can't be made, or `qemu-img` fails.
pub fn renew(base: &Base, overlay: &Path) -> Result<(), CopyError> {
    let io = |source| CopyError::Io {
        path: overlay.to_owned(),
        source,
    };
    let (new, layer) = (overlay.with_extension("new"), overlay.with_file_name(LAYER));
    if base.linked {
        link(&base.file, &layer).map_err(io)?;
        create_on(LAYER, base.format, &new, base.size)?;
    } else {
        create(&base.file, base.format, &new, base.size)?;
    }
    fs::rename(&new, overlay).map_err(io)?;
    if !base.linked {
        file::remove_if_exists(&layer).map_err(io)?;
    }
    Ok(())
}

/// Links a file that doesn't change any more, or copies it to another filesystem.
pub fn link(from: &Path, to: &Path) -> io::Result<()> {
    file::remove_if_exists(to)?;
    if fs::hard_link(from, to).is_ok() {
        return Ok(());
    }
    let mut copy = file::create_private(to)?;
    file::copy_sparse(&mut File::open(from)?, &mut copy)?;
    copy.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::qemu_img;
    use crate::hypervisor::DiskFormat;

    #[test]
    #[cfg_attr(
        not(all(target_os = "linux", target_arch = "x86_64")),
        ignore = "needs qemu-img"
    )]
    fn an_overlay_keeps_the_layer_of_a_template_wherever_its_folder_is() {
        let dir = tempfile::tempdir().unwrap();
        let [template, vm, moved] = ["template", "v:m", "moved"].map(|name| dir.path().join(name));
        fs::create_dir(&template).unwrap();
        fs::create_dir(&vm).unwrap();
        let disk = dir.path().join("disk.raw");
        File::create(&disk).unwrap().set_len(1 << 30).unwrap();
        let over = |file: &Path, format, size, linked| Base {
            file: file.to_owned(),
            format,
            size,
            linked,
        };
        let (below, overlay) = (template.join("disk.qcow2"), vm.join("overlay.qcow2"));
        let base = over(&disk, DiskFormat::Raw, Some(2 << 30), false);
        renew(&base, &below).unwrap();
        renew(&base, &overlay).unwrap();
        renew(&over(&below, DiskFormat::Qcow2, None, true), &overlay).unwrap();
        fs::remove_dir_all(&template).unwrap();
        fs::rename(&vm, &moved).unwrap();
        let overlay = moved.join("overlay.qcow2");
        let info = qemu_img::info(&overlay, DiskFormat::Qcow2).unwrap();
        assert_eq!(info.virtual_size, 2 << 30);
        assert_eq!(info.backing_filename.as_deref(), Some(LAYER));
        let mut check = qemu_img::command("check").unwrap();
        qemu_img::run(check.arg("-q").arg(&overlay), "check").unwrap();
        // A VM whose template doesn't load begins with the base disk.
        renew(&base, &overlay).unwrap();
        let names: Vec<_> = file::entries(&moved)
            .map(|entry| entry.file_name())
            .collect();
        assert_eq!(names, ["overlay.qcow2"]);
    }
}
