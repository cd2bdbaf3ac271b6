//! vfkit and krunkit, the hypervisors of macOS.

mod console;
pub mod krunkit;
pub mod options;
pub mod rest;
pub mod vfkit;

pub use options::{FindError, PlanError};
