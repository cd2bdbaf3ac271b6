//! Finds Hyper-V and checks that the user can use it.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

use super::script;
use crate::host::process;
use crate::hypervisor::Launch;

/// The Hyper-V of this host.
#[derive(Debug, Clone)]
pub struct Hyperv {
    /// PowerShell.
    pub program: PathBuf,
}

/// Hyper-V isn't usable.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    #[error("powershell.exe is not on PATH")]
    NoPowershell,
    #[error("a Hyper-V command failed in PowerShell")]
    Powershell(#[source] process::Error),
    #[error("can't check for Hyper-V: unexpected answer of PowerShell: {0}")]
    Answer(String),
    #[error(
        "Hyper-V is not installed; run `Enable-WindowsOptionalFeature -Online -FeatureName Microsoft-Hyper-V -All` as \
         administrator and restart Windows, or use --hypervisor qemu (Windows Home has no Hyper-V)"
    )]
    NotInstalled,
    #[error("Hyper-V's service is not running; run `Start-Service vmms` as administrator")]
    NotRunning,
    #[error(
        "you lack the permission to use Hyper-V; run `Add-LocalGroupMember -SID S-1-5-32-578 -Member $env:USERNAME` as \
         administrator (the group Hyper-V Administrators), then log out and in again"
    )]
    NotAllowed,
}

/// The answer of `check.ps1`.
#[derive(Debug, Deserialize)]
struct Check {
    installed: bool,
    running: bool,
    allowed: bool,
}

impl Hyperv {
    /// Finds PowerShell and checks Hyper-V.
    pub fn find() -> Result<Self, FindError> {
        let Launch { program, args } = script::check(&powershell()?);
        let text =
            process::output(Command::new(&program).args(args)).map_err(FindError::Powershell)?;
        read_check(&String::from_utf8_lossy(&text))?;
        Ok(Self { program })
    }
}

fn powershell() -> Result<PathBuf, FindError> {
    let found = which::which("powershell.exe").or_else(|_| which::which("powershell"));
    found.map_err(|_| FindError::NoPowershell)
}

/// Removes the VM of this machine and disk if it still runs after its supervisor was killed. It
/// would lock its disk.
pub fn remove_orphan(machine: &str, disk: &Path) -> Result<(), FindError> {
    let disk = disk.to_string_lossy().into_owned();
    let vm = script::Vm {
        name: script::vm_name(machine),
        disk,
        cpus: 0,
        memory: 0,
        console: String::new(),
    };
    let Launch { program, args } = script::remove(&powershell()?, &vm);
    process::output(Command::new(&program).args(args))
        .map(drop)
        .map_err(FindError::Powershell)
}

fn read_check(answer: &str) -> Result<(), FindError> {
    let check: Check = serde_json::from_str(answer.trim_start_matches('\u{feff}').trim())
        .map_err(|_| FindError::Answer(crate::text::plain(answer.trim())))?;
    match check {
        Check {
            installed: false, ..
        } => Err(FindError::NotInstalled),
        Check { running: false, .. } => Err(FindError::NotRunning),
        Check { allowed: false, .. } => Err(FindError::NotAllowed),
        Check { .. } => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_missing_part_is_reported_with_its_remedy() {
        let answer = |installed, running, allowed| {
            read_check(&format!(
                "\u{feff}{{\"installed\":{installed},\"running\":{running},\"allowed\":{allowed}}}\r\n"
            ))
        };
        assert!(answer(true, true, true).is_ok());
        for (result, want) in [
            (answer(false, false, false), "Enable-WindowsOptionalFeature"),
            (answer(true, false, true), "Start-Service vmms"),
            (answer(true, true, false), "Hyper-V Administrators"),
            (read_check(""), "unexpected answer"),
        ] {
            let error = result.unwrap_err().to_string();
            assert!(error.contains(want), "{error}");
        }
    }
}
