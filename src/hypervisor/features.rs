//! The kinds of hypervisors, and what each can do. The rest of the program asks for that, never for the name.

use serde::{Deserialize, Serialize};

use super::{Arch, DiskFormat};
use crate::host::Os;

/// What runs a VM.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// QEMU, on every system.
    #[default]
    Qemu,
    /// Apple's Virtualization.framework, by vfkit.
    Vfkit,
    /// libkrun on macOS, by krunkit.
    Krunkit,
    /// Windows' own.
    Hyperv,
}

/// `--hypervisor`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Choice {
    /// The first that is there: on Linux QEMU, on macOS QEMU, vfkit, krunkit, on Windows Hyper-V, QEMU.
    #[default]
    Auto,
    /// QEMU.
    Qemu,
    /// vfkit (macOS).
    Vfkit,
    /// krunkit (macOS).
    Krunkit,
    /// Hyper-V (Windows).
    Hyperv,
}

impl Choice {
    /// The kinds that it allows on this system, the best first.
    pub fn kinds(self, os: Os) -> &'static [Kind] {
        match (self, os) {
            (Self::Auto, Os::Linux) | (Self::Qemu, _) => &[Kind::Qemu],
            (Self::Auto, Os::Macos) => &[Kind::Qemu, Kind::Vfkit, Kind::Krunkit],
            (Self::Auto, Os::Windows) => &[Kind::Hyperv, Kind::Qemu],
            (Self::Vfkit, _) => &[Kind::Vfkit],
            (Self::Krunkit, _) => &[Kind::Krunkit],
            (Self::Hyperv, _) => &[Kind::Hyperv],
        }
    }
}

/// How folders of the host get into a VM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shares {
    /// virtiofs, served by a virtiofsd of ours.
    Virtiofsd,
    /// virtiofs, served by the hypervisor.
    Virtiofs,
    /// 9p, served by the hypervisor.
    NineP,
    /// Not at all.
    None,
}

/// How the host's programs reach a guest's `AF_VSOCK` ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Vsocks {
    /// By `AF_VSOCK`, where the host's kernel has the device for it.
    Kernel,
    /// By a Unix socket for each port, which the hypervisor makes.
    Sockets,
    /// By `AF_HYPERV` and the VM's ID, for ports that an administrator has allowed.
    Hyperv,
    /// Not at all.
    None,
}

/// What a kind of hypervisor can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Features {
    /// How it shares folders.
    pub shares: Shares,
    /// A share may be read-only.
    pub read_only_shares: bool,
    /// How the host's programs reach the guest without a network.
    pub vsocks: Vsocks,
    /// It hands systemd credentials to the guest through SMBIOS strings.
    pub smbios: bool,
    /// It has QEMU's firmware configuration device.
    pub fw_cfg: bool,
    /// The guest can have a TPM, which a helper emulates.
    pub tpm: bool,
    /// The format of a VM's own disk: [`DiskFormat::Qcow2`] is a layer over the base disk, others are copies.
    pub disk: DiskFormat,
    /// A stopped VM's disks can be kept as they are, and brought back.
    pub snapshots: bool,
    /// UDP ports can be forwarded; TCP ports always can.
    pub udp: bool,
    /// It loads a kernel by itself, with the disks and channels that a direct boot needs.
    pub direct_boot: bool,
    /// Its virtual machine has serial ports beside the console, for the guest to signal on.
    pub channels: bool,
    /// Its serial console takes input.
    pub console_input: bool,
    /// There are accelerators to choose among.
    pub accelerators: bool,
    /// It takes further disks, first-boot configurations, a window, and a machine without a network.
    pub devices: bool,
    /// It needs a UEFI that the host brings; others have their own.
    pub host_firmware: bool,
}

impl Features {
    /// A key can be handed to a guest at boot; else it has to be on the disk.
    pub fn credentials(&self) -> bool {
        self.smbios || self.fw_cfg
    }

    /// A VM's disk is a layer that is nothing without the disk below it.
    pub fn layers(&self) -> bool {
        self.disk == DiskFormat::Qcow2
    }
}

impl Kind {
    /// Its name, as `--hypervisor` takes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Qemu => "qemu",
            Self::Vfkit => "vfkit",
            Self::Krunkit => "krunkit",
            Self::Hyperv => "hyperv",
        }
    }

    /// What it is called, for people.
    pub fn title(self) -> &'static str {
        match self {
            Self::Qemu => "QEMU",
            Self::Vfkit => "vfkit",
            Self::Krunkit => "krunkit",
            Self::Hyperv => "Hyper-V",
        }
    }

    /// True when there can be one on this system.
    pub fn runs_on(self, os: Os) -> bool {
        match self {
            Self::Qemu => true,
            Self::Vfkit | Self::Krunkit => os == Os::Macos,
            Self::Hyperv => os == Os::Windows,
        }
    }

    /// What it can do on this system.
    pub fn features(self, os: Os) -> Features {
        match self {
            Self::Qemu => Features {
                // virtiofsd is for Linux; QEMU serves 9p itself, but not on Windows.
                shares: match os {
                    Os::Linux => Shares::Virtiofsd,
                    Os::Macos => Shares::NineP,
                    Os::Windows => Shares::None,
                },
                read_only_shares: true,
                vsocks: if os == Os::Linux { Vsocks::Kernel } else { Vsocks::None },
                smbios: true,
                fw_cfg: true,
                tpm: os != Os::Windows,
                disk: DiskFormat::Qcow2,
                snapshots: true,
                udp: true,
                // It needs the image's files, which on other systems are in the podman machine.
                direct_boot: os == Os::Linux,
                channels: true,
                console_input: true,
                accelerators: true,
                devices: true,
                host_firmware: true,
            },
            Self::Vfkit => Features { smbios: false, console_input: true, ..APPLE },
            Self::Krunkit => APPLE,
            Self::Hyperv => Features {
                shares: Shares::None,
                vsocks: Vsocks::Hyperv,
                smbios: false,
                disk: DiskFormat::Vhdx,
                udp: false,
                console_input: true,
                ..APPLE
            },
        }
    }

    /// The kernel's name of the device that its console is on.
    pub fn console(self, arch: Arch) -> &'static str {
        match self {
            Self::Qemu => arch.serial_console(),
            Self::Vfkit | Self::Krunkit => "hvc0",
            Self::Hyperv => "ttyS0",
        }
    }
}

/// What vfkit and krunkit have in common.
const APPLE: Features = Features {
    shares: Shares::Virtiofs,
    read_only_shares: false,
    vsocks: Vsocks::Sockets,
    smbios: true,
    fw_cfg: false,
    tpm: false,
    disk: DiskFormat::Raw,
    snapshots: false,
    udp: true,
    direct_boot: false,
    channels: false,
    console_input: false,
    accelerators: false,
    devices: false,
    host_firmware: false,
};

/// What a user may ask of a VM that not every hypervisor can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// `-v`.
    Share,
    /// `-v ...:ro`.
    ReadOnlyShare,
    /// `-p ...:/udp`.
    UdpPort,
    /// `--ephemeral`.
    DirectBoot,
    /// `--accel` with a name.
    Accelerator,
    /// `--user` with a name other than root.
    OtherUser,
    /// `--disk`: a disk that the install has not put a key on.
    ForeignDisk,
    /// `--arch` with another than this machine's.
    OtherArch,
    /// What is handed over as a credential; in words, with its flag.
    Credential(&'static str),
    /// `--tpm`.
    Tpm,
    /// `snapshot`.
    Snapshot,
    /// A device that few hypervisors have; in words, with its flag.
    Device(&'static str),
}

/// A wish that a hypervisor can't fulfil, and what to do instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{} can't {} on {}; {}", .kind.title(), .wish.words(), .os.name(), .wish.advice(*.kind, *.os))]
pub struct Unsupported {
    kind: Kind,
    os: Os,
    wish: Wish,
}

/// Makes sure that this kind of hypervisor can do what is wished for.
///
/// # Errors
/// It can't; the message says what to do instead.
pub fn check(kind: Kind, os: Os, wishes: &[Wish]) -> Result<(), Unsupported> {
    let features = kind.features(os);
    let granted = |wish: &Wish| match wish {
        Wish::Share => features.shares != Shares::None,
        Wish::ReadOnlyShare => features.read_only_shares,
        Wish::UdpPort => features.udp,
        Wish::DirectBoot => features.direct_boot,
        Wish::Accelerator => features.accelerators,
        Wish::OtherUser | Wish::ForeignDisk | Wish::Credential(_) => features.credentials(),
        Wish::OtherArch => features.accelerators,
        Wish::Tpm => features.tpm,
        Wish::Snapshot => features.snapshots,
        Wish::Device(_) => features.devices,
    };
    match wishes.iter().find(|wish| !granted(wish)) {
        Some(&wish) => Err(Unsupported { kind, os, wish }),
        None => Ok(()),
    }
}

impl Wish {
    fn words(self) -> &'static str {
        match self {
            Self::Share => "share folders with a VM (-v)",
            Self::ReadOnlyShare => "share a folder read-only (-v ...:ro)",
            Self::UdpPort => "forward UDP ports (-p .../udp)",
            Self::DirectBoot => "boot an image directly (--ephemeral)",
            Self::Accelerator => "be told its accelerator (--accel)",
            Self::OtherUser => "hand a key to another user than root (--user)",
            Self::ForeignDisk => "hand a key to the system on a disk image (--disk)",
            Self::OtherArch => "run another architecture than this machine's (--arch)",
            Self::Tpm => "have a TPM (--tpm)",
            Self::Snapshot => "keep a VM as it is (snapshot)",
            Self::Credential(words) | Self::Device(words) => words,
        }
    }

    fn advice(self, kind: Kind, os: Os) -> &'static str {
        match (self, kind, os) {
            (Self::Share, _, Os::Windows) => {
                "leave -v out, and reach files over the VM's network: from Windows the VM's by SSHFS with what \
                 `podman-bootc ssh-config` prints, from the VM yours by an SMB share of Windows (`mount -t cifs`)"
            }
            (Self::Share, ..) => {
                "leave -v out, and reach the VM's files by SSHFS with what `podman-bootc ssh-config` prints"
            }
            (Self::ReadOnlyShare, ..) => "leave :ro out, or use --hypervisor qemu",
            (Self::UdpPort, ..) => "use --hypervisor qemu",
            (Self::DirectBoot, ..) => {
                "leave --ephemeral out; --rm removes the VM and its disk at the end of the session"
            }
            (Self::Accelerator, ..) => "leave --accel out, or use --hypervisor qemu",
            (Self::ForeignDisk | Self::OtherArch, ..) => "use --hypervisor qemu",
            (Self::Tpm, Kind::Qemu, _) => "leave --tpm out",
            (Self::Tpm | Self::Credential(_) | Self::Device(_), ..) => {
                "leave the flag out, or use --hypervisor qemu"
            }
            (Self::Snapshot, ..) => "make the VM with --hypervisor qemu",
            (Self::OtherUser, ..) => {
                "leave --user out, or use --hypervisor qemu; the key is put on the disk by the install, for root"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_done_is_refused_with_advice() {
        let all = [
            Wish::Share,
            Wish::ReadOnlyShare,
            Wish::UdpPort,
            Wish::DirectBoot,
            Wish::Accelerator,
            Wish::OtherUser,
            Wish::ForeignDisk,
            Wish::OtherArch,
            Wish::Credential("take --hostname"),
            Wish::Tpm,
            Wish::Snapshot,
            Wish::Device("take --gui"),
        ];
        let cases: [(Kind, Os, &[Wish]); 6] = [
            (Kind::Qemu, Os::Linux, &[]),
            (Kind::Qemu, Os::Macos, &[Wish::DirectBoot]),
            (Kind::Qemu, Os::Windows, &[Wish::Share, Wish::DirectBoot, Wish::Tpm]),
            (
                Kind::Vfkit,
                Os::Macos,
                &[
                    Wish::ReadOnlyShare,
                    Wish::DirectBoot,
                    Wish::Accelerator,
                    Wish::OtherUser,
                    Wish::ForeignDisk,
                    Wish::OtherArch,
                    Wish::Credential("take --hostname"),
                    Wish::Tpm,
                    Wish::Snapshot,
                    Wish::Device("take --gui"),
                ],
            ),
            (
                Kind::Krunkit,
                Os::Macos,
                &[
                    Wish::ReadOnlyShare,
                    Wish::DirectBoot,
                    Wish::Accelerator,
                    Wish::OtherArch,
                    Wish::Tpm,
                    Wish::Snapshot,
                    Wish::Device("take --gui"),
                ],
            ),
            (Kind::Hyperv, Os::Windows, &all),
        ];
        for (kind, os, refused) in cases {
            let found: Vec<Wish> =
                all.into_iter().filter(|wish| check(kind, os, &[*wish]).is_err()).collect();
            assert_eq!(found, refused, "{kind:?} on {os:?}");
        }
        let error = check(Kind::Hyperv, Os::Windows, &[Wish::Share]).unwrap_err().to_string();
        assert!(error.contains("Hyper-V can't share folders"), "{error}");
        assert!(error.contains("SSHFS") && error.contains("SMB"), "{error}");
    }

    #[test]
    fn only_what_runs_there_is_chosen_by_itself() {
        for os in [Os::Linux, Os::Macos, Os::Windows] {
            assert!(Choice::Auto.kinds(os).iter().all(|kind| kind.runs_on(os)), "{os:?}");
            assert_eq!(Choice::Qemu.kinds(os), [Kind::Qemu]);
        }
        assert!(!Kind::Vfkit.runs_on(Os::Linux) && !Kind::Hyperv.runs_on(Os::Macos));
    }

    #[test]
    fn a_key_gets_into_every_guest() {
        for kind in [Kind::Qemu, Kind::Krunkit] {
            assert!(kind.features(Os::Macos).credentials());
        }
        assert!(!Kind::Vfkit.features(Os::Macos).credentials());
        assert!(!Kind::Hyperv.features(Os::Windows).credentials());
    }
}
