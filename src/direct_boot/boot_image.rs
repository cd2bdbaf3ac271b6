//! An image in the cache that is ready for a direct boot.

use std::path::{Path, PathBuf};

use super::boot_files::{INITRAMFS, KERNEL, read_facts};
use super::{Error, modules, scratch};
use crate::image::Facts;

/// The root's disks have this serial and a number; the lowest layer's disk has 0.
const ROOT_SERIAL: &str = "root";

/// The virtiofs tag of a shared root, and the word for it on the kernel's command line in place of
/// the disks' serials.
pub const SHARED_ROOT: &str = "virtiofs";

/// A kernel, an initramfs and a root.
#[derive(Debug, Clone)]
pub struct BootImage {
    folder: PathBuf,
    /// Block images, the lowest layer first.
    roots: Vec<PathBuf>,
    /// The root's overlay needs the mount option `userxattr`.
    userxattr: bool,
    transport: Transport,
    has_scratch: bool,
    pub facts: Facts,
}

/// How the image's root reaches the guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Transport {
    /// As read-only block images, made from the image's layers and cached
    #[default]
    Erofs,
    /// As the image's own files, through virtiofsd, without a conversion
    Virtiofs,
}

impl BootImage {
    pub(super) fn open(
        folder: &Path,
        roots: Vec<PathBuf>,
        userxattr: bool,
        transport: Transport,
    ) -> Result<Self, Error> {
        let file = read_facts(folder)?;
        if transport == Transport::Virtiofs && !file.boot_files.has_virtiofs {
            return Err(Error::NoDriver {
                kernel: file.boot_files.version,
                module: modules::VIRTIOFS[0],
            });
        }
        Ok(Self {
            folder: folder.to_owned(),
            roots,
            userxattr,
            transport,
            has_scratch: file.scratch.is_some(),
            facts: file.facts,
        })
    }

    /// A boot image for tests.
    #[cfg(test)]
    pub(crate) fn sample(transport: Transport) -> Self {
        let layers = match transport {
            Transport::Erofs => &["lower.erofs", "upper.erofs"][..],
            Transport::Virtiofs => &[],
        };
        Self {
            folder: "/cache/one".into(),
            roots: layers
                .iter()
                .map(|file| Path::new("/cache/layers").join(file))
                .collect(),
            userxattr: false,
            transport,
            has_scratch: true,
            facts: Facts {
                kargs: vec!["quiet".into()],
                ..Facts::default()
            },
        }
    }

    /// True when the root is shared over virtiofs and has no disks.
    pub fn is_shared(&self) -> bool {
        self.transport == Transport::Virtiofs
    }

    /// The serials and files of the root's disks, the lowest layer first.
    pub fn roots(&self) -> impl Iterator<Item = (String, &Path)> {
        self.roots
            .iter()
            .enumerate()
            .map(|(n, file)| (format!("{ROOT_SERIAL}{n}"), file.as_path()))
    }

    /// The disk below the layer that a VM writes to; `None` where `/var` must be in memory.
    pub fn scratch(&self) -> Option<PathBuf> {
        self.has_scratch.then(|| self.folder.join(scratch::FILE))
    }

    pub fn kernel(&self) -> PathBuf {
        self.folder.join(KERNEL)
    }

    pub fn initramfs(&self) -> PathBuf {
        self.folder.join(INITRAMFS)
    }

    /// The kernel's command line. systemd starts `unit` in place of the default target, with all
    /// changes in memory.
    pub fn cmdline(&self, console: &str, unit: Option<&str>) -> String {
        let mut stack: Vec<String> = self.roots().map(|(serial, _)| serial).collect();
        // overlayfs expects the uppermost layer first.
        stack.reverse();
        if self.is_shared() {
            stack.push(SHARED_ROOT.to_owned());
        }
        let mut words = vec![
            "rdinit=/podman-bootc/init".to_owned(),
            format!("console={console}"),
            format!("podman-bootc.root={}", stack.join(",")),
            // The other disks don't belong to this system.
            "systemd.gpt_auto=0".to_owned(),
            // The questions of the first boot would wait for an answer.
            "systemd.firstboot=off".to_owned(),
        ];
        if self.has_scratch && unit.is_none() {
            words.push(format!("podman-bootc.{}", scratch::SERIAL));
        }
        if self.userxattr {
            words.push("podman-bootc.userxattr".to_owned());
        }
        if self.facts.selinux {
            // The block images carry no SELinux labels.
            words.push("enforcing=0".to_owned());
        }
        words.extend(self.facts.kargs.iter().cloned());
        words.extend(unit.map(|unit| format!("systemd.unit={unit}")));
        words.join(" ")
    }
}
