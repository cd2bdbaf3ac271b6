//! Local stream connections, known by a path: Unix sockets, or named pipes on Windows.

use std::io;
use std::path::Path;

use crate::host::os;

/// Accepts connections, on the async side.
pub use os::Listener;
/// A connection, on the async side.
pub use os::Stream;
/// The two halves of a connection.
pub use os::{ReadHalf, WriteHalf};

/// Listens at `path`; what a dead process left there is replaced.
///
/// # Errors
/// As of the operating system.
pub fn listen(path: &Path) -> io::Result<Listener> {
    os::listen(path)
}

/// Listens at `path` for a program that connects to a Unix socket, on Windows, too; what a dead process left there
/// is replaced.
///
/// # Errors
/// As of the operating system.
pub fn listen_for_program(path: &Path) -> io::Result<Listener> {
    os::listen_for_program(path)
}

/// Connects to who listens at `path`.
///
/// # Errors
/// Nobody does; or as of the operating system.
pub async fn connect(path: &Path) -> io::Result<Stream> {
    os::connect(path).await
}

/// Connects to the named pipe of this name, which a program of Windows made.
///
/// # Errors
/// There is none, somebody else has it, or this system has no such pipes.
pub fn open_pipe(name: &str) -> io::Result<Stream> {
    os::open_pipe(name)
}

/// Parts a connection into what is read from it and what is written to it.
pub fn split(stream: Stream) -> (ReadHalf, WriteHalf) {
    os::split(stream)
}

/// Listens at `path`, for another process, which gets it as its standard input; what a dead process left there is
/// replaced.
///
/// # Errors
/// As of the operating system.
pub fn listen_for_child(path: &Path) -> io::Result<std::process::Stdio> {
    os::listen_for_child(path)
}
