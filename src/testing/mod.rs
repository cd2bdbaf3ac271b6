//! The tests of an image: its system and the user's checks, in each phase of a VM, and reports.

mod artifacts;
pub mod checks;
mod formats;
mod job;
mod report;
pub mod system;
mod watched;

pub use artifacts::{Artifacts, Error as ArtifactsError};
pub use formats::{junit, markdown, row, tap, text};
pub use job::{Error, Job, Plan, Step};
pub use report::{Counts, Phase, PhaseReport, Report};
