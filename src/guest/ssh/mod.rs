//! SSH access to a guest: keys, endpoints, sessions, copies of files, and the configuration of the
//! host's OpenSSH.

mod authentication;
pub mod config;
pub mod copy;
pub mod endpoint;
mod host_key;
pub mod keys;
mod pack;
mod script;
pub mod session;
