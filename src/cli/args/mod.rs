//! Arguments that several commands share.

pub mod image;
pub mod install;
pub mod instance_type;
pub mod machine;
pub mod new_vm;
pub mod session;
pub mod time;
pub mod timeline;
pub mod vm;
pub mod warm;
