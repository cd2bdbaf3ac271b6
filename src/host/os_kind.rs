//! Which operating system's rules hold.

/// An operating system that the tool knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Os {
    /// Linux, and all that is like it.
    Linux,
    /// macOS.
    Macos,
    /// Windows.
    Windows,
}

/// Names the system whose rules hold in a test with fakes.
#[cfg(feature = "fakes")]
const VARIABLE: &str = "PODMAN_BOOTC_FAKE_OS";

impl Os {
    /// The system that the program runs on.
    ///
    /// It says what hypervisors there are, where images are, and what ends a helper with us (where that can be tried
    /// on another system), and nothing else of how files, processes and sockets work: so that with the feature
    /// `fakes` a test can have the rules of another system.
    pub fn current() -> Self {
        #[cfg(feature = "fakes")]
        match std::env::var(VARIABLE).as_deref() {
            Ok("linux") => return Self::Linux,
            Ok("macos") => return Self::Macos,
            Ok("windows") => return Self::Windows,
            _ => {}
        }
        if cfg!(target_os = "macos") {
            Self::Macos
        } else if cfg!(windows) {
            Self::Windows
        } else {
            Self::Linux
        }
    }

    /// Its name, for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Linux => "Linux",
            Self::Macos => "macOS",
            Self::Windows => "Windows",
        }
    }
}
