//! The kinds of hypervisors and the features of each. The rest of the program tests features, never
//! a kind's name.

use serde::{Deserialize, Serialize};

use super::disk_format::DiskFormat;
use super::machine::Arch;
use crate::host::Os;

/// A program that runs VMs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    #[default]
    Qemu,
    /// Apple's Virtualization.framework.
    Vfkit,
    /// libkrun on macOS.
    Krunkit,
    Hyperv,
}

/// The value of `--hypervisor`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Choice {
    /// The first one installed: QEMU on Linux; QEMU, vfkit or krunkit on macOS; Hyper-V or QEMU on
    /// Windows.
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
    /// The kinds that it allows on this system, the preferred one first.
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

/// The way host folders get into a VM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shares {
    /// virtiofs, served by a virtiofsd that we start.
    Virtiofsd,
    /// virtiofs, served by the hypervisor.
    Virtiofs,
    /// 9p, served by the hypervisor.
    NineP,
    None,
}

/// The way the host's programs reach a guest's `AF_VSOCK` ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Vsocks {
    /// `AF_VSOCK`, if the host's kernel has the device for it.
    Kernel,
    /// A Unix socket for each port, which the hypervisor creates.
    Sockets,
    /// `AF_HYPERV` and the VM's ID, for ports that an administrator has allowed.
    Hyperv,
    None,
}

/// The features of one kind of hypervisor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Features {
    pub shares: Shares,
    pub read_only_shares: bool,
    pub vsocks: Vsocks,
    /// It passes systemd credentials to the guest in SMBIOS strings.
    pub smbios: bool,
    /// It has QEMU's firmware configuration device.
    pub fw_cfg: bool,
    /// The guest can have a TPM, which a helper emulates.
    pub tpm: bool,
    /// The format of a VM's own disk: [`DiskFormat::Qcow2`] is an overlay over the base disk,
    /// others are copies.
    pub disk: DiskFormat,
    /// A stopped VM's disks can be saved and restored.
    pub snapshots: bool,
    /// The address at which the guest reaches the host's loopback.
    pub loopback: Option<&'static str>,
    /// UDP ports can be forwarded; TCP ports always can.
    pub udp: bool,
    /// It loads a kernel by itself, with the disks and channels that a direct boot needs.
    pub direct_boot: bool,
    /// The guest can signal on serial ports beside the console.
    pub channels: bool,
    pub console_input: bool,
    /// It has several accelerators to choose from.
    pub accelerators: bool,
    /// It takes further disks, first-boot configurations, a window, and a machine without a
    /// network.
    pub devices: bool,
    /// A running machine takes disks, and folders if [`Shares::Virtiofsd`] serves them.
    pub plugs: bool,
    /// It is a program whose command line takes more arguments.
    pub arguments: bool,
    /// It needs a UEFI that the host provides; others have their own.
    pub host_firmware: bool,
}

impl Features {
    /// Whether a guest can receive a key at boot; otherwise the key must be on the disk.
    pub fn credentials(&self) -> bool {
        self.smbios || self.fw_cfg
    }

    /// Whether a VM's disk is an overlay, which depends on the disk below it.
    pub fn layers(&self) -> bool {
        self.disk == DiskFormat::Qcow2
    }
}

impl Kind {
    /// The name that `--hypervisor` takes.
    pub fn name(self) -> &'static str {
        match self {
            Self::Qemu => "qemu",
            Self::Vfkit => "vfkit",
            Self::Krunkit => "krunkit",
            Self::Hyperv => "hyperv",
        }
    }

    /// The name for people.
    pub fn title(self) -> &'static str {
        match self {
            Self::Qemu => "QEMU",
            Self::Vfkit => "vfkit",
            Self::Krunkit => "krunkit",
            Self::Hyperv => "Hyper-V",
        }
    }

    /// Whether it exists for this system.
    pub fn runs_on(self, os: Os) -> bool {
        match self {
            Self::Qemu => true,
            Self::Vfkit | Self::Krunkit => os == Os::Macos,
            Self::Hyperv => os == Os::Windows,
        }
    }

    /// Returns its features on this system.
    pub fn features(self, os: Os) -> Features {
        match self {
            Self::Qemu => Features {
                // virtiofsd is for Linux. QEMU itself serves 9p, but not on Windows.
                shares: match os {
                    Os::Linux => Shares::Virtiofsd,
                    Os::Macos => Shares::NineP,
                    Os::Windows => Shares::None,
                },
                read_only_shares: true,
                vsocks: if os == Os::Linux {
                    Vsocks::Kernel
                } else {
                    Vsocks::None
                },
                smbios: true,
                fw_cfg: true,
                tpm: os != Os::Windows,
                disk: DiskFormat::Qcow2,
                snapshots: true,
                loopback: Some("10.0.2.2"),
                udp: true,
                // A direct boot needs the image's files, which are in the podman machine on other
                // systems.
                direct_boot: os == Os::Linux,
                channels: true,
                console_input: true,
                accelerators: true,
                devices: true,
                plugs: true,
                arguments: true,
                host_firmware: true,
            },
            Self::Vfkit => Features {
                smbios: false,
                console_input: true,
                ..APPLE
            },
            Self::Krunkit => APPLE,
            Self::Hyperv => Features {
                shares: Shares::None,
                vsocks: Vsocks::Hyperv,
                smbios: false,
                disk: DiskFormat::Vhdx,
                udp: false,
                console_input: true,
                arguments: false,
                ..APPLE
            },
        }
    }

    /// The kernel's name of the console device.
    pub fn console(self, arch: Arch) -> &'static str {
        match self {
            Self::Qemu => arch.serial_console(),
            Self::Vfkit | Self::Krunkit => "hvc0",
            Self::Hyperv => "ttyS0",
        }
    }
}

/// The common features of vfkit and krunkit.
const APPLE: Features = Features {
    shares: Shares::Virtiofs,
    read_only_shares: false,
    vsocks: Vsocks::Sockets,
    smbios: true,
    fw_cfg: false,
    tpm: false,
    disk: DiskFormat::Raw,
    snapshots: false,
    loopback: None,
    udp: true,
    direct_boot: false,
    channels: false,
    console_input: false,
    accelerators: false,
    devices: false,
    plugs: false,
    arguments: true,
    host_firmware: false,
};

/// A user's wish for a VM that not every hypervisor can fulfil.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    Share,
    ReadOnlyShare,
    UdpPort,
    DirectBoot,
    /// A certain accelerator.
    Accelerator,
    /// A login user other than root.
    OtherUser,
    /// A disk image that has no key from an install.
    ForeignDisk,
    /// A guest architecture other than the host's.
    OtherArch,
    /// A setting that reaches the guest as a credential, by its flag.
    Credential(&'static str),
    Tpm,
    Snapshot,
    /// A device that few hypervisors have, by its flag.
    Device(&'static str),
    /// An argument for the hypervisor's command line.
    Argument,
    /// A disk that a running VM gets or loses.
    PlugDisk,
    /// A folder that a running VM gets or loses.
    PlugShare,
}

/// A wish that a kind of hypervisor can't fulfil on an operating system. `cli/` has the words for
/// it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unsupported {
    pub kind: Kind,
    pub os: Os,
    pub wish: Wish,
}

/// Checks that this kind of hypervisor can fulfil all wishes.
///
/// # Errors
/// The first wish that it can't fulfil.
pub fn check(kind: Kind, os: Os, wishes: &[Wish]) -> Result<(), Unsupported> {
    let features = kind.features(os);
    let granted = |wish: &Wish| match wish {
        Wish::Share => features.shares != Shares::None,
        Wish::ReadOnlyShare => features.read_only_shares,
        Wish::UdpPort => features.udp,
        Wish::DirectBoot => features.direct_boot,
        Wish::Accelerator | Wish::OtherArch => features.accelerators,
        Wish::OtherUser | Wish::ForeignDisk | Wish::Credential(_) => features.credentials(),
        Wish::Tpm => features.tpm,
        Wish::Snapshot => features.snapshots,
        Wish::Device(_) => features.devices,
        Wish::Argument => features.arguments,
        Wish::PlugDisk => features.plugs,
        Wish::PlugShare => features.plugs && features.shares == Shares::Virtiofsd,
    };
    match wishes.iter().find(|wish| !granted(wish)) {
        Some(&wish) => Err(Unsupported { kind, os, wish }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_refuses_what_it_cannot_do() {
        let all = [
            Wish::Share,
            Wish::ReadOnlyShare,
            Wish::UdpPort,
            Wish::DirectBoot,
            Wish::Accelerator,
            Wish::OtherUser,
            Wish::ForeignDisk,
            Wish::OtherArch,
            Wish::Credential("--hostname"),
            Wish::Tpm,
            Wish::Snapshot,
            Wish::Device("--gui"),
            Wish::Argument,
            Wish::PlugDisk,
            Wish::PlugShare,
        ];
        let cases: [(Kind, Os, &[Wish]); 6] = [
            (Kind::Qemu, Os::Linux, &[]),
            (Kind::Qemu, Os::Macos, &[Wish::DirectBoot, Wish::PlugShare]),
            (
                Kind::Qemu,
                Os::Windows,
                &[Wish::Share, Wish::DirectBoot, Wish::Tpm, Wish::PlugShare],
            ),
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
                    Wish::Credential("--hostname"),
                    Wish::Tpm,
                    Wish::Snapshot,
                    Wish::Device("--gui"),
                    Wish::PlugDisk,
                    Wish::PlugShare,
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
                    Wish::Device("--gui"),
                    Wish::PlugDisk,
                    Wish::PlugShare,
                ],
            ),
            (Kind::Hyperv, Os::Windows, &all),
        ];
        for (kind, os, refused) in cases {
            let found: Vec<Wish> = all
                .into_iter()
                .filter(|wish| check(kind, os, &[*wish]).is_err())
                .collect();
            assert_eq!(found, refused, "{kind:?} on {os:?}");
        }
    }

    #[test]
    fn the_automatic_choice_has_only_kinds_that_run_on_the_system() {
        for os in [Os::Linux, Os::Macos, Os::Windows] {
            assert!(
                Choice::Auto.kinds(os).iter().all(|kind| kind.runs_on(os)),
                "{os:?}"
            );
            assert_eq!(Choice::Qemu.kinds(os), [Kind::Qemu]);
        }
        assert!(!Kind::Vfkit.runs_on(Os::Linux) && !Kind::Hyperv.runs_on(Os::Macos));
    }

    #[test]
    fn only_some_kinds_pass_credentials() {
        for kind in [Kind::Qemu, Kind::Krunkit] {
            assert!(kind.features(Os::Macos).credentials());
        }
        assert!(!Kind::Vfkit.features(Os::Macos).credentials());
        assert!(!Kind::Hyperv.features(Os::Windows).credentials());
    }
}
