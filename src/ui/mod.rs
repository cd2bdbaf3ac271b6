//! Output for the user: progress on stderr, tables and JSON on stdout. This room imports only
//! `text/`.

mod format;
mod progress;
mod status_line;
mod table;

pub use format::{Format, print, say, tell};
pub use progress::StderrProgress;
pub use status_line::StatusLine;
pub use table::Table;
