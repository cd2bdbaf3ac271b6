//! The user's checks: commands, scripts and folders of them, which run in a guest.

mod case;
mod check;
mod output;
mod runner;
mod tap;

pub use case::{Case, End, Outcome, cases};
pub use check::{Check, Error as CheckError, Work};
pub use output::{Output, Stream};
pub use runner::{Environment, Error, Ran, Runner, run_all};
