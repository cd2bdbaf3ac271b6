//! The words for what a hypervisor can't do, with the flags that ask for it and the advice.

use anyhow::{Result, anyhow};

use crate::host::Os;
use crate::hypervisor::Kind;
use crate::hypervisor::features::{self, Unsupported, Wish};

/// Checks that this kind of hypervisor can fulfil all wishes on this system.
///
/// # Errors
/// It can't; the message says what to do instead.
pub(super) fn check(kind: Kind, wishes: &[Wish]) -> Result<()> {
    features::check(kind, Os::current(), wishes).map_err(|unsupported| anyhow!(message(unsupported)))
}

fn message(Unsupported { kind, os, wish }: Unsupported) -> String {
    format!("{} can't {} on {}; {}", kind.title(), words(wish), os.name(), advice(wish, kind, os))
}

fn words(wish: Wish) -> String {
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
        Wish::Snapshot => "take snapshots of a VM (snapshot)",
        Wish::Credential(flag) | Wish::Device(flag) => return format!("take {flag}"),
    }
    .to_owned()
}

fn advice(wish: Wish, kind: Kind, os: Os) -> &'static str {
    match (wish, kind, os) {
        (Wish::Share, _, Os::Windows) => {
            "leave out -v. Reach the VM's files from Windows over SSHFS, with the settings that `podman-bootc \
             ssh-config` prints, and your files from the VM over SMB (`mount -t cifs`)"
        }
        (Wish::Share, ..) => {
            "leave out -v, and reach the VM's files over SSHFS with the settings that `podman-bootc ssh-config` \
             prints"
        }
        (Wish::ReadOnlyShare, ..) => "leave out :ro, or use --hypervisor qemu",
        (Wish::UdpPort | Wish::ForeignDisk | Wish::OtherArch, ..) => "use --hypervisor qemu",
        (Wish::DirectBoot, ..) => {
            "leave out --ephemeral; --rm removes the VM and its disk at the end of the session"
        }
        (Wish::Accelerator, ..) => "leave out --accel, or use --hypervisor qemu",
        (Wish::Tpm, Kind::Qemu, _) => "leave out --tpm",
        (Wish::Tpm | Wish::Credential(_) | Wish::Device(_), ..) => {
            "leave out the flag, or use --hypervisor qemu"
        }
        (Wish::Snapshot, ..) => "create the VM with --hypervisor qemu",
        (Wish::OtherUser, ..) => {
            "leave out --user, or use --hypervisor qemu; the install puts the key on the disk, for root only"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_names_the_hypervisor_and_the_alternatives() {
        let message = message(Unsupported { kind: Kind::Hyperv, os: Os::Windows, wish: Wish::Share });
        assert!(message.contains("Hyper-V can't share folders"), "{message}");
        assert!(message.contains("SSHFS") && message.contains("SMB"), "{message}");
    }
}
