//! Named places where a test can kill the process, as `kill -9` or a power cut would. Without the
//! feature `fault-injection`, [`point`] does nothing.

/// Holds the name of the place where the process must die.
#[cfg(feature = "fault-injection")]
const VARIABLE: &str = "PODMAN_BOOTC_FAULT";

/// Kills this process, without a message or cleanup, if a test asks for it at this place.
#[cfg(feature = "fault-injection")]
pub fn point(name: &str) {
    if std::env::var_os(VARIABLE).is_some_and(|chosen| chosen == name) {
        super::process::kill(std::process::id());
        // The signal arrives within this time.
        std::thread::sleep(std::time::Duration::from_secs(60));
    }
}

#[cfg(not(feature = "fault-injection"))]
#[inline(always)]
pub fn point(_name: &str) {}
