//! Windows: Hyper-V has `AF_HYPERV`, for ports that an administrator allowed.

use std::io;
use std::net::TcpStream;
use std::time::Duration;

use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use windows_sys::Win32::System::Hypervisor::HV_PROTOCOL_RAW;
use windows_sys::Win32::System::Registry::{
    HKEY_LOCAL_MACHINE, KEY_READ, RegCloseKey, RegOpenKeyExW,
};

use super::hyperv;

/// Linux waits as long.
const CONNECT_TIME: Duration = Duration::from_secs(2);

pub fn is_available(port: u32) -> bool {
    let name: Vec<u16> = hyperv::registry_key(port)
        .encode_utf16()
        .chain([0])
        .collect();
    let mut key = std::ptr::null_mut();
    // SAFETY: the name ends with a NUL, and the variable for the key outlives the call.
    #[allow(unsafe_code)]
    let error =
        unsafe { RegOpenKeyExW(HKEY_LOCAL_MACHINE, name.as_ptr(), 0, KEY_READ, &raw mut key) };
    if error == 0 {
        // SAFETY: the key was just opened, and nothing else closes it.
        #[allow(unsafe_code)]
        unsafe {
            RegCloseKey(key);
        }
    }
    error == 0
}

pub fn connect(_cid: u32, _port: u32) -> io::Result<TcpStream> {
    Err(io::ErrorKind::Unsupported.into())
}

pub fn connect_hyperv(vm: &str, port: u32) -> io::Result<TcpStream> {
    let bytes = hyperv::address(vm, port).ok_or(io::ErrorKind::InvalidInput)?;
    // SAFETY: the storage is larger than an address, and is initialized up to the length that is
    // set.
    #[allow(unsafe_code)]
    let ((), address) = unsafe {
        SockAddr::try_init(|storage, length| {
            storage.cast::<[u8; 36]>().write_unaligned(bytes);
            *length = 36;
            Ok(())
        })
    }?;
    let family = Domain::from(i32::from(hyperv::FAMILY));
    let socket = Socket::new(
        family,
        Type::STREAM,
        Some(Protocol::from(HV_PROTOCOL_RAW as i32)),
    )?;
    socket.connect_timeout(&address, CONNECT_TIME)?;
    Ok(socket.into())
}
