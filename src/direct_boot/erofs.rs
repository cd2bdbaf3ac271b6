//! A folder as a read-only block image.

use std::path::Path;
use std::process::Command;

use super::Error;
use crate::host::process;

/// Packs a folder into an erofs image, uncompressed: quick to make, and read without a detour.
///
/// # Errors
/// There is no `mkfs.erofs`, or it fails.
pub fn pack(folder: &Path, image: &Path) -> Result<(), Error> {
    let program = which::which("mkfs.erofs").map_err(|_| Error::NoMkfs)?;
    let mut command = Command::new(program);
    // -x1: extended attributes into their own blocks; all of them are kept.
    command.args(["--quiet", "-x1"]).arg(image).arg(folder);
    process::output(&mut command).map(drop).map_err(Error::Mkfs)
}
