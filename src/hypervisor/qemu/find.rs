//! Finds QEMU.

use std::path::PathBuf;

use crate::host::{Os, process};
use crate::hypervisor::Arch;

/// The QEMU of this host for one guest architecture.
#[derive(Debug, Clone)]
pub struct Qemu {
    pub program: PathBuf,
    /// The guest's architecture.
    pub arch: Arch,
    /// Major and minor.
    pub version: (u32, u32),
    /// The host's system.
    pub os: Os,
}

/// QEMU is not installed or doesn't run.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    #[error("{0} is not installed, or not on PATH; `podman-bootc doctor` lists what is missing")]
    Missing(String),
    #[error("can't run `{0} -help`")]
    Help(String, #[source] process::Error),
}

/// RHEL and its derivatives have this program and no `qemu-system-*`.
const RHEL_PROGRAM: &str = "/usr/libexec/qemu-kvm";

impl Qemu {
    /// Finds QEMU for guests of this architecture.
    pub fn find(arch: Arch) -> Result<Self, FindError> {
        let program = program(arch)?;
        let text = process::output(std::process::Command::new(&program).arg("-help"))
            .map_err(|error| FindError::Help(program.display().to_string(), error))?;
        let version = parse_version(&String::from_utf8_lossy(&text)).unwrap_or((0, 0));
        Ok(Self {
            program,
            arch,
            version,
            os: Os::current(),
        })
    }
}

pub(super) fn program(arch: Arch) -> Result<PathBuf, FindError> {
    let name = format!("qemu-system-{}", arch.name());
    let of_rhel = || {
        let program = PathBuf::from(RHEL_PROGRAM);
        (Arch::host() == Some(arch) && program.exists()).then_some(program)
    };
    process::find_installed(&name, "qemu")
        .or_else(of_rhel)
        .ok_or(FindError::Missing(name))
}

/// Returns major and minor of `QEMU emulator version 10.0.2 (Debian ...)`.
fn parse_version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.split("version ").nth(1)?.split(['.', ' ', '\n']);
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_version_is_read_from_the_help() {
        let text = "QEMU emulator version 10.0.2 (Debian 1:10.0.2+ds-2)\nCopyright (c) 2003-2025\n";
        assert_eq!(super::parse_version(text), Some((10, 0)));
        assert_eq!(super::parse_version("nonsense"), None);
    }
}
