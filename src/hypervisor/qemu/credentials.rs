//! systemd credentials: QEMU's arguments, and the files that QEMU reads.

use std::borrow::Cow;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::args::{Args, PathNotUtf8, escape, utf8};
use crate::hypervisor::{Arch, Boot, Credential, Machine};

/// The longest name of the firmware configuration device, in bytes.
const FW_CFG_NAME_MAX: usize = 55;

/// Adds all credentials as files, because every user of the host can read the command line.
pub(super) fn add(args: &mut Args, machine: &Machine) -> Result<(), PathNotUtf8> {
    for (index, Credential { name, .. }) in machine.credentials.iter().enumerate() {
        let file = escape(utf8(&file_of(machine, index))?);
        let in_fw_cfg = format!("opt/io.systemd.credentials/{name}");
        if has_smbios(machine) {
            args.option("-smbios", &format!("type=11,path={file}"));
        } else if in_fw_cfg.len() <= FW_CFG_NAME_MAX {
            args.option(
                "-fw_cfg",
                &format!("name={},file={file}", escape(&in_fw_cfg)),
            );
        } else {
            // Our init program in the guest passes it on to systemd.
            let name = escape(name);
            args.option(
                "-fw_cfg",
                &format!("name=opt/podman-bootc/{index}/name,string={name}"),
            );
            args.option(
                "-fw_cfg",
                &format!("name=opt/podman-bootc/{index}/value,file={file}"),
            );
        }
    }
    Ok(())
}

/// Without firmware, arm64 has no SMBIOS.
fn has_smbios(machine: &Machine) -> bool {
    machine.arch == Arch::X86_64 || matches!(machine.boot, Boot::Firmware(_))
}

/// The file of the credential with this index.
fn file_of(machine: &Machine, index: usize) -> PathBuf {
    machine.runtime().join(format!("credential{index}"))
}

/// The files that QEMU reads at its start, with their content: an SMBIOS string, or the plain value
/// for the firmware configuration device.
/// <https://systemd.io/CREDENTIALS/>
pub(super) fn files(machine: &Machine) -> impl Iterator<Item = (PathBuf, Cow<'_, [u8]>)> {
    let smbios = has_smbios(machine);
    machine
        .credentials
        .iter()
        .enumerate()
        .map(move |(index, Credential { name, value })| {
            let content = if smbios {
                let value = STANDARD.encode(value);
                format!("io.systemd.credential.binary:{name}={value}")
                    .into_bytes()
                    .into()
            } else {
                value.as_slice().into()
            };
            (file_of(machine, index), content)
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hypervisor::qemu::argv::tests::machine;

    fn line(machine: &Machine) -> String {
        let mut args = Args::default();
        add(&mut args, machine).unwrap();
        args.0
            .iter()
            .map(|arg| arg.to_string_lossy())
            .collect::<Vec<_>>()
            .join(" ")
    }

    #[test]
    fn credentials_are_passed_in_files() {
        let credentials = vec![
            Credential {
                name: "x".into(),
                value: b"y".to_vec(),
            },
            Credential {
                name: "a,b".into(),
                value: b"a,b\n\0".to_vec(),
            },
            Credential {
                name: format!("c,d{}", "x".repeat(30)),
                value: b"y".to_vec(),
            },
        ];
        let mut machine = Machine {
            credentials,
            control: "/run/a,b/qmp".into(),
            ..machine()
        };
        let content = |machine: &Machine, index: usize| {
            let (path, content) = files(machine).nth(index).unwrap();
            let path = path.display().to_string().replace(',', ",,");
            (path, String::from_utf8(content.into_owned()).unwrap())
        };
        let (path, text) = content(&machine, 1);
        assert_eq!(text, "io.systemd.credential.binary:a,b=YSxiCgA=");
        let on_pc = line(&machine);
        assert!(
            on_pc.contains(&format!("-smbios type=11,path={path}")),
            "{on_pc}"
        );
        assert_eq!(on_pc.matches("-smbios").count(), 3);

        machine.arch = Arch::Aarch64;
        machine.boot = Boot::Kernel {
            kernel: "/k".into(),
            initrd: "/i".into(),
            cmdline: String::new(),
        };
        let (path, text) = content(&machine, 1);
        assert_eq!(text, "a,b\n\0");
        let line = line(&machine);
        let want = format!("-fw_cfg name=opt/io.systemd.credentials/a,,b,file={path}");
        assert!(line.contains(&want), "{line}");
        let (path, _) = content(&machine, 2);
        let want = format!(
            "-fw_cfg name=opt/podman-bootc/2/name,string=c,,d{} -fw_cfg name=opt/podman-bootc/2/value,file={path}",
            "x".repeat(30)
        );
        assert!(line.contains(&want), "{line}");
    }
}
