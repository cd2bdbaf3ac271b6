//! Container disks: OCI images without a system, with one disk image or a kernel in them, which
//! virtual machines in a cluster boot from.
//! <https://kubevirt.io/user-guide/storage/disks_and_volumes/#containerdisk>
//!
//! `layer.rs` streams the layer, `qcow2.rs` the disk image in it, `layout.rs` writes the image's
//! folder. Nothing is written twice: the sizes are known before the first byte.

mod error;
mod layer;
mod layout;
mod of_base_disk;
mod qcow2;
mod target;

pub use error::Error;
pub use layer::{Content, Entry};
pub use layout::{Description, check, digest, write_new};
pub use of_base_disk::{of_base_disk, qcow2};
pub use target::{InvalidTarget, Target};

use std::path::Path;

use crate::host::fs::file::IoContext as _;
use crate::host::fs::locked_folder::LockedFolder;
use crate::image::Podman;

/// Writes an image and stores it in podman's storage under a name. `folder` is where the image's
/// folder is for the moment. `progress` gets percents.
///
/// # Errors
/// The image can't be written, or podman can't read it.
pub fn store(
    podman: &Podman,
    name: &str,
    entries: &[Entry],
    description: &Description,
    folder: &Path,
    progress: impl FnMut(f64),
) -> Result<(), Error> {
    crate::host::fs::file::create_private_dir(folder).writing(folder)?;
    LockedFolder::sweep(folder);
    let temporary = LockedFolder::create(folder)?;
    layout::write(temporary.path(), entries, description, progress)?;
    Ok(podman.store(temporary.path(), name)?)
}
