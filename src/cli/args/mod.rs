//! Arguments that several commands share.

pub mod image;
pub mod install;
pub mod machine;
pub mod session;
pub mod vm;
pub mod warm;
