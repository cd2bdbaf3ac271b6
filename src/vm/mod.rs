//! VMs: their specs and state on disk, their lifecycle, and the supervisor of each running one.

mod attempt;
pub mod client;
pub mod console;
pub mod control;
pub mod create;
pub mod engine;
mod helpers;
pub mod lifecycle;
mod machine;
mod name;
pub mod ports;
pub mod problem;
pub mod settings;
pub mod spec;
pub mod store;
pub mod supervisor;

pub use name::{InvalidName, Name};
pub use settings::Settings;
pub use spec::Spec;
pub use store::{State, Store, Vm};
