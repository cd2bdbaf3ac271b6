//! The watch loop: builds an image on each change of its sources, and brings a VM to it.

pub mod alert;
pub mod build;
pub mod checks;
pub mod cycle;
mod error;
pub mod files;
pub mod ignore;
mod outputs;
pub mod progress;
pub mod report;
mod run;
mod scan;
pub mod screen;
pub mod sources;
pub mod vms;

pub use run::{Error, Watch, run};
