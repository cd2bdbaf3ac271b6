//! Linux: the kernel has `AF_VSOCK`, and a device for the guests' side.

use std::io;
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::path::Path;

use vsock::VsockStream;

/// <https://docs.kernel.org/admin-guide/devices.html>
const DEVICE: &str = "/dev/vhost-vsock";

/// Returns true if this user can connect to this port of guests. Linux has one device for all
/// ports, Windows a registry entry for each.
pub fn is_available(_port: u32) -> bool {
    crate::host::can_open_read_write(Path::new(DEVICE))
}

/// Connects to a port of the guest with this context ID. Blocks for two seconds at most.
pub fn connect(cid: u32, port: u32) -> io::Result<TcpStream> {
    let stream = VsockStream::connect_with_cid_port(cid, port)?;
    Ok(OwnedFd::from(stream).into())
}

/// Connects to a port of the guest of Hyper-V with this VM ID. Blocks for two seconds at most.
pub fn connect_hyperv(_vm: &str, _port: u32) -> io::Result<TcpStream> {
    Err(io::ErrorKind::Unsupported.into())
}
