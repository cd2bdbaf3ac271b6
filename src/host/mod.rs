//! What differs between operating systems: folders, files, locks, processes, sockets.

pub mod fault;
pub mod fs;
pub mod net;
mod os;
mod os_kind;
pub mod process;
pub mod terminal;

pub use os_kind::Os;

/// The kernel's release, as `uname -r` prints it.
pub fn kernel_release() -> String {
    os::kernel_release()
}

/// The user's numeric ID; `0` is root.
pub fn user_id() -> u32 {
    os::user_id()
}

/// The user's and the group's numeric IDs.
pub fn owner() -> (u32, u32) {
    (os::user_id(), os::group_id())
}

/// True when whoever read our standard output is gone, where that can be told without writing.
pub fn nobody_reads_stdout() -> bool {
    os::nobody_reads_stdout()
}

/// Bytes that the filesystem under `path` still has room for.
///
/// # Errors
/// The folder can't be examined.
pub fn free_space(path: &std::path::Path) -> std::io::Result<u64> {
    os::free_space(path)
}

/// Bytes that a sparse file really takes on its filesystem; 0 for one that can't be looked at.
pub fn allocated_size(path: &std::path::Path) -> u64 {
    path.metadata().map_or(0, |metadata| os::allocated_size(path, &metadata))
}

/// True when `path` can be opened for reading and writing, without doing either.
pub fn can_open_read_write(path: &std::path::Path) -> bool {
    std::fs::OpenOptions::new().read(true).write(true).open(path).is_ok()
}
