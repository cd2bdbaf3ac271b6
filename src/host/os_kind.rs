//! The operating systems.

/// An operating system that the tool supports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Os {
    /// Linux, and any other Unix.
    Linux,
    Macos,
    Windows,
}

/// Names the system whose rules hold in a test with fakes.
#[cfg(feature = "fakes")]
const VARIABLE: &str = "PODMAN_BOOTC_FAKE_OS";

impl Os {
    /// Returns the system whose rules hold: the one that the program runs on, or a test's choice.
    ///
    /// The rules are the hypervisors, where the images are, and, where another system can test it,
    /// what ends a helper with this process. How files, processes and sockets work doesn't depend
    /// on it.
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

    pub fn name(self) -> &'static str {
        match self {
            Self::Linux => "Linux",
            Self::Macos => "macOS",
            Self::Windows => "Windows",
        }
    }
}
