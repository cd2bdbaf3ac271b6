//! The same functions for each operating system, in one file each. `unix` documents them, `windows`
//! only the differences.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub use unix::*;
#[cfg(windows)]
pub use windows::*;
