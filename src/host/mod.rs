//! The differences between operating systems: folders, files, locks, processes, sockets, terminals.

use std::path::Path;

pub mod fault;
pub mod fs;
mod memory;
mod memory_copy;
pub mod net;
mod os;
mod os_kind;
pub mod process;
mod processor;
pub mod random;
pub mod terminal;

pub use memory::usable_memory;
pub use memory_copy::MemoryCopy;
pub use os::{free_space, is_of_another_user, kernel_release, stdout_has_no_reader, user_id};
pub use os_kind::Os;
pub use processor::{boot_id, processor, usable_processors};

/// Returns the numeric IDs of the user and the user's group.
pub fn user_and_group() -> (u32, u32) {
    (os::user_id(), os::group_id())
}

/// Returns the bytes that a sparse file occupies on its filesystem; 0 if the file can't be
/// examined.
pub fn allocated_size(path: &Path) -> u64 {
    path.metadata()
        .map_or(0, |metadata| os::allocated_size(path, &metadata))
}

/// Returns true if `path` can be opened for reading and writing, and does neither.
pub fn can_open_read_write(path: &Path) -> bool {
    std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .is_ok()
}
