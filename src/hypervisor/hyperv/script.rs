//! PowerShell scripts: fixed texts that get the user's values as data.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use crate::hypervisor::Launch;

/// Checks that Hyper-V is installed, runs and accepts the user.
const CHECK: &str = include_str!("check.ps1");
/// Functions that find and remove the VM.
const FIND: &str = include_str!("find.ps1");
/// Creates and starts the VM, reports its state, and removes it when it is off.
const RUN: &str = include_str!("run.ps1");
/// Shuts the guest down.
const STOP: &str = include_str!("stop.ps1");
/// Turns the VM off.
const TURN_OFF: &str = include_str!("turn-off.ps1");

/// The first lines of each script. The value is base64 of JSON, so that no part of it can become
/// code.
fn prelude(value: &str) -> String {
    format!(
        "$ErrorActionPreference = 'Stop'\n\
         $ProgressPreference = 'SilentlyContinue'\n\
         [Console]::OutputEncoding = [Text.UTF8Encoding]::new($false)\n\
         $vm = [Text.Encoding]::UTF8.GetString([Convert]::FromBase64String('{}')) | ConvertFrom-Json\n",
        STANDARD.encode(value)
    )
}

/// The VM of a script.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Vm {
    /// Its name in Hyper-V.
    pub name: String,
    /// Its disk, which distinguishes it from another user's VM with the same name.
    pub disk: String,
    pub cpus: u32,
    /// In bytes.
    pub memory: u64,
    /// The named pipe of its serial console.
    pub console: String,
}

/// The name in Hyper-V of the machine with this name.
pub(super) fn vm_name(machine: &str) -> String {
    format!("podman-bootc-{machine}")
}

pub(super) fn check(program: &Path) -> Launch {
    launch(program, CHECK, &())
}

pub(super) fn run(program: &Path, vm: &Vm) -> Launch {
    launch(program, &[FIND, RUN].concat(), vm)
}

/// Turns the VM off and removes it.
pub(super) fn remove(program: &Path, vm: &Vm) -> Launch {
    launch(program, &[FIND, "Remove-OurVM\n"].concat(), vm)
}

pub(super) fn stop(program: &Path, vm: &Vm) -> Launch {
    launch(program, STOP, vm)
}

pub(super) fn turn_off(program: &Path, vm: &Vm) -> Launch {
    launch(program, TURN_OFF, vm)
}

/// The whole script is one argument of letters, digits, `+`, `/` and `=`, which no shell and no
/// parser of command lines changes.
fn launch(program: &Path, script: &str, value: &impl Serialize) -> Launch {
    // The values consist of text and numbers, which JSON can always hold.
    let value = serde_json::to_string(value).unwrap_or_default();
    let text = prelude(&value) + script;
    let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let words = [
        "-NoLogo",
        "-NoProfile",
        "-NonInteractive",
        "-OutputFormat",
        "Text",
        "-EncodedCommand",
    ];
    let mut args: Vec<_> = words.map(Into::into).to_vec();
    args.push(STANDARD.encode(utf16).into());
    Launch {
        program: program.to_owned(),
        args,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    fn vm() -> Vm {
        Vm {
            name: "podman-bootc-x".into(),
            disk: r"C:\Users\x\disk.vhdx".into(),
            cpus: 2,
            memory: 2 << 30,
            console: r"\\.\pipe\podman-bootc-x".into(),
        }
    }

    /// The script in an argument list, as PowerShell decodes it.
    pub fn decode(launch: &Launch) -> String {
        let last = launch.args.last().unwrap().to_str().unwrap();
        let bytes = STANDARD.decode(last).unwrap();
        let units: Vec<u16> = bytes
            .chunks(2)
            .map(|pair| u16::from_le_bytes([pair[0], pair[1]]))
            .collect();
        String::from_utf16(&units).unwrap()
    }

    /// The value in a script, and the script without it.
    pub fn split(script: &str) -> (serde_json::Value, String) {
        let (before, rest) = script.split_once("FromBase64String('").unwrap();
        let (value, after) = rest.split_once('\'').unwrap();
        let json = STANDARD.decode(value).unwrap();
        (
            serde_json::from_slice(&json).unwrap(),
            format!("{before}{after}"),
        )
    }

    #[test]
    fn nothing_that_a_user_chose_is_code() {
        let plain = run(Path::new("powershell.exe"), &vm());
        let (_, code) = split(&decode(&plain));
        for evil in [
            "a'; Remove-Item C:\\ -Recurse; '",
            "$(Stop-Computer)",
            "`whoami`",
            "\"; calc; \"",
            "’; calc; ‘",
            "a\nb\r\n@'\n'@",
            "Größe 日本 🦀",
            "C:\\a,b [c] {d} %PATH% | & < >",
        ] {
            let vm = Vm {
                name: evil.into(),
                disk: evil.into(),
                console: evil.into(),
                ..vm()
            };
            for make in [run, remove, stop, turn_off] {
                let launch = make(Path::new("powershell.exe"), &vm);
                let argument = launch.args.last().unwrap().to_str().unwrap();
                assert!(
                    argument
                        .bytes()
                        .all(|b| b.is_ascii_alphanumeric() || b"+/=".contains(&b)),
                    "{evil}"
                );
                let (value, _) = split(&decode(&launch));
                for field in ["name", "disk", "console"] {
                    assert_eq!(value[field], evil);
                }
            }
            let (_, same) = split(&decode(&run(Path::new("powershell.exe"), &vm)));
            assert_eq!(same, code, "only the value differs");
        }
    }

    #[test]
    fn the_script_fits_into_a_command_line() {
        let launch = run(Path::new("powershell.exe"), &vm());
        assert!(decode(&launch).ends_with(&[FIND, RUN].concat()));
        let length: usize = launch.args.iter().map(|arg| arg.len() + 1).sum();
        assert!(length < 16_000, "Windows takes 32767 characters: {length}");
    }
}
