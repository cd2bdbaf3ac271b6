//! Systems without `AF_VSOCK`.

use std::io;
use std::net::TcpStream;

pub fn is_available(_port: u32) -> bool {
    false
}

pub fn connect(_cid: u32, _port: u32) -> io::Result<TcpStream> {
    Err(io::ErrorKind::Unsupported.into())
}

pub fn connect_hyperv(_vm: &str, _port: u32) -> io::Result<TcpStream> {
    Err(io::ErrorKind::Unsupported.into())
}
