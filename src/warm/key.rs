//! What a template and the machines that resume from it have in common.

use std::fmt;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::host;
use crate::hypervisor::{Boot, Firmware, Launch, Machine, Saved, UseOfMemory};

/// Changes when templates of older versions of this program don't fit any more.
const VERSION: u32 = 2;

/// The content address of a template.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key(String);

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Returns the machine without all that may differ between a template and the machines that resume
/// from it: names, sockets, and the place of the memory.
pub fn shape(machine: &Machine) -> Machine {
    let mut shape = machine.clone();
    let folder = Path::new("/template");
    shape.name = "template".into();
    shape.control = folder.join("control");
    for channel in shape.channels.iter_mut().chain(&mut shape.doors) {
        channel.socket = folder.join(&channel.name);
    }
    for disk in &mut shape.disks {
        if disk.fresh_over.is_some() {
            disk.file = folder.join(&disk.serial);
        }
    }
    if let Boot::Firmware(Firmware::Uefi { vars, .. }) = &mut shape.boot {
        *vars = folder.join("variables");
    }
    shape.saved = Some(Saved {
        memory: folder.join("memory"),
        use_of_memory: UseOfMemory::Save,
    });
    shape
}

impl Key {
    /// Returns the key for machines of this shape, which `launch` starts with these variables of
    /// the firmware.
    ///
    /// The program of the hypervisor fixes the version of the machine's type. The hypervisor doesn't
    /// notice when the processor differs.
    pub fn new(launch: &Launch, shape: &Machine, variables: &[u8]) -> Self {
        Self::with(launch, shape, variables, &stamp, &host::processor())
    }

    fn with(
        launch: &Launch,
        shape: &Machine,
        variables: &[u8],
        stamp: &dyn Fn(&Path) -> String,
        processor: &str,
    ) -> Self {
        let mut hash = Sha256::new();
        let mut add = |bytes: &[u8]| {
            hash.update((bytes.len() as u64).to_le_bytes());
            hash.update(bytes);
        };
        add(&VERSION.to_le_bytes());
        add(env!("CARGO_PKG_VERSION").as_bytes());
        add(host::kernel_release().as_bytes());
        add(processor.as_bytes());
        add(launch.program.as_os_str().as_encoded_bytes());
        add(stamp(&launch.program).as_bytes());
        for arg in &launch.args {
            add(arg.as_encoded_bytes());
        }
        // Files whose names alone are in the arguments.
        let files = match &shape.boot {
            Boot::Kernel { kernel, initrd, .. } => vec![kernel, initrd],
            Boot::Firmware(Firmware::Uefi { code, .. }) => vec![code],
            Boot::Firmware(_) => vec![],
        };
        for file in files {
            add(stamp(file).as_bytes());
        }
        add(variables);
        for disk in &shape.disks {
            let base = disk.fresh_over.as_ref();
            let file = base.map_or(&disk.file, |base| &base.file);
            let size = base.and_then(|base| base.size).unwrap_or_default();
            add(&size.to_le_bytes());
            add(file.as_os_str().as_encoded_bytes());
            add(stamp(file).as_bytes());
        }
        for credential in &shape.credentials {
            add(credential.name.as_bytes());
            add(&credential.value);
        }
        let digits = hash.finalize();
        Self(digits.iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

/// Returns the file's size and time of change, which differ between builds.
pub fn stamp(file: &Path) -> String {
    let stamp = || {
        let metadata = std::fs::metadata(file).ok()?;
        let changed = metadata.modified().ok()?;
        let changed = changed.duration_since(std::time::UNIX_EPOCH).ok()?;
        Some(format!("{}-{}", metadata.len(), changed.as_nanos()))
    };
    stamp().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hypervisor::{Channel, Credential, Disk, DiskFormat, sample_machine};

    fn machine() -> Machine {
        Machine {
            boot: Boot::Kernel {
                kernel: "/k".into(),
                initrd: "/i".into(),
                cmdline: "a".into(),
            },
            channels: vec![Channel {
                name: "ready".into(),
                socket: "/run/one/ready".into(),
            }],
            ..sample_machine()
        }
    }

    /// The machine's whole description stands for its command line.
    fn key(machine: &Machine, stamp: &str, processor: &str) -> Key {
        let shape = shape(machine);
        let launch = Launch {
            program: "/qemu".into(),
            args: vec![format!("{shape:?}").into()],
        };
        Key::with(&launch, &shape, b"", &|_| stamp.to_owned(), processor)
    }

    #[test]
    fn vms_of_one_shape_share_a_template() {
        let one = key(&machine(), "1", "cpu");
        assert_eq!(one.to_string().len(), 64);
        let mut other = machine();
        other.name = "other".into();
        other.control = "/run/other/control".into();
        other.channels[0].socket = "/run/other/ready".into();
        other.saved = Some(Saved {
            memory: "/cache/memory".into(),
            use_of_memory: UseOfMemory::Resume,
        });
        assert_eq!(key(&other, "1", "cpu"), one);
    }

    #[test]
    fn all_else_makes_another_template() {
        let one = key(&machine(), "1", "cpu");
        type Change = fn(&mut Machine);
        let changes: [Change; 8] = [
            |m| m.cpus += 1,
            |m| m.memory_mib += 1,
            |m| m.network = false,
            |m| m.disks.clear(),
            |m| m.channels.clear(),
            |m| m.channels[0].name = "journal".into(),
            |m| {
                m.credentials.push(Credential {
                    name: "a".into(),
                    value: b"b".to_vec(),
                })
            },
            |m| {
                m.disks.push(Disk {
                    file: "/more".into(),
                    format: DiskFormat::Raw,
                    serial: "more".into(),
                    read_only: true,
                    durable: false,
                    fresh_over: None,
                })
            },
        ];
        for (number, change) in changes.iter().enumerate() {
            let mut machine = machine();
            change(&mut machine);
            assert_ne!(key(&machine, "1", "cpu"), one, "{number}");
        }
        assert_ne!(key(&machine(), "2", "cpu"), one, "a file has changed");
        assert_ne!(key(&machine(), "1", "other"), one);
    }
}
