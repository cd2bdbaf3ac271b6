//! Templates of warm starts: machines that were frozen before their sshd started.
//!
//! A template is two files, the machine's memory and the state of its devices, with a description.
//! Its key says all that must be the same in a machine that resumes from it.

mod key;
mod making;
mod template;
mod templates;

pub use key::{Key, shape, stamp};
pub use making::Making;
pub use template::{Lasts, Template};
pub use templates::{Begun, Listed, Templates};
