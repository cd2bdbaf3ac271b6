//! Several layers of an image, mounted as one folder.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::host::process;

/// Returns true if overlayfs marks removed files with `user.` attributes, as it does in the user
/// namespace of rootless podman.
pub fn has_user_marks() -> bool {
    let map = std::fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    let is_initial = map.split_whitespace().eq(["0", "0", "4294967295"]);
    crate::host::user_id() != 0 || !is_initial
}

/// A mount that ends when the value is dropped, or with the process's mount namespace.
pub struct Merged {
    path: PathBuf,
}

impl Merged {
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Merged {
    fn drop(&mut self) {
        let unmounted = process::output(Command::new("umount").arg(&self.path));
        if unmounted.is_ok() {
            // If this fails, the folder is removed with its parent.
            let _ = std::fs::remove_dir(&self.path);
        }
    }
}

/// Creates `path` and mounts these layers there read-only, the lowest first.
pub fn mount(layers: &[PathBuf], path: &Path) -> io::Result<Merged> {
    std::fs::create_dir(path)?;
    // mount(2) limits the options to a page, so they name podman's short links relative to their
    // folder.
    let base = layers[0]
        .parent()
        .and_then(Path::parent)
        .ok_or(io::ErrorKind::InvalidInput)?;
    let names: Vec<String> = layers
        .iter()
        .rev()
        .map(|layer| short_name(layer))
        .collect::<io::Result<_>>()?;
    let mut options = format!("ro,lowerdir={}", names.join(":"));
    if has_user_marks() {
        options += ",userxattr";
    }
    let mut command = Command::new("mount");
    command
        .args(["-t", "overlay", "-o", &options, "overlay"])
        .arg(path)
        .current_dir(base)
        // util-linux 2.39 and newer otherwise take no option with more than 255 bytes:
        // https://github.com/util-linux/util-linux/issues/2287
        .env("LIBMOUNT_FORCE_MOUNT2", "always");
    process::output(&mut command).map_err(io::Error::other)?;
    Ok(Merged {
        path: path.to_owned(),
    })
}

/// Returns `l/SHORT`, podman's link to the layer's folder.
fn short_name(layer: &Path) -> io::Result<String> {
    let link = layer
        .parent()
        .ok_or(io::ErrorKind::InvalidInput)?
        .join("link");
    Ok(format!("l/{}", std::fs::read_to_string(link)?.trim()))
}
