//! The error message for a feature that a hypervisor doesn't have: it names the flag and the
//! alternatives.

use anyhow::{Result, anyhow};

use crate::host::Os;
use crate::hypervisor::Kind;
use crate::hypervisor::features::{self, Unsupported, Wish};

/// Checks that this kind of hypervisor has all requested features on this system.
///
/// # Errors
/// A feature is missing. The message says what to do instead.
pub(super) fn check(kind: Kind, wishes: &[Wish]) -> Result<()> {
    features::check(kind, Os::current(), wishes)
        .map_err(|unsupported| anyhow!(message(unsupported)))
}

fn message(Unsupported { kind, os, wish }: Unsupported) -> String {
    format!(
        "{} can't {} on {}: {}",
        kind.title(),
        verb_phrase(wish),
        os.name(),
        advice(wish, kind, os)
    )
}

fn verb_phrase(wish: Wish) -> String {
    match wish {
        Wish::Share => "share folders with a VM (-v)",
        Wish::ReadOnlyShare => "share a folder read-only (-v ...:ro)",
        Wish::UdpPort => "forward UDP ports (-p .../udp)",
        Wish::DirectBoot => "boot an image directly (--ephemeral)",
        Wish::Accelerator => "choose an accelerator (--accel)",
        Wish::OtherUser => "give a key to a user other than root (--user)",
        Wish::ForeignDisk => "give a key to the system on a disk image (--disk)",
        Wish::OtherArch => "run a guest of another architecture (--arch)",
        Wish::Tpm => "give a VM a TPM (--tpm)",
        Wish::Argument => "take arguments of its own (--hypervisor-arg)",
        Wish::PlugDisk => "add a disk to a running VM, or remove it",
        Wish::PlugShare => "share a folder with a running VM, or stop that",
        Wish::Snapshot => "take snapshots of a VM (snapshot)",
        Wish::Credential(flag) | Wish::Device(flag) => return format!("take {flag}"),
    }
    .to_owned()
}

fn advice(wish: Wish, kind: Kind, os: Os) -> &'static str {
    match (wish, kind, os) {
        (Wish::Share, _, Os::Windows) => {
            "leave out -v. Use SSHFS to reach the VM's files from Windows, with the settings that `podman-bootc \
             ssh-config` prints. Use SMB (`mount -t cifs`) to reach your files from the VM"
        }
        (Wish::Share, ..) => {
            "leave out -v, and use SSHFS to reach the VM's files, with the settings that `podman-bootc ssh-config` \
             prints"
        }
        (Wish::ReadOnlyShare, ..) => "leave out :ro, or use --hypervisor qemu",
        (Wish::UdpPort | Wish::ForeignDisk | Wish::OtherArch, ..) => "use --hypervisor qemu",
        (Wish::DirectBoot, ..) => {
            "leave out --ephemeral, or use --rm, which removes the VM and its disk when the session ends"
        }
        (Wish::Accelerator, ..) => "leave out --accel, or use --hypervisor qemu",
        (Wish::Tpm, Kind::Qemu, _) => "leave out --tpm",
        (Wish::Tpm | Wish::Credential(_) | Wish::Device(_) | Wish::Argument, ..) => {
            "leave out the flag, or use --hypervisor qemu"
        }
        (Wish::PlugDisk | Wish::PlugShare, ..) => "stop the VM first",
        (Wish::Snapshot, ..) => "create the VM with --hypervisor qemu",
        (Wish::OtherUser, ..) => {
            "leave out --user, or use --hypervisor qemu (the key is on the disk, for root only)"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_names_the_hypervisor_and_the_alternatives() {
        let message = message(Unsupported {
            kind: Kind::Hyperv,
            os: Os::Windows,
            wish: Wish::Share,
        });
        assert!(message.contains("Hyper-V can't share folders"), "{message}");
        assert!(
            message.contains("SSHFS") && message.contains("SMB"),
            "{message}"
        );
    }
}
