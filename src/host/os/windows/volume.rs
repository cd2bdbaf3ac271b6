use std::fs::Metadata;
use std::os::windows::fs::MetadataExt;
use std::path::{Component, Path, Prefix};

/// Without its index, which needs an open file, a folder is known by its time.
pub fn identity(metadata: &Metadata) -> (u64, u64) {
    (metadata.creation_time(), 0)
}

pub fn stamp(metadata: &Metadata) -> [i64; 4] {
    let time = match metadata.is_dir() {
        true => 0,
        false => metadata.last_write_time(),
    };
    let created = metadata.creation_time().cast_signed();
    let size = metadata.file_size().cast_signed();
    let attributes = i64::from(metadata.file_attributes());
    [time.cast_signed(), created, size, attributes]
}

/// A drive that stands for a share is not seen.
pub fn is_on_network(folder: &Path) -> bool {
    let first = folder.components().next();
    matches!(first, Some(Component::Prefix(prefix))
        if matches!(prefix.kind(), Prefix::UNC(..) | Prefix::VerbatimUNC(..)))
}

/// A build runs in the podman machine.
pub fn descendants(_pid: u32) -> Vec<u32> {
    vec![]
}
