//! Connections to a guest without a network: `AF_VSOCK`, or a socket that a hypervisor has in its place.

use std::io;
use std::net::TcpStream;
use std::path::Path;

pub mod hyperv;

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
use linux as os;
#[cfg(windows)]
mod windows;
#[cfg(windows)]
use windows as os;
#[cfg(not(any(target_os = "linux", windows)))]
mod elsewhere;
#[cfg(not(any(target_os = "linux", windows)))]
use elsewhere as os;

/// True when this user may connect to this port of guests: Linux has a device for all, Windows an entry in its
/// registry for each.
pub fn is_available(port: u32) -> bool {
    os::is_available(port)
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

/// Connects to a port of the guest in the VM of Hyper-V with this ID; the rest is as of [`connect`].
///
/// # Errors
/// As of [`connect`].
pub fn connect_hyperv(vm: &str, port: u32) -> io::Result<TcpStream> {
    os::connect_hyperv(vm, port)
}

/// Connects to the Unix socket that stands for a port of a guest; what is returned is as of [`connect`].
///
/// # Errors
/// Nobody listens, or this system has no such sockets.
pub fn connect_socket(path: &Path) -> io::Result<TcpStream> {
    crate::host::os::connect_stream(path)
}
