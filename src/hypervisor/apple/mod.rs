//! The hypervisors of macOS: vfkit and krunkit.

mod console;
pub mod krunkit;
pub mod options;
pub mod rest;
pub mod vfkit;

pub use options::{FindError, PlanError};
