//! Block images: folders packed by `mkfs.erofs`, and the description beside each one in the cache.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::{Deserialize, Serialize};

use super::error::Error;
use super::layers::Block;
use super::selinux::Policy;
use crate::host::fs::file::{self, IoContext};
use crate::host::process;
use crate::image::Podman;

const VERSION: u32 = 1;
/// Extension of a block image.
pub const DATA: &str = "erofs";
/// Extension of its description.
pub const DESCRIPTION: &str = "json";
/// ostree's own copies of the files. They are hard links to files of the system, and `mkfs.erofs` labels
/// a file by its first path. A direct boot doesn't use them.
const OSTREE_COPIES: &str = "sysroot/ostree/repo";

#[derive(Serialize, Deserialize)]
struct Description {
    version: u32,
    #[serde(flatten)]
    block: Block,
}

/// Packs a folder into an uncompressed erofs image, which is quick to make and to read.
pub fn pack(folder: &Path, image: &Path) -> Result<(), Error> {
    pack_with(folder, image, None)
}

/// Packs a folder whose files belong to users of podman's user namespace, with these users.
pub fn pack_for(podman: &Podman, folder: &Path, image: &Path) -> Result<(), Error> {
    if !podman.is_rootless() {
        return pack(folder, image);
    }
    let mut command = podman.command(["unshare", "mkfs.erofs", "--quiet", "-x1"]);
    command.arg(image).arg(folder);
    process::output(&mut command).map(drop).map_err(Error::Mkfs)
}

/// Packs a folder, and gives labels to the files when `contexts` is a `file_contexts` of SELinux.
fn pack_with(folder: &Path, image: &Path, contexts: Option<&Path>) -> Result<(), Error> {
    let program = which::which("mkfs.erofs").map_err(|_| Error::MkfsMissing)?;
    let mut command = Command::new(program);
    // -x1 puts extended attributes into blocks of their own and keeps all of them.
    command.args(["--quiet", "-x1"]);
    if let Some(contexts) = contexts {
        let mut option = OsString::from("--file-contexts=");
        option.push(contexts);
        command.arg(option);
        command.arg(format!("--exclude-path={OSTREE_COPIES}"));
    }
    command.arg(image).arg(folder);
    process::output(&mut command).map(drop).map_err(Error::Mkfs)
}

/// The file of this block image in the folder `blocks`.
pub fn data_file(blocks: &Path, block: &Block) -> PathBuf {
    blocks.join(format!("{}.{DATA}", block.file_stem()))
}

/// Packs a folder as this block image in `blocks`, and describes it. `policy` gives the files their
/// labels.
pub fn pack_block(
    folder: &Path,
    blocks: &Path,
    block: Block,
    policy: Option<&Policy>,
) -> Result<(), Error> {
    let data = data_file(blocks, &block);
    match policy {
        Some(policy) => {
            let contexts = tempfile::tempdir_in(blocks).writing(blocks)?;
            let file = policy.write_contexts(folder, contexts.path())?;
            pack_with(folder, &data, Some(&file))?;
        }
        None => pack(folder, &data)?,
    }
    // The description is synced, too. After a power cut it must not exist without its data.
    file::sync(&data).writing(&data)?;
    describe(blocks, block)
}

/// Writes the description, which makes the block image count.
pub(super) fn describe(blocks: &Path, block: Block) -> Result<(), Error> {
    let path = blocks.join(format!("{}.{DESCRIPTION}", block.file_stem()));
    Ok(file::write_json(
        &path,
        &Description {
            version: VERSION,
            block,
        },
    )?)
}

pub fn read_description(path: &Path) -> Result<Block, file::Error> {
    file::read_json(path, VERSION).map(|Description { block, .. }| block)
}
