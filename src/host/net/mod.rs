//! Local sockets, and connections from the host to ports of a guest.

pub mod socket;
pub mod vsock;
