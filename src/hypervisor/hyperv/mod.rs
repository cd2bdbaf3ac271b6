//! Hyper-V, through PowerShell.
//! <https://learn.microsoft.com/powershell/module/hyper-v/>

pub mod port_relay;
mod run;
mod script;

use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

pub use run::{Control, give_up, start};

use super::{Boot, DiskFormat, Firmware, Launch, Machine};
use crate::host::process;

/// The Hyper-V of this host.
#[derive(Debug, Clone)]
pub struct Hyperv {
    /// PowerShell's program.
    pub program: PathBuf,
}

/// Hyper-V can't be used.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    /// There is no PowerShell.
    #[error("powershell.exe is not on PATH")]
    NoPowershell,
    /// PowerShell fails.
    #[error("can't ask PowerShell for Hyper-V")]
    Powershell(#[source] process::Error),
    /// PowerShell answers something else than expected.
    #[error("can't ask PowerShell for Hyper-V: its answer is not understood: {0}")]
    Answer(String),
    /// It is not on this Windows.
    #[error(
        "Hyper-V is not installed; as administrator: `Enable-WindowsOptionalFeature -Online -FeatureName \
         Microsoft-Hyper-V -All`, then start Windows anew (Windows Home has none: use --hypervisor qemu)"
    )]
    NotInstalled,
    /// Its service stands still.
    #[error("Hyper-V's service doesn't run; as administrator: `Start-Service vmms`")]
    NotRunning,
    /// The user may not use it.
    #[error(
        "you may not use Hyper-V; as administrator: `Add-LocalGroupMember -SID S-1-5-32-578 -Member $env:USERNAME` \
         (the group Hyper-V Administrators), then log out and in again"
    )]
    NotAllowed,
}

/// A machine can't be described to Hyper-V.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// It is started otherwise.
    #[error("Hyper-V can boot from a VHDX disk with its own UEFI only")]
    Boot,
    /// It has what Hyper-V has no place for.
    #[error("Hyper-V can't have this machine's {0}")]
    Device(&'static str),
    /// A path that JSON can't hold.
    #[error("the path {0:?} is not Unicode")]
    Path(PathBuf),
}

/// What the check says.
#[derive(Debug, Deserialize)]
struct Check {
    installed: bool,
    running: bool,
    allowed: bool,
}

impl Hyperv {
    /// Finds Hyper-V, and makes sure that it may be used.
    ///
    /// # Errors
    /// It can't; the message says what to do.
    pub fn find() -> Result<Self, FindError> {
        let Launch { program, args } = script::check(&powershell()?);
        let text = process::output(Command::new(&program).args(args)).map_err(FindError::Powershell)?;
        verdict(&String::from_utf8_lossy(&text))?;
        Ok(Self { program })
    }
}

fn powershell() -> Result<PathBuf, FindError> {
    let found = which::which("powershell.exe").or_else(|_| which::which("powershell"));
    found.map_err(|_| FindError::NoPowershell)
}

/// Takes the VM of this machine and disk away, if a supervisor left it that was killed: it would hold its disk.
///
/// # Errors
/// PowerShell fails.
pub fn remove_left(machine: &str, disk: &Path) -> Result<(), FindError> {
    let disk = disk.to_string_lossy().into_owned();
    let vm = script::Vm { name: name_of(machine), disk, cpus: 0, memory: 0, console: String::new() };
    let Launch { program, args } = script::remove(&powershell()?, &vm);
    process::output(Command::new(&program).args(args)).map(drop).map_err(FindError::Powershell)
}

/// The name in Hyper-V of the machine of this name.
fn name_of(machine: &str) -> String {
    format!("podman-bootc-{machine}")
}

fn verdict(answer: &str) -> Result<(), FindError> {
    let check: Check = serde_json::from_str(answer.trim_start_matches('\u{feff}').trim())
        .map_err(|_| FindError::Answer(crate::text::plain(answer.trim())))?;
    match check {
        Check { installed: false, .. } => Err(FindError::NotInstalled),
        Check { running: false, .. } => Err(FindError::NotRunning),
        Check { allowed: false, .. } => Err(FindError::NotAllowed),
        Check { .. } => Ok(()),
    }
}

/// The PowerShell that makes this machine and stays as long as it runs.
///
/// # Errors
/// The machine has what Hyper-V can't have.
pub fn launch(hyperv: &Hyperv, machine: &Machine) -> Result<Launch, PlanError> {
    Ok(script::run(&hyperv.program, &describe(machine)?))
}

/// The machine as the scripts want it.
fn describe(machine: &Machine) -> Result<script::Vm, PlanError> {
    let (Boot::Firmware(Firmware::Own { .. }), [disk]) = (&machine.boot, &machine.disks[..]) else {
        return Err(PlanError::Boot);
    };
    if disk.format != DiskFormat::Vhdx || disk.read_only {
        return Err(PlanError::Boot);
    }
    for (there, what) in [
        (!machine.credentials.is_empty(), "credentials"),
        (!machine.channels.is_empty(), "channels"),
        (!machine.devices.shares.is_empty(), "shared folders"),
    ] {
        if there {
            return Err(PlanError::Device(what));
        }
    }
    let path = disk.file.to_str().ok_or_else(|| PlanError::Path(disk.file.clone()))?;
    Ok(script::Vm {
        name: name_of(&machine.name),
        disk: path.to_owned(),
        cpus: machine.cpus,
        memory: machine.memory_mib << 20,
        console: console_pipe(machine),
    })
}

/// The pipe that Hyper-V makes for the serial console: named by the folder of the machine's sockets, which no other
/// machine of the host has.
fn console_pipe(machine: &Machine) -> String {
    let id = machine.runtime().file_name().unwrap_or_default().to_string_lossy();
    format!(r"\\.\pipe\podman-bootc-{id}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hypervisor::{golden, machine};

    fn sample() -> Machine {
        let mut machine = machine::sample();
        machine.disks[0].format = DiskFormat::Vhdx;
        machine.disks[0].file = r"C:\Users\Jörg\vm's $(x); disk.vhdx".into();
        machine.control = "/run/podman-bootc/0123456789ab/qmp".into();
        machine
    }

    #[test]
    fn the_command_line_is_the_golden_one() {
        let mut launch = launch(&Hyperv { program: "powershell.exe".into() }, &sample()).unwrap();
        let (value, _) = script::tests::split(&script::tests::decode(&launch));
        *launch.args.last_mut().unwrap() = format!("SCRIPT\n{value:#}").into();
        golden::assert_text("hyperv", &golden::text(&launch));
    }

    #[test]
    fn what_it_cannot_have_is_refused() {
        let changes: [fn(&mut Machine); 4] = [
            |m| m.disks[0].format = DiskFormat::Qcow2,
            |m| m.disks.clear(),
            |m| m.boot = Boot::Firmware(Firmware::Bios),
            |m| m.credentials.push(crate::hypervisor::Credential { name: "x".into(), value: vec![] }),
        ];
        for change in changes {
            let mut machine = sample();
            change(&mut machine);
            assert!(describe(&machine).is_err());
        }
    }

    #[test]
    fn what_is_missing_is_said_with_what_to_do() {
        let answer = |installed, running, allowed| {
            verdict(&format!(
                "\u{feff}{{\"installed\":{installed},\"running\":{running},\"allowed\":{allowed}}}\r\n"
            ))
        };
        assert!(answer(true, true, true).is_ok());
        for (result, want) in [
            (answer(false, false, false), "Enable-WindowsOptionalFeature"),
            (answer(true, false, true), "Start-Service vmms"),
            (answer(true, true, false), "Hyper-V Administrators"),
            (verdict(""), "not understood"),
        ] {
            let error = result.unwrap_err().to_string();
            assert!(error.contains(want), "{error}");
        }
    }
}
