//! Child processes that end with this one, background processes that outlive it, and interrupts.

mod helper;
pub mod interrupt;
mod lines;
mod program;
mod run;

pub use super::os::{
    current_program, exit_code, has_crashed, kill, new_session as detach, terminate_with_parent,
    was_killed, watch_parent,
};
pub use helper::{Helper, spawn_helper};
pub use lines::lines;
pub use program::{find, find_installed, quote_program, shell};
pub use run::{Error, on_terminal, output, run, run_uninterruptible, stream_output};
