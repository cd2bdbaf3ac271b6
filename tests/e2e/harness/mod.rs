//! What every test needs: a place of its own, programs with deadlines, images, and a look at what is left.

mod image;
mod kvm;
mod processes;
mod program;
mod sandbox;
mod small;
mod user;

use std::time::{Duration, Instant};

pub use image::{Own, containers_conf, podman, shared};
pub use kvm::Kvm;
pub use processes::Process;
pub use program::{Output, Running, Signal};
pub use sandbox::Sandbox;
pub use small::Small;
pub use user::User;

/// A command that only looks or asks ends within this.
pub const SOON: Duration = Duration::from_secs(60);
/// A command that installs and boots ends within this, emulated on a busy machine.
pub const BOOT: Duration = Duration::from_secs(9 * 60);

/// Waits until `look` finds something: for what gives no sign of its own (a process that goes, a state).
#[track_caller]
pub fn wait_for<T>(what: &str, time: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(start.elapsed() < time, "{what}: not within {} s", time.as_secs());
        std::thread::sleep(Duration::from_millis(20));
    }
}
