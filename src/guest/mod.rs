//! The inside of a running VM as seen from the host: keys, credentials, readiness, SSH.

pub mod command;
pub mod copy;
pub mod credentials;
pub mod endpoint;
pub mod keys;
pub mod session;
pub mod shares;
pub mod ssh_config;
