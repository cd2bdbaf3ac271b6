//! A virtual machine as plain data, the same for every hypervisor and on every OS.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::disk_format::DiskFormat;

/// The guest's processor architecture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Arch {
    #[value(name = "x86_64", alias = "amd64", help = "also called amd64")]
    X86_64,
    #[value(name = "aarch64", alias = "arm64", help = "also called arm64")]
    Aarch64,
}

impl Arch {
    /// Returns the architecture with this name in OCI images, if VMs can have it.
    pub fn from_oci(name: &str) -> Option<Self> {
        match name {
            "amd64" => Some(Self::X86_64),
            "arm64" => Some(Self::Aarch64),
            _ => None,
        }
    }

    /// The name in OCI images.
    pub fn oci_name(self) -> &'static str {
        match self {
            Self::X86_64 => "amd64",
            Self::Aarch64 => "arm64",
        }
    }

    /// The host's architecture, if VMs can have it.
    pub fn host() -> Option<Self> {
        match std::env::consts::ARCH {
            "x86_64" => Some(Self::X86_64),
            "aarch64" => Some(Self::Aarch64),
            _ => None,
        }
    }

    /// The name that the kernel and QEMU use.
    pub fn name(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::Aarch64 => "aarch64",
        }
    }

    /// The kernel's name of the console's serial port.
    pub fn serial_console(self) -> &'static str {
        match self {
            Self::X86_64 => "ttyS0",
            Self::Aarch64 => "ttyAMA0",
        }
    }
}

/// The settings and devices of one virtual machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// Shown in the hypervisor's process title.
    pub name: String,
    pub arch: Arch,
    pub cpus: u32,
    pub memory_mib: u64,
    pub boot: Boot,
    /// In the order of their slots.
    pub disks: Vec<Disk>,
    /// virtio-serial ports.
    pub channels: Vec<Channel>,
    /// virtio-serial ports that the host opens and closes while the machine runs: the hypervisor
    /// listens on their sockets.
    pub doors: Vec<Channel>,
    pub credentials: Vec<Credential>,
    /// Whether the machine has a network card, with user-mode networking behind it.
    pub network: bool,
    pub devices: Devices,
    /// The machine is saved to a file, or resumes from one.
    pub saved: Option<Saved>,
    /// The machine waits for its whole state, and runs on from there.
    pub wakes: bool,
    /// The guest's kernel notices when the machine goes on from a state that others have, too: it makes
    /// new random numbers.
    pub generation_id: bool,
    /// The path of the control socket, which the hypervisor connects to or creates.
    pub control: PathBuf,
    /// The user's own arguments for the hypervisor, after all others.
    pub arguments: Vec<String>,
}

impl Machine {
    /// The folder of its sockets, which no other machine has.
    pub fn runtime(&self) -> &Path {
        self.control.parent().unwrap_or(Path::new(""))
    }
}

/// The memory of a machine that is saved, or resumes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Saved {
    /// The file with the memory.
    pub memory: PathBuf,
    pub use_of_memory: UseOfMemory,
}

/// How a machine uses the file of its memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UseOfMemory {
    /// It boots, and is saved there.
    Save,
    /// It waits for the state of its devices. It shares all pages that it doesn't change, and keeps
    /// its changes to itself.
    Resume,
    /// It waits for the state of its devices. The file is its own, so that its helpers can map it.
    ResumeShared,
}

/// Devices that only some machines have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Devices {
    /// Disks that the machine can lose while it runs.
    pub disks: Vec<Disk>,
    pub shares: Vec<SharedFolder>,
    /// The memory is one that virtiofsd can map, for the shares of the start and later ones.
    pub shared_memory: bool,
    /// The control socket of the program that emulates a TPM.
    pub tpm: Option<PathBuf>,
    /// A graphics card.
    pub screen: Option<Screen>,
    /// The file with a configuration for Ignition.
    pub ignition: Option<PathBuf>,
    /// The way to the guest's sshd without a network.
    pub vsock: Option<Vsock>,
}

impl Devices {
    /// Returns whether there is a disk with this serial or a share with this tag.
    pub fn has(&self, name: &str) -> bool {
        let mut disks = self.disks.iter();
        let mut shares = self.shares.iter();
        disks.any(|disk| disk.serial == name) || shares.any(|share| share.tag == name)
    }
}

/// The host's address of a guest's `AF_VSOCK` ports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Vsock {
    /// The guest's context ID, 3 to 2^32 - 2. A client adds the port.
    Cid(u32),
    /// The Unix socket that leads to [`VSOCK_SSH_PORT`].
    Socket(PathBuf),
    /// The ID that Hyper-V gives the VM when it starts.
    Hyperv(Option<String>),
}

/// The guest's `AF_VSOCK` port on which systemd 256 and newer has sshd listen.
/// <https://www.freedesktop.org/software/systemd/man/latest/systemd-ssh-generator.html>
pub const VSOCK_SSH_PORT: u32 = 22;

/// The output of a graphics card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Screen {
    /// Only screenshots show it.
    Hidden,
    /// A window of the hypervisor.
    Window,
}

/// A host folder that the guest can mount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedFolder {
    /// The name that the guest mounts, at most 31 bytes with 9p and 36 with virtiofs.
    pub tag: String,
    pub server: FolderServer,
}

/// A device that a running machine can take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Plug {
    Disk(Disk),
    Share(SharedFolder),
}

impl Plug {
    /// Returns the device's name: the disk's serial or the share's tag.
    pub fn id(&self) -> &str {
        match self {
            Self::Disk(disk) => &disk.serial,
            Self::Share(share) => &share.tag,
        }
    }
}

/// The program that serves a folder to a guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FolderServer {
    /// virtiofsd, which listens on this socket.
    Virtiofsd(PathBuf),
    Hypervisor {
        folder: PathBuf,
        read_only: bool,
    },
}

/// The source of the guest's kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Boot {
    /// The firmware looks for a boot loader on the disks.
    Firmware(Firmware),
    /// The hypervisor loads the kernel.
    Kernel {
        kernel: PathBuf,
        initrd: PathBuf,
        cmdline: String,
    },
}

/// The firmware of a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Firmware {
    /// The hypervisor's built-in BIOS.
    Bios,
    /// A UEFI that the host provides.
    Uefi {
        /// The firmware's code, read-only.
        code: PathBuf,
        /// The machine's variable store.
        vars: PathBuf,
        /// Whether only code in system management mode can change the variables, which secure boot
        /// relies on.
        smm: bool,
    },
    /// The hypervisor's built-in UEFI.
    BuiltIn {
        /// The file that the hypervisor creates for its variables, if it keeps them in a file.
        variables: PathBuf,
    },
}

/// A disk of a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disk {
    pub file: PathBuf,
    pub format: DiskFormat,
    /// The guest finds the disk as `/dev/disk/by-id/virtio-SERIAL`. At most 20 bytes.
    pub serial: String,
    pub read_only: bool,
    /// Whether the content must survive a crash of the host.
    pub durable: bool,
    /// The engine makes the file at each start, as an empty overlay over this one.
    pub fresh_over: Option<Base>,
}

/// A disk image below another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Base {
    pub file: PathBuf,
    pub format: DiskFormat,
    /// Bytes of the disk above, if it is larger.
    pub size: Option<u64>,
    /// The disk above keeps this file, by a link in its own folder.
    pub linked: bool,
}

/// A byte stream between host and guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Channel {
    /// The guest finds the channel as `/dev/virtio-ports/NAME`.
    pub name: String,
    /// The socket that the hypervisor connects to, or listens on.
    pub socket: PathBuf,
}

/// A systemd credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// A name as in `systemd.system-credentials(7)`.
    pub name: String,
    pub value: Vec<u8>,
}

/// A machine for tests.
#[cfg(test)]
pub fn sample() -> Machine {
    Machine {
        name: "swift-heron".into(),
        arch: Arch::Aarch64,
        cpus: 2,
        memory_mib: 2048,
        boot: Boot::Firmware(Firmware::BuiltIn {
            variables: "/vms/a/efi".into(),
        }),
        disks: vec![Disk {
            file: "/vms/a/disk.raw".into(),
            format: DiskFormat::Raw,
            serial: "disk".into(),
            read_only: false,
            durable: true,
            fresh_over: None,
        }],
        channels: vec![],
        doors: vec![],
        credentials: vec![],
        network: true,
        devices: Default::default(),
        saved: None,
        wakes: false,
        generation_id: false,
        control: "/run/x/control".into(),
        arguments: vec![],
    }
}
