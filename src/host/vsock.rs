//! Connections to a guest without a network: `AF_VSOCK`, or a socket that a hypervisor has in its place.

use std::io;
use std::net::TcpStream;
use std::path::Path;

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
use linux as os;
#[cfg(not(target_os = "linux"))]
mod elsewhere;
#[cfg(not(target_os = "linux"))]
use elsewhere as os;

/// True when this user may give a guest such sockets.
pub fn is_available() -> bool {
    os::is_available()
}

/// Connects to a port of the guest with this context ID. Blocks for two seconds at the most.
///
/// What is returned has the type of a TCP connection, because nothing that is done with it needs more than a stream
/// socket; it has no IP address.
///
/// # Errors
/// The guest refuses, isn't there, or this system has no such sockets.
pub fn connect(cid: u32, port: u32) -> io::Result<TcpStream> {
    os::connect(cid, port)
}

/// Connects to the Unix socket that stands for a port of a guest; what is returned is as of [`connect`].
///
/// # Errors
/// Nobody listens, or this system has no such sockets.
pub fn connect_socket(path: &Path) -> io::Result<TcpStream> {
    super::os::connect_stream(path)
}
