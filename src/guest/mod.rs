//! The guest as seen from the host: what it gets at boot, and the way in by SSH.

pub mod boot;
pub mod shell;
pub mod ssh;
