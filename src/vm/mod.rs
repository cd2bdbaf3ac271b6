//! VMs: their specs and state on disk, their lifecycle, and the supervisor of each running one.

pub mod attach;
mod attempt;
mod backing;
mod bridge;
mod chance;
pub mod client;
pub mod console;
pub mod control;
pub mod create;
mod doom;
pub mod engine;
pub mod extras;
pub mod folder;
mod helpers;
mod hub;
pub mod lifecycle;
pub mod log;
mod machine;
mod name;
pub mod ports;
pub mod problem;
pub mod ready;
pub mod settings;
pub mod snapshots;
pub mod spec;
pub mod store;
pub mod supervisor;
mod trial;

pub use extras::{Extras, Outfit};
pub use folder::{State, Vm};
pub use name::{InvalidName, Name};
pub use settings::{Nic, Settings};
pub use spec::Spec;
pub use store::Store;
