//! The way into a guest: keys, endpoints, sessions, copies of files, and the configuration of the host's `ssh`.

pub mod config;
pub mod copy;
pub mod endpoint;
pub mod keys;
pub mod session;
