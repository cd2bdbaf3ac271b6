//! The inside of a running VM as seen from the host: keys, credentials, readiness, SSH.

pub mod cloudinit;
pub mod command;
pub mod copy;
pub mod credentials;
pub mod endpoint;
pub mod given;
pub mod hostname;
pub mod ignition;
pub mod keys;
pub mod session;
pub mod shares;
pub mod ssh_config;
pub mod units;
