//! A VM as plain data: all that `start` needs to give the same machine again.

pub mod name;
pub mod settings;
pub mod user_files;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Name, Settings};
use crate::disk::{Import, Key};
use crate::hypervisor::{Arch, Kind, accelerator};
use crate::image::Image;

/// The format of `vm.json`.
pub const VERSION: u32 = 1;

/// `vm.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spec {
    /// [`VERSION`].
    pub version: u32,
    /// Its name.
    pub name: Name,
    /// Twelve hex digits.
    pub id: String,
    /// When it was made.
    pub created: jiff::Timestamp,
    /// The image that it was made of; none for an imported disk.
    #[serde(default)]
    pub image: Option<Image>,
    /// What it boots from.
    pub source: Source,
    /// Bytes of its disk, where it is larger than what is under its overlay.
    #[serde(default)]
    pub disk_size: Option<u64>,
    /// The root filesystem is to grow with the disk at boot.
    #[serde(default)]
    pub grow_root: bool,
    /// The guest's architecture.
    pub arch: Arch,
    /// Virtual processors.
    pub cpus: u32,
    /// Memory in MiB.
    pub memory_mib: u64,
    /// What runs it.
    #[serde(default)]
    pub hypervisor: Kind,
    /// The accelerator that was asked for.
    pub accelerator: accelerator::Choice,
    /// The user whose `authorized_keys` has the VM's key.
    pub user: String,
    /// That user's home folder.
    pub home: String,
    /// That user's numbers, of user and group, where they are known.
    #[serde(default)]
    pub owner: Option<(u32, u32)>,
    /// Whether the image has an SSH server.
    pub sshd: bool,
    /// The image's systemd, where it is known.
    pub systemd: Option<u32>,
    /// Removed when it ends.
    pub remove: bool,
    /// Shares, ports and their like.
    #[serde(default)]
    pub settings: Settings,
}

/// What a VM boots from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Source {
    /// Its own overlay over a base disk.
    Disk {
        /// The base disk.
        base: Key,
        /// The firmware that starts it.
        firmware: Firmware,
    },
    /// Its own overlay over a disk image that someone else made.
    Import {
        /// The disk image.
        disk: Import,
        /// The firmware that starts it.
        firmware: Firmware,
    },
    /// The image itself, with all changes in memory.
    Direct {
        /// The image's kernel.
        kernel: PathBuf,
        /// Its initramfs, ours appended.
        initramfs: PathBuf,
        /// The kernel's command line.
        cmdline: String,
        /// Block images of the root, with their serials; none when it is shared.
        roots: Vec<(String, PathBuf)>,
    },
}

impl Spec {
    /// A spec for tests.
    #[cfg(test)]
    pub(crate) fn sample() -> Self {
        let image = Image::sample();
        Self {
            version: VERSION,
            name: "one".parse().unwrap(),
            id: "aabb00000000".into(),
            created: jiff::Timestamp::UNIX_EPOCH,
            source: Source::Disk { base: Key::new(&image, &Default::default()), firmware: Firmware::Bios },
            image: Some(image),
            disk_size: None,
            grow_root: false,
            arch: Arch::X86_64,
            cpus: 2,
            memory_mib: 2048,
            hypervisor: Kind::Qemu,
            accelerator: accelerator::Choice::Auto,
            user: "root".into(),
            home: "/root".into(),
            owner: None,
            sshd: true,
            systemd: Some(257),
            remove: false,
            settings: Settings::default(),
        }
    }

    /// What it was made of, for people: the image's name or the disk image's file.
    pub fn origin(&self) -> String {
        match (&self.image, self.import()) {
            (Some(image), _) => image.reference.clone(),
            (None, Some(import)) => import.file.display().to_string(),
            (None, None) => String::new(),
        }
    }

    /// The base disk that it stands on.
    pub fn base(&self) -> Option<&Key> {
        match &self.source {
            Source::Disk { base, .. } => Some(base),
            Source::Import { .. } | Source::Direct { .. } => None,
        }
    }

    /// The disk image of someone else that it stands on.
    pub fn import(&self) -> Option<&Import> {
        match &self.source {
            Source::Import { disk, .. } => Some(disk),
            Source::Disk { .. } | Source::Direct { .. } => None,
        }
    }

    /// The code of the UEFI that starts it, if that is a file of the host.
    pub fn firmware(&self) -> Option<&Path> {
        match &self.source {
            Source::Disk { firmware: Firmware::Uefi { code, .. }, .. }
            | Source::Import { firmware: Firmware::Uefi { code, .. }, .. } => Some(code),
            Source::Disk { .. } | Source::Import { .. } | Source::Direct { .. } => None,
        }
    }

    /// The files of an image that it is booted from directly.
    pub fn direct_files(&self) -> Vec<&Path> {
        match &self.source {
            Source::Direct { kernel, initramfs, roots, .. } => [kernel, initramfs]
                .into_iter()
                .chain(roots.iter().map(|(_, file)| file))
                .map(PathBuf::as_path)
                .collect(),
            Source::Disk { .. } | Source::Import { .. } => vec![],
        }
    }

    /// The image whose own files are its root.
    pub fn shared_root(&self) -> Option<&Image> {
        match &self.source {
            Source::Direct { roots, .. } if roots.is_empty() => self.image.as_ref(),
            _ => None,
        }
    }

    /// True when nothing of it outlives its run.
    pub fn is_ephemeral(&self) -> bool {
        matches!(self.source, Source::Direct { .. })
    }
}

/// What firmware a VM has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Firmware {
    /// QEMU's BIOS.
    Bios,
    /// UEFI; the variables are in the VM's folder.
    Uefi {
        /// The firmware's code.
        code: PathBuf,
        /// It needs system management mode.
        #[serde(default)]
        smm: bool,
    },
    /// The hypervisor's own UEFI.
    Own,
}
