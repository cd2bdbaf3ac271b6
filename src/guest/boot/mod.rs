//! What a guest gets at boot: credentials, units, shares, a hostname, configuration of first-boot programs.

pub mod cloudinit;
pub mod credentials;
pub mod hostname;
pub mod ignition;
pub mod shares;
pub mod units;
pub mod user_credentials;
