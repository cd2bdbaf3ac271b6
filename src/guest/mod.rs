//! The guest as seen from the host: what the host hands to it at boot, and access by SSH.

pub mod boot;
pub mod hot_plug;
pub mod shell;
pub mod ssh;
