//! QEMU: the hypervisor on every system that has nothing better.

mod args;
mod argv;
mod credentials;
mod devices;
pub mod firmware;
mod qmp;
mod shares;
mod start;

use std::path::PathBuf;

pub use args::PathNotUtf8;
pub use argv::launch;
pub use qmp::{Qmp, QmpError};
pub use start::start;

use super::Arch;
use crate::host::{Os, process};

/// The QEMU of this host for one guest architecture.
#[derive(Debug, Clone)]
pub struct Qemu {
    /// `qemu-system-ARCH`.
    pub program: PathBuf,
    /// The guest's architecture.
    pub arch: Arch,
    /// The version, major and minor.
    pub version: (u32, u32),
    /// The system that it runs on.
    pub os: Os,
}

/// There is no QEMU.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    /// It is not on PATH, nor where distributions hide it.
    #[error("{0} is not installed, or not on PATH; `podman-bootc doctor` lists what is missing")]
    Missing(String),
    /// It doesn't run.
    #[error("QEMU doesn't tell of itself")]
    Help(#[source] process::Error),
}

/// RHEL and its kin have no `qemu-system-*`, only this.
const RHEL_PROGRAM: &str = "/usr/libexec/qemu-kvm";

impl Qemu {
    /// Finds QEMU for guests of this architecture.
    ///
    /// # Errors
    /// There is none, or it doesn't run.
    pub fn find(arch: Arch) -> Result<Self, FindError> {
        let program = program(arch)?;
        let text =
            process::output(std::process::Command::new(&program).arg("-help")).map_err(FindError::Help)?;
        let text = String::from_utf8_lossy(&text);
        let version = parse_version(&text).unwrap_or((0, 0));
        Ok(Self { program, arch, version, os: Os::current() })
    }
}

/// The program of QEMU for guests of this architecture.
fn program(arch: Arch) -> Result<PathBuf, FindError> {
    let name = format!("qemu-system-{}", arch.name());
    let of_rhel = || {
        let program = PathBuf::from(RHEL_PROGRAM);
        (Arch::host() == Some(arch) && program.exists()).then_some(program)
    };
    process::find_installed(&name, "qemu").or_else(of_rhel).ok_or(FindError::Missing(name))
}

/// Major and minor of `QEMU emulator version 10.0.2 (Debian ...)`.
fn parse_version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.split("version ").nth(1)?.split(['.', ' ', '\n']);
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    #[test]
    fn version_of_qemu() {
        let text = "QEMU emulator version 10.0.2 (Debian 1:10.0.2+ds-2)\nCopyright (c) 2003-2025\n";
        assert_eq!(super::parse_version(text), Some((10, 0)));
        assert_eq!(super::parse_version("nonsense"), None);
    }
}
