//! A virtual machine as plain data, the same for every hypervisor and on every OS.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// The guest's processor architecture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Arch {
    /// amd64 in OCI's words.
    #[value(name = "x86_64", alias = "amd64", help = "also called amd64")]
    X86_64,
    /// arm64 in OCI's words.
    #[value(name = "aarch64", alias = "arm64", help = "also called arm64")]
    Aarch64,
}

impl Arch {
    /// The architecture of an OCI image, if a VM of it can be made.
    pub fn from_oci(name: &str) -> Option<Self> {
        match name {
            "amd64" => Some(Self::X86_64),
            "arm64" => Some(Self::Aarch64),
            _ => None,
        }
    }

    /// As OCI calls it.
    pub fn oci_name(self) -> &'static str {
        match self {
            Self::X86_64 => "amd64",
            Self::Aarch64 => "arm64",
        }
    }

    /// The architecture that this program runs on.
    pub fn host() -> Option<Self> {
        match std::env::consts::ARCH {
            "x86_64" => Some(Self::X86_64),
            "aarch64" => Some(Self::Aarch64),
            _ => None,
        }
    }

    /// As the kernel and QEMU call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::Aarch64 => "aarch64",
        }
    }

    /// The kernel's name of the serial port that the console is on.
    pub fn serial_console(self) -> &'static str {
        match self {
            Self::X86_64 => "ttyS0",
            Self::Aarch64 => "ttyAMA0",
        }
    }
}

/// A VM to be started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// Shown in the hypervisor's process title.
    pub name: String,
    /// The guest's architecture.
    pub arch: Arch,
    /// Virtual processors.
    pub cpus: u32,
    /// Memory in MiB.
    pub memory_mib: u64,
    /// What it boots from.
    pub boot: Boot,
    /// Disks, in the order of their slots.
    pub disks: Vec<Disk>,
    /// Byte streams between host and guest (virtio-serial ports).
    pub channels: Vec<Channel>,
    /// systemd credentials for the guest.
    pub credentials: Vec<Credential>,
    /// Whether there is a network card, with user-mode networking behind it.
    pub network: bool,
    /// What only some machines have.
    pub devices: Devices,
    /// The path of the control socket, which the hypervisor connects to or makes.
    pub control: PathBuf,
}

impl Machine {
    /// The folder of its sockets, which no other machine has.
    pub fn runtime(&self) -> &Path {
        self.control.parent().unwrap_or(Path::new(""))
    }
}

/// Devices that only some machines have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Devices {
    /// Folders of the host.
    pub shares: Vec<SharedFolder>,
    /// The control socket of the process that plays a TPM.
    pub tpm: Option<PathBuf>,
    /// A graphics card, and whether there is a window for it.
    pub screen: Option<Screen>,
    /// A configuration for Ignition.
    pub ignition: Option<PathBuf>,
    /// How programs of the host reach the guest's sshd without a network.
    pub vsock: Option<Vsock>,
    /// A byte stream that may be closed and opened again while the machine runs: SSH without a network.
    pub ssh: Option<Channel>,
}

/// Where a guest's `AF_VSOCK` port is for programs of the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Vsock {
    /// The guest's context ID; 3 to 2^32 - 2. Which port it is, is for who connects to say.
    Cid(u32),
    /// The Unix socket that stands for the one port.
    Socket(PathBuf),
    /// The ID that Hyper-V gave the VM; none as long as it doesn't run.
    Hyperv(Option<String>),
}

/// The guest's port where systemd (256 and up) has sshd listen.
/// <https://www.freedesktop.org/software/systemd/man/latest/systemd-ssh-generator.html>
pub const VSOCK_SSH_PORT: u32 = 22;

/// What a graphics card shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Screen {
    /// Nobody sees it; pictures can be taken.
    Hidden,
    /// A window of the hypervisor's own.
    Window,
}

/// A folder of the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedFolder {
    /// The guest mounts it by this name; 31 bytes at the most (9p), 36 with virtiofs.
    pub tag: String,
    /// Who serves it.
    pub server: FolderServer,
}

/// Who serves a folder to a guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FolderServer {
    /// virtiofsd, which listens on the socket of this path.
    Virtiofsd(PathBuf),
    /// The hypervisor itself.
    Hypervisor {
        /// The folder.
        folder: PathBuf,
        /// The guest can't write to it.
        read_only: bool,
    },
}

/// What a machine boots from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Boot {
    /// Its firmware looks for a boot loader on the disks.
    Firmware(Firmware),
    /// The hypervisor loads a kernel.
    Kernel {
        /// The kernel's file.
        kernel: PathBuf,
        /// The initial RAM disk's file.
        initrd: PathBuf,
        /// The kernel's command line.
        cmdline: String,
    },
}

/// The machine's firmware.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Firmware {
    /// The hypervisor's built-in BIOS.
    Bios,
    /// UEFI.
    Uefi {
        /// The firmware's code, read-only.
        code: PathBuf,
        /// This VM's own variable store.
        vars: PathBuf,
        /// Only code in system management mode may change the variables: secure boot stands on that.
        smm: bool,
    },
    /// The hypervisor's own UEFI.
    Own {
        /// Where it keeps its variables, if it has a file for them; it makes that itself.
        variables: PathBuf,
    },
}

/// A disk image's format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DiskFormat {
    /// The disk's bytes.
    Raw,
    /// QEMU's own, with a backing file.
    Qcow2,
    /// Hyper-V's.
    Vhdx,
}

impl DiskFormat {
    /// The format's name in QEMU.
    pub fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Qcow2 => "qcow2",
            Self::Vhdx => "vhdx",
        }
    }
}

/// A disk of a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disk {
    /// The image file.
    pub file: PathBuf,
    /// Its format.
    pub format: DiskFormat,
    /// The guest finds it as `/dev/disk/by-id/virtio-SERIAL`; 20 bytes at the most.
    pub serial: String,
    /// The guest can't write to it.
    pub read_only: bool,
    /// Its content needs to survive a crash of the host.
    pub durable: bool,
}

/// A byte stream between host and guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Channel {
    /// The guest finds it as `/dev/virtio-ports/NAME`.
    pub name: String,
    /// The path of the socket that the hypervisor connects to.
    pub socket: PathBuf,
}

/// A systemd credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// Its name, as in `systemd.system-credentials(7)`.
    pub name: String,
    /// Its value.
    pub value: Vec<u8>,
}

/// A machine as tests want it.
#[cfg(test)]
pub fn sample() -> Machine {
    Machine {
        name: "swift-heron".into(),
        arch: Arch::Aarch64,
        cpus: 2,
        memory_mib: 2048,
        boot: Boot::Firmware(Firmware::Own { variables: "/vms/a/efi".into() }),
        disks: vec![Disk {
            file: "/vms/a/disk.raw".into(),
            format: DiskFormat::Raw,
            serial: "disk".into(),
            read_only: false,
            durable: true,
        }],
        channels: vec![],
        credentials: vec![],
        network: true,
        devices: Default::default(),
        control: "/run/x/control".into(),
    }
}
