//! An image in the cache that is ready for a direct boot.

use std::path::{Path, PathBuf};

use super::added_files::BOUND_SERIAL;
use super::boot_files::{FactsFile, INITRAMFS, KERNEL};
use super::layers::Block;
use super::{Error, erofs, modules, scratch, selinux};
use crate::hypervisor::Arch;
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
    /// All files have the labels of the image's SELinux policy.
    has_labels: bool,
    /// The block image with podman's storage of the bound images.
    pub bound: Option<PathBuf>,
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

/// The kernel's word for a disk with the bound images.
pub const BOUND_WORD: &str = "podman-bootc.bound";
/// The folder that the image's link `/usr/lib/bootc/storage` leads to, as `vm-assets/direct/init` has
/// it.
pub const BOUND_STORE: &str = "sysroot/ostree/bootc/storage";

/// The files of block images.
fn roots(blocks: &Path, stack: &[Block]) -> Vec<PathBuf> {
    let file = |block| erofs::data_file(blocks, block);
    stack.iter().map(file).collect()
}

impl BootImage {
    /// The image whose boot files are in `folder`, and whose root is a stack of block images in the
    /// folder `blocks`.
    pub(super) fn new(
        folder: &Path,
        file: FactsFile,
        blocks: &Path,
        stack: &[Block],
        transport: Transport,
    ) -> Result<Self, Error> {
        if transport == Transport::Virtiofs && !file.boot_files.has_virtiofs {
            return Err(Error::NoDriver {
                kernel: file.boot_files.version,
                module: modules::VIRTIOFS[0],
            });
        }
        Ok(Self {
            folder: folder.to_owned(),
            roots: roots(blocks, stack),
            userxattr: stack.iter().any(|block| block.userxattr),
            transport,
            has_scratch: file.scratch.is_some(),
            has_labels: stack.iter().any(|block| block.labels.is_some()),
            bound: None,
            facts: file.facts,
        })
    }

    /// The image as it will probably be, before its files exist.
    pub(super) fn expected(
        folder: &Path,
        blocks: &Path,
        stack: &[Block],
        transport: Transport,
    ) -> Self {
        Self {
            folder: folder.to_owned(),
            roots: roots(blocks, stack),
            userxattr: false,
            transport,
            has_scratch: scratch::can_make(),
            has_labels: false,
            bound: None,
            facts: Facts::default(),
        }
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
            has_labels: false,
            bound: None,
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

    /// The serials and files of the root's disks, and of the one with the bound images.
    pub fn disks(&self) -> impl Iterator<Item = (String, &Path)> {
        let bound = self.bound.iter();
        self.roots()
            .chain(bound.map(|file| (BOUND_SERIAL.to_owned(), file.as_path())))
    }

    /// The disk below the layer that a VM writes to; `None` where `/var` must be in memory.
    pub fn scratch(&self) -> Option<PathBuf> {
        self.has_scratch.then(|| self.folder.join(scratch::FILE))
    }

    /// True when the system enforces the image's SELinux policy if the image says so.
    pub fn has_labels(&self) -> bool {
        self.has_labels
    }

    /// Says why the files of an image with SELinux have no labels.
    pub fn why_no_labels(&self) -> &'static str {
        if self.is_shared() {
            "files over virtiofs can't have the labels of the image's policy"
        } else if !self.has_scratch {
            "files in memory can't have the labels of the image's policy"
        } else if !selinux::can_label_erofs() {
            "this host's `mkfs.erofs` can't label files (it lacks --file-contexts)"
        } else if selinux::debugfs().is_none() {
            "`debugfs` is not installed (package e2fsprogs)"
        } else {
            "the image has no `file_contexts` of the policy that it names"
        }
    }

    pub fn kernel(&self) -> PathBuf {
        self.folder.join(KERNEL)
    }

    pub fn initramfs(&self) -> PathBuf {
        self.folder.join(INITRAMFS)
    }

    /// The kernel's command line. systemd starts `unit` in place of the default target, with all
    /// changes in memory.
    pub fn cmdline(&self, arch: Arch, unit: Option<&str>) -> String {
        let mut stack: Vec<String> = self.roots().map(|(serial, _)| serial).collect();
        // overlayfs expects the uppermost layer first.
        stack.reverse();
        if self.is_shared() {
            stack.push(SHARED_ROOT.to_owned());
        }
        let mut words = vec![
            "rdinit=/podman-bootc/init".to_owned(),
            format!("podman-bootc.root={}", stack.join(",")),
            // The other disks don't belong to this system.
            "systemd.gpt_auto=0".to_owned(),
            // The questions of the first boot would wait for an answer.
            "systemd.firstboot=off".to_owned(),
        ];
        // Linux on x86 checks that the timer works, which fails on a busy host when QEMU emulates. A
        // guest of KVM leaves the check out, too (`paravirt_ops_setup` in its kvm.c).
        if arch == Arch::X86_64 {
            words.push("no_timer_check".to_owned());
        }
        if self.has_scratch && unit.is_none() {
            words.push(format!("podman-bootc.{}", scratch::SERIAL));
        }
        if self.userxattr {
            words.push("podman-bootc.userxattr".to_owned());
        }
        if let Some(bound) = self.bound.as_ref().filter(|_| unit.is_none()) {
            // Another set of images is another word.
            let name = bound.file_stem().unwrap_or_default().to_string_lossy();
            words.push(format!("{BOUND_WORD}={name}"));
        }
        // An install's /var and /etc are in memory, without labels.
        if self.has_labels && unit.is_none() {
            words.push("podman-bootc.labels".to_owned());
        } else if self.facts.selinux {
            words.push("enforcing=0".to_owned());
        }
        words.extend(self.facts.kargs.iter().cloned());
        // The tool reads this console, and the last one is /dev/console.
        words.push(format!("console={}", arch.serial_console()));
        words.extend(unit.map(|unit| format!("systemd.unit={unit}")));
        words.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bound_images_are_no_part_of_the_root() {
        for (transport, root) in [
            (Transport::Erofs, "podman-bootc.root=root1,root0 "),
            (Transport::Virtiofs, "podman-bootc.root=virtiofs "),
        ] {
            let mut boot = BootImage::sample(transport);
            boot.bound = Some("/cache/layers/bound-1.user.erofs".into());
            let serials: Vec<String> = boot.disks().map(|(serial, _)| serial).collect();
            assert!(serials.ends_with(&[BOUND_SERIAL.to_owned()]), "{serials:?}");
            let cmdline = boot.cmdline(Arch::X86_64, None);
            assert!(cmdline.contains(root), "{cmdline}");
            let word = " podman-bootc.bound=bound-1.user ";
            assert!(cmdline.contains(word), "{cmdline}");
            let install = boot.cmdline(Arch::X86_64, Some("x"));
            assert!(!install.contains("bound"), "{install}");
        }
    }
}
