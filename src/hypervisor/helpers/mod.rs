//! Helpers: programs that run beside the hypervisor and serve some of a machine's devices.

pub mod gvproxy;
mod helper;
pub mod swtpm;
pub mod virtiofsd;

pub use helper::{End, Helper, Running, Socket};
