//! The one background process of a running VM: it owns the hypervisor, writes the logs and serves
//! clients.

pub mod agent;
pub mod client;
mod clients;
pub mod console;
mod devices;
pub mod doors;
mod guest_report;
mod helpers;
mod power_off;
pub mod problems;
pub mod protocol;
mod run;
mod shutdown;
mod supervision;
mod suspending;
mod told;

pub use run::{Error, run};
