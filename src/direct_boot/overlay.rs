//! Some layers of an image, mounted as one folder.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::host::process;

/// A mount that goes with the value (and with the process's mount namespace).
pub struct Merged {
    path: PathBuf,
}

impl Merged {
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Merged {
    fn drop(&mut self) {
        let unmounted = process::output(Command::new("umount").arg(&self.path));
        if unmounted.is_ok() {
            // An empty folder that stays is removed with the folder that it is in.
            let _ = std::fs::remove_dir(&self.path);
        }
    }
}

/// Mounts these layers (the lowest first) read-only at `path`, which is made.
///
/// # Errors
/// overlayfs doesn't take them.
pub fn mount(layers: &[PathBuf], path: &Path) -> io::Result<Merged> {
    std::fs::create_dir(path)?;
    // mount(2) takes a page of options: so the layers are named by podman's short links, seen from their folder.
    let base = layers[0].parent().and_then(Path::parent).ok_or(io::ErrorKind::InvalidInput)?;
    let names: Vec<String> = layers.iter().rev().map(|layer| short_name(layer)).collect::<io::Result<_>>()?;
    let options = format!("ro,lowerdir={}", names.join(":"));
    let mut command = Command::new("mount");
    command.args(["-t", "overlay", "-o", &options, "overlay"]).arg(path).current_dir(base);
    process::output(&mut command).map_err(io::Error::other)?;
    Ok(Merged { path: path.to_owned() })
}

/// `l/SHORT`, which podman keeps as a link to the layer's folder.
fn short_name(layer: &Path) -> io::Result<String> {
    let link = layer.parent().ok_or(io::ErrorKind::InvalidInput)?.join("link");
    Ok(format!("l/{}", std::fs::read_to_string(link)?.trim()))
}
