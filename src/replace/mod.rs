//! Brings another image into a VM without a disk: its userspace restarts from the changed layers
//! if that is enough, otherwise its machine starts anew.
//!
//! `job.rs` describes the work, and `decision.rs` is pure. `guest.rs` has the scripts in the guest and what they print, `layers.rs`
//! the block images that the machine gets and loses, and `work.rs` the whole way.

mod decision;
mod error;
mod guest;
mod job;
mod layers;
mod report;
mod work;

pub use decision::{Reason, Way};
pub use error::Error;
pub use job::{Arrived, Job, Wish};
pub use report::Report;
