//! Turns a machine into the PowerShell script that runs it.

use std::path::PathBuf;

use super::find::Hyperv;
use super::script;
use crate::hypervisor::{Boot, DiskFormat, Firmware, Launch, Machine};

/// Hyper-V can't run this machine.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    #[error("Hyper-V boots only from a VHDX disk, with its built-in UEFI")]
    Boot,
    #[error("Hyper-V doesn't support this machine's {0}")]
    Device(&'static str),
    #[error("can't use the path {0:?} with Hyper-V: it is not Unicode")]
    Path(PathBuf),
}

/// The script that creates this machine and ends with it.
///
/// # Errors
/// Hyper-V doesn't support a device of the machine.
pub fn launch(hyperv: &Hyperv, machine: &Machine) -> Result<Launch, PlanError> {
    Ok(script::run(&hyperv.program, &describe(machine)?))
}

/// The machine in the scripts' terms.
pub(super) fn describe(machine: &Machine) -> Result<script::Vm, PlanError> {
    let (Boot::Firmware(Firmware::BuiltIn { .. }), [disk]) = (&machine.boot, &machine.disks[..])
    else {
        return Err(PlanError::Boot);
    };
    if disk.format != DiskFormat::Vhdx || disk.read_only {
        return Err(PlanError::Boot);
    }
    for (exists, what) in [
        (!machine.credentials.is_empty(), "credentials"),
        (!machine.channels.is_empty(), "channels"),
        (!machine.devices.shares.is_empty(), "shared folders"),
    ] {
        if exists {
            return Err(PlanError::Device(what));
        }
    }
    let path = disk
        .file
        .to_str()
        .ok_or_else(|| PlanError::Path(disk.file.clone()))?;
    Ok(script::Vm {
        name: script::vm_name(&machine.name),
        disk: path.to_owned(),
        cpus: machine.cpus,
        memory: machine.memory_mib << 20,
        console: console_pipe(machine),
    })
}

/// The pipe that Hyper-V creates for the serial console. The folder of the machine's sockets makes
/// its name unique.
fn console_pipe(machine: &Machine) -> String {
    let id = machine
        .runtime()
        .file_name()
        .unwrap_or_default()
        .to_string_lossy();
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
        let mut launch = launch(
            &Hyperv {
                program: "powershell.exe".into(),
            },
            &sample(),
        )
        .unwrap();
        let (value, _) = script::tests::split(&script::tests::decode(&launch));
        *launch.args.last_mut().unwrap() = format!("SCRIPT\n{value:#}").into();
        golden::assert_text("hyperv", &golden::text(&launch));
    }

    #[test]
    fn unsupported_devices_are_refused() {
        let changes: [fn(&mut Machine); 4] = [
            |m| m.disks[0].format = DiskFormat::Qcow2,
            |m| m.disks.clear(),
            |m| m.boot = Boot::Firmware(Firmware::Bios),
            |m| {
                m.credentials.push(crate::hypervisor::Credential {
                    name: "x".into(),
                    value: vec![],
                })
            },
        ];
        for change in changes {
            let mut machine = sample();
            change(&mut machine);
            assert!(describe(&machine).is_err());
        }
    }
}
