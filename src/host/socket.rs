//! Local stream sockets, known by a path.

use std::io;
use std::path::Path;

/// A connection that blocks.
pub use std::os::unix::net::UnixStream as Stream;
/// Accepts connections, on the async side.
pub use tokio::net::UnixListener as Listener;
/// A connection for the async side.
pub use tokio::net::UnixStream as AsyncStream;

/// Listens at `path`; what a dead process left there is replaced.
///
/// # Errors
/// As of the operating system.
pub fn listen(path: &Path) -> io::Result<Listener> {
    match std::fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    Listener::bind(path)
}

/// Listens at `path`, for another process; what a dead process left there is replaced.
///
/// # Errors
/// As of the operating system.
pub fn listen_blocking(path: &Path) -> io::Result<std::os::fd::OwnedFd> {
    match std::fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    Ok(std::os::unix::net::UnixListener::bind(path)?.into())
}
