//! Reports for people and programs.

mod junit;
mod markdown;
mod tap;
mod text;

pub use junit::junit;
pub use markdown::markdown;
pub use tap::tap;
pub use text::{row, text};
