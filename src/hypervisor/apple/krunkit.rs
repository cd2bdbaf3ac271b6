//! krunkit: a program for libkrun on macOS, with vfkit's command line.
//! <https://github.com/containers/krunkit/blob/main/docs/usage.md>

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::console;
use super::options::{self, Options, PlanError};
use crate::hypervisor::helpers::gvproxy;
use crate::hypervisor::{Boot, Firmware, FolderServer, Launch, Machine};

/// The krunkit of this host.
#[derive(Debug, Clone)]
pub struct Krunkit {
    pub program: PathBuf,
    pub gvproxy: PathBuf,
}

/// krunkit splits options at commas, and refuses a value with an equals sign.
const SEPARATORS: &[char] = &[',', '='];

/// Paths in packages, which are not on PATH.
const HIDDEN: [&str; 2] = [
    "/opt/podman/bin/krunkit",
    "/opt/homebrew/opt/krunkit/bin/krunkit",
];

/// The command line that starts this machine.
///
/// # Errors
/// krunkit doesn't support a device or a path of the machine.
pub fn launch(krunkit: &Krunkit, machine: &Machine) -> Result<Launch, PlanError> {
    let mut options = Options::new(machine, SEPARATORS);
    // krunkit contains its firmware, which keeps no variables.
    if !matches!(machine.boot, Boot::Firmware(Firmware::BuiltIn { .. })) {
        return Err(PlanError::Boot("krunkit"));
    }
    for disk in &machine.disks {
        let file =
            options::writable_raw(disk, "krunkit").and_then(|disk| options.path(&disk.file))?;
        options.device(format!("virtio-blk,path={file},format=raw"));
    }
    if machine.network {
        let socket = options.path(&gvproxy::network_socket(machine.runtime()))?;
        // podman passes these options to every version. They imply offloading and vfkit's greeting.
        options.device(format!(
            "virtio-net,unixSocketPath={socket},mac={}",
            gvproxy::MAC
        ));
    }
    options.device("virtio-rng".into());
    // krunkit can only write the console to a file.
    let console = options.path(&console::file(machine.runtime()))?;
    options.device(format!("virtio-serial,logFilePath={console}"));
    options.vsock()?;
    for share in &machine.devices.shares {
        let FolderServer::Hypervisor {
            folder,
            read_only: false,
        } = &share.server
        else {
            return Err(PlanError::Share("krunkit"));
        };
        let folder = options.path(folder)?;
        options.device(format!(
            "virtio-fs,sharedDir={folder},mountTag={}",
            share.tag
        ));
    }
    if !machine.channels.is_empty() {
        return Err(PlanError::Channels("krunkit"));
    }
    for credential in &machine.credentials {
        let value = STANDARD.encode(&credential.value);
        let text = format!("io.systemd.credential.binary:{}={value}", credential.name);
        options.option("--oem-string", text);
    }
    Ok(options.launch(&krunkit.program))
}

impl Krunkit {
    /// Finds krunkit, and the gvproxy that it needs.
    pub fn find() -> Result<Self, options::FindError> {
        Ok(Self {
            program: options::program("krunkit", &HIDDEN)?,
            gvproxy: options::gvproxy()?,
        })
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use crate::hypervisor::machine::sample;
    use crate::hypervisor::{Credential, SharedFolder, golden};

    fn launched(machine: &Machine) -> Result<Launch, PlanError> {
        launch(
            &Krunkit {
                program: "krunkit".into(),
                gvproxy: "gvproxy".into(),
            },
            machine,
        )
    }

    #[test]
    fn a_machine_with_all_supported_devices_has_the_golden_command_line() {
        let mut machine = sample();
        machine.credentials = vec![Credential {
            name: "tmpfiles.extra".into(),
            value: b"a,b\n".to_vec(),
        }];
        machine.devices.shares = vec![SharedFolder {
            tag: "share0".into(),
            server: FolderServer::Hypervisor {
                folder: "/Users/x/a b".into(),
                read_only: false,
            },
        }];
        golden::assert_launch("krunkit", &launched(&machine).unwrap());
    }

    #[test]
    fn a_path_with_a_separator_is_refused() {
        for path in ["/a,b/disk.raw", "/a=b/disk.raw"] {
            let mut machine = sample();
            machine.disks[0].file = path.into();
            let error = launched(&machine).unwrap_err().to_string();
            assert!(error.contains(path), "{error}");
        }
    }
}
