//! SSH access to a guest: keys, endpoints, sessions, copies of files, and the configuration of the
//! host's OpenSSH.

mod authentication;
mod client;
pub mod config;
pub mod copy;
pub mod endpoint;
mod error;
mod host_key;
pub mod keys;
mod pack;
mod script;
pub mod session;
