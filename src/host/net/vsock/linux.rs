//! Linux: the kernel has `AF_VSOCK`, and gives guests their side through a device.

use std::io;
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::path::Path;

use vsock::VsockStream;

/// <https://docs.kernel.org/admin-guide/devices.html>
const DEVICE: &str = "/dev/vhost-vsock";

pub fn is_available(_port: u32) -> bool {
    crate::host::can_open_read_write(Path::new(DEVICE))
}

pub fn connect(cid: u32, port: u32) -> io::Result<TcpStream> {
    let stream = VsockStream::connect_with_cid_port(cid, port)?;
    Ok(OwnedFd::from(stream).into())
}

pub fn connect_hyperv(_vm: &str, _port: u32) -> io::Result<TcpStream> {
    Err(io::ErrorKind::Unsupported.into())
}
