//! What the user sees: progress on stderr, tables and JSON on stdout.
//!
//! This room receives values and events; it starts nothing and knows only `text/`.

mod format;
mod progress;
mod table;

pub use format::{Format, print, say, tell};
pub use progress::StderrProgress;
pub use table::Table;
