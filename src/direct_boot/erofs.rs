//! Block images: folders packed by `mkfs.erofs`, and the description beside each one in the cache.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde::{Deserialize, Serialize};

use super::error::Error;
use super::layers::Block;
use crate::host::fs::file::{self, IoContext};
use crate::host::process;

const VERSION: u32 = 1;
/// Extension of a block image.
pub const DATA: &str = "erofs";
/// Extension of its description.
pub const DESCRIPTION: &str = "json";

#[derive(Serialize, Deserialize)]
struct Description {
    version: u32,
    #[serde(flatten)]
    block: Block,
}

/// Packs a folder into an uncompressed erofs image, which is quick to make and to read.
pub fn pack(folder: &Path, image: &Path) -> Result<(), Error> {
    let program = which::which("mkfs.erofs").map_err(|_| Error::MkfsMissing)?;
    let mut command = Command::new(program);
    // -x1 puts extended attributes into blocks of their own and keeps all of them.
    command.args(["--quiet", "-x1"]).arg(image).arg(folder);
    process::output(&mut command).map(drop).map_err(Error::Mkfs)
}

/// The file of this block image in the folder `blocks`.
pub fn data_file(blocks: &Path, block: &Block) -> PathBuf {
    blocks.join(format!("{}.{DATA}", block.file_stem()))
}

/// Packs a folder as this block image in `blocks`, and describes it.
pub fn pack_block(folder: &Path, blocks: &Path, block: Block) -> Result<(), Error> {
    let data = data_file(blocks, &block);
    pack(folder, &data)?;
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
