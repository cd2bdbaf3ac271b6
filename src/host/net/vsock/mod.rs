//! Connections to a guest without a network: `AF_VSOCK`, or a hypervisor's socket in its place.
//!
//! The functions return a TCP stream, because the callers need only what all stream sockets can do.
//! It has no IP address.

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
mod unsupported;
#[cfg(not(any(target_os = "linux", windows)))]
use unsupported as os;

pub use crate::host::os::connect_stream as connect_socket;
pub use os::{connect, connect_hyperv, is_available};
