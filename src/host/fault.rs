//! Named places where a test can make the process die, as `kill -9` or a power cut would.
//!
//! Only with the feature `fault-injection`; else [`point`] is nothing at all.

/// The name of the place where the process is to die.
#[cfg(feature = "fault-injection")]
const VARIABLE: &str = "PODMAN_BOOTC_FAULT";

/// Dies here, without a word and without any cleaning up, when a test wants it.
#[cfg(feature = "fault-injection")]
pub fn point(name: &str) {
    if std::env::var_os(VARIABLE).is_some_and(|wanted| wanted == name) {
        super::process::kill(std::process::id());
        // The signal is on its way.
        std::thread::sleep(std::time::Duration::from_secs(60));
    }
}

/// Nothing.
#[cfg(not(feature = "fault-injection"))]
#[inline(always)]
pub fn point(_name: &str) {}
