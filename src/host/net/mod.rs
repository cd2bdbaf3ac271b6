//! Local sockets and the host's side of `AF_VSOCK`.

pub mod socket;
pub mod vsock;
