//! A VM as plain data: all that `start` needs to run the same machine again.

pub mod name;
pub mod settings;
pub mod slots;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Name, Settings};
use crate::direct_boot::BOUND_SERIAL;
use crate::disk::{Import, Installed, Key};
use crate::hypervisor::qemu::firmware;
use crate::hypervisor::{Arch, Kind, accelerator};
use crate::image::{Image, KEY_CREDENTIAL, UNIT_CREDENTIALS};

/// The format of `vm.json`.
pub const VERSION: u32 = 1;

/// The content of `vm.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spec {
    /// [`VERSION`].
    pub version: u32,
    pub name: Name,
    /// Twelve hex digits.
    pub id: String,
    pub created: jiff::Timestamp,
    /// None for an imported disk.
    #[serde(default)]
    pub image: Option<Image>,
    pub source: Source,
    /// The size of the overlay in bytes, if it is larger than the disk below it.
    #[serde(default)]
    pub disk_size: Option<u64>,
    /// The root filesystem grows with the disk at boot.
    #[serde(default)]
    pub grow_root: bool,
    pub arch: Arch,
    pub cpus: u32,
    pub memory_mib: u64,
    #[serde(default)]
    pub hypervisor: Kind,
    /// The accelerator that the user asked for.
    pub accelerator: accelerator::Choice,
    /// The user whose `authorized_keys` has the VM's key.
    pub user: String,
    /// The user's home folder in the guest; none if only the boot makes the user.
    #[serde(default)]
    pub home: Option<String>,
    /// The user's UID and GID in the guest, if they are known.
    #[serde(default)]
    pub owner: Option<(u32, u32)>,
    /// The image has an SSH server.
    pub sshd: bool,
    /// The version of the image's systemd, if it is known.
    pub systemd: Option<u32>,
    /// The VM is removed when it ends.
    pub remove: bool,
    /// The versions that upgrades and rollbacks brought, the last one first, which runs. Without
    /// any, the VM runs what its base disk has.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deployed: Vec<Deployed>,
    /// The name that a clone's original had. A clone gives its guest an identity of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cloned_from: Option<String>,
    #[serde(default)]
    pub settings: Settings,
}

/// A version of its image that a VM has or had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deployed {
    /// The image as podman knows it, if it is known.
    pub image: Option<Image>,
    /// The image as bootc got it.
    pub installed: Installed,
}

/// What a VM boots from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Source {
    /// An overlay over a base disk.
    Disk { base: Key, firmware: Firmware },
    /// An overlay over a disk image that the user brought.
    Import { disk: Import, firmware: Firmware },
    /// The image itself, with all changes in memory and on a scratch disk.
    Direct {
        kernel: PathBuf,
        /// The image's initramfs with the tool's own appended.
        initramfs: PathBuf,
        cmdline: String,
        /// Serials and files of the root's block images, and of the one with the bound images
        /// ([`BOUND_SERIAL`]). A root that is shared over virtiofs has no block images.
        roots: Vec<(String, PathBuf)>,
        /// The scratch disk below the VM's overlay, which is as short-lived as a run. Without it,
        /// all changes are in memory.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        scratch: Option<PathBuf>,
        /// The user's kernel arguments, which `cmdline` has, too.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        kargs: Vec<String>,
        /// Set when the running machine has got another image than it started with.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        replaced: Option<Replaced>,
    },
}

/// What a running machine has, where the next start differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replaced {
    /// Serials and files of the block images: those of the start, and those that were plugged in.
    pub disks: Vec<(String, PathBuf)>,
    /// The scratch disk below the VM's overlay.
    pub scratch: Option<PathBuf>,
}

impl Spec {
    /// A spec of a VM without a disk, for tests.
    #[cfg(test)]
    pub(crate) fn sample_direct() -> Self {
        Self {
            source: Source::Direct {
                kernel: "/k".into(),
                initramfs: "/i".into(),
                cmdline: "a".into(),
                roots: vec![("root0".into(), "/r".into())],
                scratch: None,
                kargs: vec![],
                replaced: None,
            },
            ..Self::sample()
        }
    }

    /// A spec for tests.
    #[cfg(test)]
    pub(crate) fn sample() -> Self {
        let image = Image::sample();
        Self {
            version: VERSION,
            name: "one".parse().unwrap(),
            id: "aabb00000000".into(),
            created: jiff::Timestamp::UNIX_EPOCH,
            source: Source::Disk {
                base: Key::new(&image, &Default::default()),
                firmware: Firmware::Bios,
            },
            image: Some(image),
            disk_size: None,
            grow_root: false,
            arch: Arch::X86_64,
            cpus: 2,
            memory_mib: 2048,
            hypervisor: Kind::Qemu,
            accelerator: accelerator::Choice::Auto,
            user: "root".into(),
            home: Some("/root".into()),
            owner: None,
            sshd: true,
            systemd: Some(257),
            remove: false,
            deployed: vec![],
            cloned_from: None,
            settings: Settings::default(),
        }
    }

    /// Returns the name of the image or the file of the disk image, for messages.
    pub fn origin(&self) -> String {
        match (&self.image, self.import()) {
            (Some(image), _) => image.reference.clone(),
            (None, Some(import)) => import.file.display().to_string(),
            (None, None) => String::new(),
        }
    }

    /// Returns the image that runs in the VM, as far as the tool brought it there.
    pub fn running_image(&self) -> Option<&Image> {
        match self.deployed.first() {
            Some(deployed) => deployed.image.as_ref(),
            None => self.image.as_ref(),
        }
    }

    /// Returns the base disk below the overlay.
    pub fn base(&self) -> Option<&Key> {
        match &self.source {
            Source::Disk { base, .. } => Some(base),
            Source::Import { .. } | Source::Direct { .. } => None,
        }
    }

    /// Returns the imported disk image below the overlay.
    pub fn import(&self) -> Option<&Import> {
        match &self.source {
            Source::Import { disk, .. } => Some(disk),
            Source::Disk { .. } | Source::Direct { .. } => None,
        }
    }

    /// Returns the UEFI code, if it is a file of the host.
    pub fn firmware(&self) -> Option<&Path> {
        match &self.source {
            Source::Disk {
                firmware: Firmware::Uefi { code, .. },
                ..
            }
            | Source::Import {
                firmware: Firmware::Uefi { code, .. },
                ..
            } => Some(code),
            Source::Disk { .. } | Source::Import { .. } | Source::Direct { .. } => None,
        }
    }

    /// Returns the choice of firmware that this VM has.
    pub fn firmware_choice(&self) -> firmware::Choice {
        match &self.source {
            Source::Disk { firmware, .. } | Source::Import { firmware, .. } => match firmware {
                Firmware::Bios => firmware::Choice::Bios,
                Firmware::Uefi { smm: true, .. } => firmware::Choice::Secure,
                Firmware::Uefi { smm: false, .. } => firmware::Choice::Uefi,
                Firmware::BuiltIn => firmware::Choice::Auto,
            },
            Source::Direct { .. } => firmware::Choice::Auto,
        }
    }

    /// Returns the files that a direct boot needs.
    pub fn direct_files(&self) -> Vec<&Path> {
        match &self.source {
            Source::Direct {
                kernel,
                initramfs,
                roots,
                scratch,
                replaced,
                ..
            } => {
                let running = replaced.iter().flat_map(|replaced| {
                    let disks = replaced.disks.iter().map(|(_, file)| file);
                    disks.chain(&replaced.scratch)
                });
                [kernel, initramfs]
                    .into_iter()
                    .chain(roots.iter().map(|(_, file)| file))
                    .chain(scratch)
                    .chain(running)
                    .map(PathBuf::as_path)
                    .collect()
            }
            Source::Disk { .. } | Source::Import { .. } => vec![],
        }
    }

    /// Returns the image, if its root is shared over virtiofs.
    pub fn shared_root(&self) -> Option<&Image> {
        match &self.source {
            Source::Direct { roots, .. }
                if roots.iter().all(|(serial, _)| serial == BOUND_SERIAL) =>
            {
                self.image.as_ref()
            }
            _ => None,
        }
    }

    /// Returns the scratch disk of a direct boot.
    pub fn scratch(&self) -> Option<&Path> {
        match &self.source {
            Source::Direct { scratch, .. } => scratch.as_deref(),
            Source::Disk { .. } | Source::Import { .. } => None,
        }
    }

    /// Returns what the running machine has, where the next start differs.
    pub fn replaced(&self) -> Option<&Replaced> {
        match &self.source {
            Source::Direct { replaced, .. } => replaced.as_ref(),
            Source::Disk { .. } | Source::Import { .. } => None,
        }
    }

    /// Returns true if machines of both specs boot the same files.
    pub fn boots_as(&self, other: &Self) -> bool {
        let (mut ours, mut theirs) = (self.clone(), other.clone());
        for spec in [&mut ours, &mut theirs] {
            spec.begin_anew(false);
        }
        ours.source == theirs.source
    }

    /// Sets what the running machine has.
    pub fn set_replaced(&mut self, running: Replaced) {
        if let Source::Direct { replaced, .. } = &mut self.source {
            *replaced = Some(running);
        }
    }

    /// The machine starts anew, and has what this spec says. A machine that reboots keeps its
    /// scratch disk.
    pub fn begin_anew(&mut self, keep_scratch: bool) {
        if let Source::Direct {
            replaced, roots, ..
        } = &mut self.source
        {
            let kept = replaced.take().filter(|_| keep_scratch);
            *replaced = kept.map(|old| Replaced {
                disks: roots.clone(),
                ..old
            });
        }
    }

    /// Returns the block images that the VM's machine has: those of its start, if it doesn't run.
    pub fn machine_roots(&self) -> &[(String, PathBuf)] {
        match &self.source {
            Source::Direct {
                replaced: Some(replaced),
                ..
            } => &replaced.disks,
            Source::Direct { roots, .. } => roots,
            Source::Disk { .. } | Source::Import { .. } => &[],
        }
    }

    /// Returns true for a direct boot: no change outlives a run.
    pub fn is_ephemeral(&self) -> bool {
        matches!(self.source, Source::Direct { .. })
    }

    /// Returns true if the guest gets the agent over the agent's port: its systemd takes lines of
    /// tmpfiles.d(5) from a credential, and no units.
    pub fn bootstraps(&self) -> bool {
        let versions = KEY_CREDENTIAL..UNIT_CREDENTIALS;
        !self.is_ephemeral()
            && self
                .systemd
                .is_some_and(|version| versions.contains(&version))
    }
}

/// The firmware that boots a VM's disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Firmware {
    /// QEMU's BIOS.
    Bios,
    /// UEFI with its variables in the VM's folder.
    Uefi {
        code: PathBuf,
        /// The code needs system management mode.
        #[serde(default)]
        smm: bool,
    },
    /// The hypervisor's own UEFI.
    #[serde(rename = "own")]
    BuiltIn,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_without_block_images_is_shared() {
        let mut spec = Spec::sample_direct();
        assert!(spec.shared_root().is_none());
        if let Source::Direct { roots, .. } = &mut spec.source {
            *roots = vec![(BOUND_SERIAL.into(), "/bound.erofs".into())];
        }
        assert!(spec.shared_root().is_some());
    }
}
