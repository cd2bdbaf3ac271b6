//! The one background process of a running VM: it owns the hypervisor, writes the logs and serves
//! clients.

pub mod client;
mod clients;
pub mod console;
mod helpers;
pub mod problems;
pub mod protocol;
mod run;
mod serial_ssh;
mod supervision;

pub use run::{Error, run};
