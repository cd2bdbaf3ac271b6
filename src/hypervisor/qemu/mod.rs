//! QEMU, which runs on every system.

mod args;
mod argv;
mod credentials;
mod devices;
mod find;
pub mod firmware;
mod plugs;
mod qmp;
mod root_ports;
mod saved;
mod shares;
mod start;
mod suspend;

pub use args::PathNotUtf8;
pub use argv::launch;
pub use find::{FindError, Qemu};
pub use qmp::{Qmp, QmpError};
pub use root_ports::FREE as FREE_PORTS;
pub use saved::FIRST_TO_SAVE;
pub use start::start;
