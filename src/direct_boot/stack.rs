//! The block images in the cache, and the stack of them that an image needs.

use std::path::{Path, PathBuf};

use super::layers::{self, Block, ChainId, LabelsId, Plan};
use super::{boot_files, erofs};
use crate::host::fs::file;

/// Finds the block images in the folder `blocks` that an image's root consists of, and the missing
/// ones. All have these labels, and marks of removed files of the same kind, because one overlay
/// reads only one kind. `boots` is the folder of the images that were converted before.
pub fn plan(
    blocks: &Path,
    boots: &Path,
    chains: &[ChainId],
    labels: Option<&LabelsId>,
    userxattr: bool,
) -> Plan {
    // The name says both, and the format. An older version has other names.
    let fits = |block: &Block, path: &Path| {
        block.labels.as_ref() == labels
            && block.userxattr == userxattr
            && path.file_stem() == Some(block.file_stem().as_ref())
    };
    let mut existing = Vec::new();
    for path in files(blocks, erofs::DESCRIPTION) {
        if !path.with_extension(erofs::DATA).exists() {
            continue;
        }
        match erofs::read_description(&path) {
            Ok(block) if fits(&block, &path) => existing.push(block),
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "ignoring a block image"),
        }
    }
    let known: Vec<Vec<ChainId>> = file::entries(boots)
        .filter_map(|entry| Some(boot_files::read_facts(&entry.path()).ok()?.chains))
        .collect();
    layers::plan(chains, &existing, &known)
}

/// Returns the files with this extension in a folder.
pub fn files(folder: &Path, extension: &str) -> impl Iterator<Item = PathBuf> {
    let paths = file::entries(folder).map(|entry| entry.path());
    paths.filter(move |path| path.extension().is_some_and(|found| found == extension))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn block_images_of_rootful_and_rootless_podman_share_a_cache_but_no_stack() {
        let dir = tempfile::tempdir().unwrap();
        let chains = layers::chain_ids(&["sha256:1".into(), "sha256:2".into()]);
        let plan = |userxattr| plan(dir.path(), dir.path(), &chains, None, userxattr);
        let add = |stem: &str, block: &Block| {
            erofs::describe(dir.path(), block.clone()).unwrap();
            std::fs::write(dir.path().join(format!("{stem}.erofs")), "x").unwrap();
        };
        let both = [false, true].map(|userxattr| layers::block(&chains, &(0..2), userxattr, None));
        assert_ne!(both[0].file_stem(), both[1].file_stem());
        add(&both[0].file_stem(), &both[0]);
        assert_eq!(plan(false).reuse, both[..1]);
        assert!(plan(true).reuse.is_empty());
        add(&both[1].file_stem(), &both[1]);
        assert_eq!(plan(false).reuse, both[..1]);
        assert_eq!(plan(true).reuse, both[1..]);
        // A stack never mixes the two kinds.
        let dir = tempfile::tempdir().unwrap();
        let lower = layers::block(&chains, &(0..1), true, None);
        erofs::describe(dir.path(), lower.clone()).unwrap();
        std::fs::write(dir.path().join(format!("{}.erofs", lower.file_stem())), "x").unwrap();
        let plan = |userxattr| super::plan(dir.path(), dir.path(), &chains, None, userxattr);
        assert_eq!(plan(true).reuse, [lower]);
        assert!(plan(false).reuse.is_empty());
    }

    #[test]
    fn a_block_image_under_the_name_of_an_older_version_does_not_count() {
        let dir = tempfile::tempdir().unwrap();
        let chains = layers::chain_ids(&["sha256:1".into()]);
        let block = layers::block(&chains, &(0..1), true, None);
        let stem = block.file_stem();
        erofs::describe(dir.path(), block).unwrap();
        let (old, _format) = stem.rsplit_once('.').unwrap();
        let path = |stem: &str, extension: &str| dir.path().join(format!("{stem}.{extension}"));
        std::fs::rename(path(&stem, "json"), path(old, "json")).unwrap();
        std::fs::write(path(old, "erofs"), "x").unwrap();
        assert!(
            super::plan(dir.path(), dir.path(), &chains, None, true)
                .reuse
                .is_empty()
        );
    }
}
