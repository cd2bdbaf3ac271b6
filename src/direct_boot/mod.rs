//! Direct boot: a machine started from an image's own kernel and initramfs, with no disk of its own.
//!
//! Everything that it needs of the image is read once, from the image's mounted filesystem, into a cache: the
//! kernel, the initramfs with our few files appended, and the root as a stack of read-only block images.

mod boot_files;
mod cache;
mod cpio;
mod erofs;
mod facts;
mod image_files;
mod kernel;
mod layers;
mod modules;
mod mount_namespace;
mod overlay;
mod served_root;
mod unpack_kernel;

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use boot_files::{assets_digest, export};
pub use cache::{Roots, Work};
pub use erofs::pack;
use layers::Chain;
pub use served_root::Share;

use crate::image::Facts;

/// The disks that the root is made of have this serial, with their number from the lowest up.
const ROOT_SERIAL: &str = "root";

/// In place of disks: the root is shared. The guest mounts it by this name, too.
pub const SHARED_ROOT: &str = "virtiofs";

/// The systemd unit that runs an install.
pub const INSTALL_UNIT: &str = "podman-bootc-install.service";
/// Name of the channel that the install talks on.
pub const INSTALL_CHANNEL: &str = "podman-bootc.install";
/// Serial of the disk that holds the image's content as an OCI folder.
pub const IMAGE_SERIAL: &str = "image";
/// Where the guest mounts that disk.
pub const IMAGE_MOUNT: &str = "/run/podman-bootc/image";
/// Serial of the disk to install to.
pub const OUTPUT_SERIAL: &str = "output";

const VERSION: u32 = 4;
const FACTS_FILE: &str = "boot.json";
const KERNEL: &str = "kernel";
const INITRAMFS: &str = "initramfs";

/// An image that can be booted directly.
#[derive(Debug, Clone)]
pub struct BootImage {
    folder: PathBuf,
    /// Block images of its root, the lowest first.
    roots: Vec<PathBuf>,
    /// overlayfs' marks in them are `user.` attributes.
    user_marks: bool,
    transport: Transport,
    /// What the image's files told.
    pub facts: Facts,
}

/// How the image's root reaches the guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Transport {
    /// As block images, which are made of the image's layers and kept.
    #[default]
    Erofs,
    /// As the image's own files, through virtiofsd: nothing is converted.
    Virtiofs,
}

#[derive(Debug, Serialize, Deserialize)]
struct FactsFile {
    version: u32,
    /// The image's layers.
    chains: Vec<Chain>,
    /// Kernel and initramfs.
    made: Made,
    #[serde(flatten)]
    facts: Facts,
}

/// A kernel and an initramfs that were made ready, and of what.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Made {
    /// The kernel's version.
    version: String,
    /// The command line that a UKI brings.
    kargs: Vec<String>,
    /// They can mount a root over virtiofs.
    shares: bool,
    /// The image's files that they were made of; none where that can't be told without reading them.
    sources: Vec<Source>,
}

/// A file of an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Source {
    path: String,
    identity: image_files::Identity,
}

/// An image can't be made ready for a direct boot.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It has no kernel.
    #[error("the image has no kernel: no /usr/lib/modules/VERSION/vmlinuz, and no UKI below /boot/EFI/Linux")]
    NoKernel,
    /// A kernel without an initramfs.
    #[error("the image's kernel {0} has no initramfs: no /usr/lib/modules/{0}/initramfs.img")]
    NoInitramfs(String),
    /// A unified kernel image that is not one.
    #[error("{path} in the image is no unified kernel image: {reason}")]
    Uki {
        /// The file in the image.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A driver that a direct boot can't do without.
    #[error("the image's kernel {kernel} has no driver {module}, which a direct boot needs")]
    NoDriver {
        /// Its version.
        kernel: String,
        /// The driver.
        module: &'static str,
    },
    /// A file of the image can't be read.
    #[error("can't read {path} of the image")]
    Read {
        /// The file in the image.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A file of ours can't be written.
    #[error("can't write {path}")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// There is no program to make a block image with.
    #[error("mkfs.erofs is not installed (package erofs-utils); `podman-bootc doctor` lists what is missing")]
    NoMkfs,
    /// The block image can't be made.
    #[error("can't make a block image")]
    Mkfs(#[source] crate::host::process::Error),
    /// podman fails.
    #[error(transparent)]
    Image(#[from] crate::image::Error),
    /// The process that reads the image failed.
    #[error("{0}")]
    Apart(String),
    /// The tool was interrupted.
    #[error(transparent)]
    Interrupted(#[from] crate::host::process::interrupt::Interrupted),
    /// The facts can't be kept or read.
    #[error(transparent)]
    Facts(#[from] crate::host::fs::file::Error),
}

/// The facts of the system in the image that is mounted at `source`.
///
/// # Errors
/// It has no kernel, or can't be read.
pub fn facts_of(source: &Path, architecture: &str) -> Result<Facts, Error> {
    let tree = image_files::Tree::new(source)?;
    let mut facts = facts::read(&tree, architecture)?;
    let place = kernel::locate(&tree)?;
    facts.kernel = match place.version {
        Some(version) => version,
        None => place.read(&tree)?.version,
    };
    Ok(facts)
}

/// The layers of the image that `folder` was filled from.
fn read_chains(folder: &Path) -> Option<Vec<Chain>> {
    let file: FactsFile = crate::host::fs::file::read_json(&folder.join(FACTS_FILE), VERSION).ok()?;
    Some(file.chains)
}

impl BootImage {
    /// A boot image for tests.
    #[cfg(test)]
    pub(crate) fn sample(transport: Transport) -> Self {
        let layers = match transport {
            Transport::Erofs => &["lower.erofs", "upper.erofs"][..],
            Transport::Virtiofs => &[],
        };
        Self {
            folder: "/cache/one".into(),
            roots: layers.iter().map(|file| Path::new("/cache/layers").join(file)).collect(),
            user_marks: false,
            transport,
            facts: Facts { kargs: vec!["quiet".into()], ..Facts::default() },
        }
    }

    fn open(
        folder: &Path,
        roots: Vec<PathBuf>,
        user_marks: bool,
        transport: Transport,
    ) -> Result<Self, Error> {
        let file: FactsFile = crate::host::fs::file::read_json(&folder.join(FACTS_FILE), VERSION)?;
        if transport == Transport::Virtiofs && !file.made.shares {
            return Err(Error::NoDriver { kernel: file.made.version, module: modules::SHARE[0] });
        }
        Ok(Self { folder: folder.to_owned(), roots, user_marks, transport, facts: file.facts })
    }

    /// True when its root is shared, and not on disks.
    pub fn is_shared(&self) -> bool {
        self.transport == Transport::Virtiofs
    }

    /// The disks of its root, with their serials.
    pub fn roots(&self) -> impl Iterator<Item = (String, &Path)> {
        self.roots.iter().enumerate().map(|(n, file)| (format!("{ROOT_SERIAL}{n}"), file.as_path()))
    }

    /// The kernel.
    pub fn kernel(&self) -> PathBuf {
        self.folder.join(KERNEL)
    }

    /// The initramfs, ours appended.
    pub fn initramfs(&self) -> PathBuf {
        self.folder.join(INITRAMFS)
    }

    /// The kernel's command line; `unit` is started in place of the default target.
    pub fn cmdline(&self, console: &str, unit: Option<&str>) -> String {
        let mut stack: Vec<String> = self.roots().map(|(serial, _)| serial).collect();
        // The uppermost first, as overlayfs wants them.
        stack.reverse();
        if self.is_shared() {
            stack.push(SHARED_ROOT.to_owned());
        }
        let mut words = vec![
            "rdinit=/podman-bootc/init".to_owned(),
            format!("console={console}"),
            format!("podman-bootc.root={}", stack.join(",")),
            // The disks beside the root are not this system's.
            "systemd.gpt_auto=0".to_owned(),
            // Nobody is there to answer questions.
            "systemd.firstboot=off".to_owned(),
        ];
        if self.user_marks {
            words.push("podman-bootc.userxattr".to_owned());
        }
        if self.facts.selinux {
            // The block image carries no labels of the image's policy yet.
            words.push("enforcing=0".to_owned());
        }
        words.extend(self.facts.kargs.iter().cloned());
        words.extend(unit.map(|unit| format!("systemd.unit={unit}")));
        words.join(" ")
    }
}
