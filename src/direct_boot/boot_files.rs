//! The files of a direct boot in the cache: the kernel, the initramfs with our files appended, and
//! the facts.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::cpio::Archive;
use super::drivers::Drivers;
use super::error::Error;
use super::image_files::{Identity, ImageFiles};
use super::layers::{ChainId, LabelsId};
use super::selinux::{self, Policy};
use super::{added_files, facts, initramfs, kernel, scratch, unpack_kernel};
use crate::host::fs::file::{self, IoContext};
use crate::image::Facts;

const VERSION: u32 = 10;
const FACTS_FILE: &str = "boot.json";
pub const KERNEL: &str = "kernel";
pub const INITRAMFS: &str = "initramfs";

/// The content of `boot.json`.
#[derive(Debug, Serialize, Deserialize)]
pub struct FactsFile {
    version: u32,
    /// The image's layers, the lowest first.
    pub chains: Vec<ChainId>,
    #[serde(rename = "made")]
    pub boot_files: BootFiles,
    /// The layers of the scratch disk's content; `None` where the image has no scratch disk.
    pub scratch: Option<ChainId>,
    /// The labels of the scratch disk's files.
    scratch_labels: Option<LabelsId>,
    /// The labels that the image's policy gives.
    policy: Option<LabelsId>,
    #[serde(flatten)]
    pub facts: Facts,
}

impl FactsFile {
    /// The labels that a boot of this image needs and this host can give. A boot enforces a policy
    /// only if all files have labels.
    pub fn labels(&self) -> Option<&LabelsId> {
        labels(self.policy.as_ref(), self.scratch_labels.as_ref())
    }
}

/// Returns the labels of a boot with this policy and this scratch disk.
fn labels<'a>(policy: Option<&'a LabelsId>, scratch: Option<&LabelsId>) -> Option<&'a LabelsId> {
    policy.filter(|_| scratch == policy && selinux::can_label_erofs())
}

/// The kernel and the initramfs in a folder of the cache.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BootFiles {
    /// The kernel's version.
    pub version: String,
    /// The command line in a UKI.
    kargs: Vec<String>,
    /// The initramfs has the drivers for a root over virtiofs.
    #[serde(rename = "shares")]
    pub has_virtiofs: bool,
    /// The initramfs has the drivers for a scratch disk.
    has_ext4: bool,
    /// The image's files that they were made from. Empty when only the UKI's content tells the
    /// kernel's version.
    sources: Vec<Source>,
}

/// A file in an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Source {
    path: String,
    identity: Identity,
}

/// Eight hex digits that change with every asset that this program adds, and when a program that makes
/// files appears on the host: without it, an image has no scratch disk or no labels.
pub fn assets_digest() -> String {
    let mut hash = Sha256::new();
    added_files::hash(&mut hash);
    hash.update(VERSION.to_le_bytes());
    hash.update([scratch::program(), selinux::debugfs()].map(|found| u8::from(found.is_some())));
    hash.finalize()
        .iter()
        .take(4)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

pub fn read_facts(folder: &Path) -> Result<FactsFile, file::Error> {
    file::read_json(&folder.join(FACTS_FILE), VERSION)
}

/// Reads the facts of the system in the image that is mounted at `source`.
///
/// # Errors
/// The image has no kernel, or a file can't be read.
pub fn facts_of(source: &Path, architecture: &str) -> Result<Facts, Error> {
    let image = ImageFiles::new(source)?;
    let mut facts = facts::read(&image, architecture)?;
    let location = kernel::locate(&image)?;
    facts.kernel = match &location.version {
        Some(version) => version.clone(),
        None => location.read(&image)?.version,
    };
    facts.skipped_kernels = location.skipped;
    Ok(facts)
}

/// An image whose files are exported.
pub struct Mounted<'a> {
    /// The folder where the image is mounted.
    pub path: &'a Path,
    /// Linux' name, as in `x86_64`.
    pub architecture: &'a str,
    /// The folders of the image's layers, the lowest first, if podman knows them.
    pub layers: Option<&'a [PathBuf]>,
    pub chains: &'a [ChainId],
    pub policy: Option<&'a Policy>,
}

/// An image's boot files, before they are written.
pub struct Export<'a> {
    mounted: Mounted<'a>,
    image: ImageFiles,
    facts: Facts,
    source: BootSource,
    /// The program that makes the scratch disk; `None` if the kernel has no driver for the disk.
    scratch: Option<PathBuf>,
    /// The program that labels the files of that disk.
    debugfs: Option<PathBuf>,
}

/// The origin of a kernel and an initramfs.
enum BootSource {
    /// This folder of the cache, which was made from the same files of another image.
    Cache(PathBuf, BootFiles),
    Image(Box<NewBoot>),
}

/// A kernel and an initramfs to make.
struct NewBoot {
    found: kernel::Kernel,
    drivers: Drivers,
    sources: Vec<Source>,
}

impl<'a> Export<'a> {
    /// Looks at an image, and at the folders in `boots`, which may have the same files.
    ///
    /// # Errors
    /// The image has no kernel, or a file can't be read.
    pub fn plan(mounted: Mounted<'a>, boots: &Path) -> Result<Self, Error> {
        let image = ImageFiles::new(mounted.path)?;
        let mut facts = facts::read(&image, mounted.architecture)?;
        let location = kernel::locate(&image)?;
        let sources = match &location.version {
            Some(version) => sources(&image, &Drivers::find(&image, version)?, &location.files)?,
            None => vec![],
        };
        let source = match find_same(boots, &sources) {
            Some((folder, boot_files)) => BootSource::Cache(folder, boot_files),
            None => {
                let found = location.read(&image)?;
                let drivers = Drivers::find(&image, &found.version)?;
                BootSource::Image(Box::new(NewBoot {
                    found,
                    drivers,
                    sources,
                }))
            }
        };
        facts.skipped_kernels = location.skipped;
        let has_ext4 = match &source {
            BootSource::Cache(_, boot_files) => boot_files.has_ext4,
            BootSource::Image(new) => new.drivers.scratch.is_some(),
        };
        Ok(Self {
            mounted,
            image,
            facts,
            source,
            scratch: scratch::program().filter(|_| has_ext4),
            debugfs: selinux::debugfs(),
        })
    }

    fn scratch_labels(&self) -> Option<LabelsId> {
        let policy = self.mounted.policy?;
        (self.scratch.is_some() && self.debugfs.is_some()).then(|| policy.id())
    }

    /// Returns what [`FactsFile::labels`] returns for the files once they are written.
    pub fn labels(&self) -> Option<LabelsId> {
        let policy = self.mounted.policy.map(Policy::id);
        labels(policy.as_ref(), self.scratch_labels().as_ref()).cloned()
    }

    /// Fills `folder` with the kernel, the initramfs, the scratch disk and the facts. It links what
    /// another folder in `boots` has of the same files.
    pub fn write(self, boots: &Path, folder: &Path) -> Result<(), Error> {
        let scratch_labels = self.scratch_labels();
        let Self {
            mounted,
            image,
            mut facts,
            source,
            scratch,
            debugfs,
        } = self;
        let boot_files = match source {
            BootSource::Cache(other, boot_files) => {
                for name in [KERNEL, INITRAMFS] {
                    let to = folder.join(name);
                    fs::hard_link(other.join(name), &to).writing(&to)?;
                }
                boot_files
            }
            BootSource::Image(new) => make(&image, folder, *new)?,
        };
        facts.kernel.clone_from(&boot_files.version);
        facts.kargs.extend(boot_files.kargs.iter().cloned());
        let scratch = match scratch {
            Some(program) => {
                let chain = scratch::chain(mounted.layers, mounted.chains).cloned();
                let disk = folder.join(scratch::FILE);
                match find_scratch(boots, chain.as_ref(), scratch_labels.as_ref()) {
                    Some(other) => fs::hard_link(other, &disk).writing(&disk)?,
                    None => {
                        let labels = debugfs.as_deref().zip(mounted.policy);
                        scratch::pack(&program, mounted.path, folder, labels)?;
                    }
                }
                chain
            }
            None => None,
        };
        let facts = FactsFile {
            version: VERSION,
            chains: mounted.chains.to_vec(),
            boot_files,
            scratch,
            scratch_labels,
            policy: mounted.policy.map(Policy::id),
            facts,
        };
        Ok(file::write_json(&folder.join(FACTS_FILE), &facts)?)
    }
}

/// Finds the scratch disk of another image that has the same content.
fn find_scratch(
    boots: &Path,
    chain: Option<&ChainId>,
    labels: Option<&LabelsId>,
) -> Option<PathBuf> {
    let disk = (Some(chain?), labels);
    let disk_of =
        |facts: &FactsFile| (facts.scratch.as_ref(), facts.scratch_labels.as_ref()) == disk;
    file::entries(boots)
        .map(|entry| entry.path())
        .find(|folder| read_facts(folder).is_ok_and(|facts| disk_of(&facts)))
        .map(|folder| folder.join(scratch::FILE))
}

/// Finds a folder whose kernel and initramfs this version of the program made from the same files.
fn find_same(boots: &Path, sources: &[Source]) -> Option<(PathBuf, BootFiles)> {
    let suffix = format!("-{}", assets_digest());
    file::entries(boots)
        .map(|entry| entry.path())
        .filter(|folder| folder.to_string_lossy().ends_with(&suffix))
        .filter_map(|folder| Some((read_facts(&folder).ok()?.boot_files, folder)))
        .find(|(boot_files, _)| !sources.is_empty() && boot_files.sources == sources)
        .map(|(boot_files, folder)| (folder, boot_files))
}

fn make(image: &ImageFiles, folder: &Path, new: NewBoot) -> Result<BootFiles, Error> {
    let NewBoot {
        found,
        drivers,
        sources,
    } = new;
    let kernel = unpack_kernel::unpack(&found.kernel).unwrap_or(found.kernel);
    write(&folder.join(KERNEL), |out| out.write_all(&kernel))?;
    let files = drivers.open(image)?;
    let initramfs = initramfs::unpack(&found.initramfs).unwrap_or(found.initramfs);
    write(&folder.join(INITRAMFS), |out| {
        out.write_all(&initramfs)?;
        // The kernel looks for the next archive at a multiple of four bytes.
        out.write_all(&[0; 4][..(4 - initramfs.len() % 4) % 4])?;
        added_files::append(Archive::new(out), &drivers, &files)
    })?;
    let (has_virtiofs, has_ext4) = (drivers.virtiofs.is_some(), drivers.scratch.is_some());
    Ok(BootFiles {
        version: found.version,
        kargs: found.kargs,
        has_virtiofs,
        has_ext4,
        sources,
    })
}

/// Returns the image's files that make the boot files.
fn sources(image: &ImageFiles, drivers: &Drivers, kernel: &[String]) -> Result<Vec<Source>, Error> {
    let paths = kernel.iter().cloned().chain(drivers.paths());
    paths
        .map(|path| {
            Ok(Source {
                identity: image.identity(&path)?,
                path,
            })
        })
        .collect()
}

fn write(
    path: &Path,
    fill: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> Result<(), Error> {
    let make = || {
        let mut out = BufWriter::new(file::create_private(path)?);
        fill(&mut out)?;
        // The facts file says that this file is complete, and is synced, too.
        out.into_inner()?.sync_all()
    };
    Ok(make().writing(path)?)
}
