//! Things that the host hands to a guest at boot: credentials, units, shares, a hostname,
//! cloud-init's and Ignition's files.

pub mod authorized_key;
pub mod bootstrap;
pub mod cloudinit;
pub mod hostname;
pub mod identity;
pub mod ignition;
pub mod shares;
pub mod units;
pub mod user_credentials;
