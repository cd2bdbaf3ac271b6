//! Brings another version of its image into a running VM, on the path of a production machine:
//! bootc pulls and stages it, the guest reboots, and the host looks which version booted.
//!
//! `status.rs`, `decision.rs`, `drop_in.rs` and `report.rs` are pure. `guest.rs` has the scripts in
//! the guest, `steps.rs` runs them, and `work.rs` has the whole way.

mod decision;
mod drop_in;
mod error;
mod guest;
mod job;
mod report;
mod status;
mod steps;
mod versions;
mod work;

pub use error::Error;
pub use job::{After, ImageWish, Job, NextBoot, Wish};
pub use report::Report;
