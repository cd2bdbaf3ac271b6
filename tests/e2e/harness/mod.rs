//! The common parts of all tests: folders of their own, programs with deadlines, images, and a
//! search for leftovers.

mod image;
mod kvm;
mod processes;
mod program;
mod registry;
mod sandbox;
mod user;

use std::time::Duration;

use crate::common::wait::eventually;

pub use crate::common::process::Process;
pub use crate::common::small::Small;
pub use image::{App, Own, containers_conf, podman, shared};
pub use kvm::{Kvm, tool_on_processor};
pub use program::{Output, Running, Signal};
pub use registry::Registry;
pub use sandbox::Sandbox;
pub use user::User;

/// Time limit for a command that boots nothing.
pub const SOON: Duration = Duration::from_secs(60);
/// Time limit for a command that installs and boots, emulated on a busy machine.
pub const BOOT: Duration = Duration::from_secs(9 * 60);

/// Waits until `look` finds something; `what` names it when it doesn't.
#[track_caller]
pub fn wait_for<T>(what: &str, time: Duration, look: impl FnMut() -> Option<T>) -> T {
    match eventually(time, look) {
        Some(found) => found,
        None => panic!("{what}: not within {} s", time.as_secs()),
    }
}
