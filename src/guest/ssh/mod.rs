//! SSH access to a guest: keys, endpoints, sessions, copies of files, and the configuration of the
//! host's OpenSSH.

pub mod config;
pub mod copy;
pub mod endpoint;
pub mod keys;
pub mod session;
