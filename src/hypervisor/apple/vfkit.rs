//! vfkit: a program for Apple's Virtualization.framework.
//! <https://github.com/crc-org/vfkit/blob/main/doc/usage.md>

use std::path::PathBuf;

use super::options::{self, Options, PlanError};
use crate::hypervisor::helpers::gvproxy;
use crate::hypervisor::{Boot, Firmware, FolderServer, Launch, Machine};

/// The vfkit of this host.
#[derive(Debug, Clone)]
pub struct Vfkit {
    pub program: PathBuf,
    pub gvproxy: PathBuf,
}

/// vfkit splits options at commas, and has no quotes in devices.
const SEPARATORS: &[char] = &[','];

/// The command line that starts this machine.
///
/// # Errors
/// vfkit doesn't support a device or a path of the machine.
pub fn launch(vfkit: &Vfkit, machine: &Machine) -> Result<Launch, PlanError> {
    let mut options = Options::new(machine, SEPARATORS);
    match &machine.boot {
        Boot::Firmware(Firmware::BuiltIn { variables }) => {
            let store = options.path(variables)?;
            // Quotes would allow a comma here, but a device's path in the same folder can't contain
            // one anyway.
            options.option("--bootloader", format!("efi,variable-store={store},create"));
        }
        _ => return Err(PlanError::Boot("vfkit")),
    }
    for disk in &machine.disks {
        let file =
            options::writable_raw(disk, "vfkit").and_then(|disk| options.path(&disk.file))?;
        options.device(format!("virtio-blk,path={file},deviceId={}", disk.serial));
    }
    if machine.network {
        let socket = options.path(&gvproxy::network_socket(machine.runtime()))?;
        options.device(format!(
            "virtio-net,unixSocketPath={socket},mac={}",
            gvproxy::MAC
        ));
    }
    options.device("virtio-rng".into());
    // The standard input and output, which must be a terminal.
    options.device("virtio-serial,stdio".into());
    options.vsock()?;
    for share in &machine.devices.shares {
        let FolderServer::Hypervisor {
            folder,
            read_only: false,
        } = &share.server
        else {
            return Err(PlanError::Share("vfkit"));
        };
        let folder = options.path(folder)?;
        options.device(format!(
            "virtio-fs,sharedDir={folder},mountTag={}",
            share.tag
        ));
    }
    if !machine.credentials.is_empty() || !machine.channels.is_empty() {
        return Err(PlanError::Channels("vfkit"));
    }
    Ok(options.launch(&vfkit.program))
}

impl Vfkit {
    /// Finds vfkit, and the gvproxy that it needs.
    pub fn find() -> Result<Self, options::FindError> {
        Ok(Self {
            program: options::program("vfkit", &HIDDEN)?,
            gvproxy: options::gvproxy()?,
        })
    }
}

/// Paths in packages, which are not on PATH.
const HIDDEN: [&str; 3] = [
    "/opt/podman/bin/vfkit",
    "/opt/homebrew/opt/vfkit/bin/vfkit",
    "/usr/local/opt/vfkit/bin/vfkit",
];

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use crate::hypervisor::machine::sample;
    use crate::hypervisor::{Credential, Disk, DiskFormat, SharedFolder, Vsock, golden};

    fn launched(machine: &Machine) -> Result<Launch, PlanError> {
        launch(
            &Vfkit {
                program: "vfkit".into(),
                gvproxy: "gvproxy".into(),
            },
            machine,
        )
    }

    #[test]
    fn a_machine_with_all_supported_devices_has_the_golden_command_line() {
        let mut machine = sample();
        machine.devices.shares = vec![SharedFolder {
            tag: "share0".into(),
            server: FolderServer::Hypervisor {
                folder: "/Users/x/a b=\"c\"".into(),
                read_only: false,
            },
        }];
        machine.devices.vsock = Some(Vsock::Socket("/run/x/vsock".into()));
        golden::assert_launch("vfkit", &launched(&machine).unwrap());
    }

    #[test]
    fn unsupported_devices_are_refused() {
        type Change = fn(&mut Machine);
        let changes: [(Change, &str); 6] = [
            (|m| m.disks[0].format = DiskFormat::Qcow2, "raw"),
            (|m| m.disks[0].file = "/a,b/disk.raw".into(), "/a,b"),
            (
                |m| {
                    let disk = Disk {
                        read_only: true,
                        ..m.disks[0].clone()
                    };
                    m.disks.push(disk);
                },
                "read-only",
            ),
            (|m| m.boot = Boot::Firmware(Firmware::Bios), "boot"),
            (
                |m| {
                    m.credentials = vec![Credential {
                        name: "x".into(),
                        value: vec![],
                    }]
                },
                "credentials",
            ),
            (
                |m| {
                    let server = FolderServer::Hypervisor {
                        folder: "/x".into(),
                        read_only: true,
                    };
                    m.devices.shares = vec![SharedFolder {
                        tag: "share0".into(),
                        server,
                    }];
                },
                "read-only",
            ),
        ];
        for (change, want) in changes {
            let mut machine = sample();
            change(&mut machine);
            let error = launched(&machine).unwrap_err().to_string();
            assert!(error.contains(want), "{want}: {error}");
        }
    }
}
