//! The files of a direct boot in the cache: the kernel, the initramfs with our files appended, and
//! the facts.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::cpio::Archive;
use super::error::Error;
use super::image_files::{Identity, ImageFiles};
use super::layers::{ChainId, LabelsId};
use super::selinux::{self, Policy};
use super::{facts, initramfs, kernel, modules, scratch, unpack_kernel};
use crate::guest::boot::units;
use crate::host::fs::file::{self, IoContext};
use crate::image::Facts;

const INIT: &str = include_str!("../../vm-assets/direct/init");
const INSTALL_SCRIPT: &str = include_str!("../../vm-assets/direct/install");
const INSTALL_SERVICE: &str = include_str!("../../vm-assets/direct/podman-bootc-install.service");
const READY_SERVICE: &str = include_str!("../../vm-assets/units/podman-bootc-ready.service");
const AGENT: &str = include_str!("../../vm-assets/agent/agent");
const AGENT_SERVICE: &str = include_str!("../../vm-assets/units/podman-bootc-agent.service");
const AGENT_PATH: &str = include_str!("../../vm-assets/units/podman-bootc-agent.path");
const FREEZE: &str = include_str!("../../vm-assets/warm/freeze");
const FREEZE_SERVICE: &str = include_str!("../../vm-assets/warm/podman-bootc-freeze.service");
const THAW_SERVICE: &str = include_str!("../../vm-assets/warm/podman-bootc-thaw.service");

// The names that `vm-assets/direct/install` uses, too.

/// The systemd unit that runs an install.
pub const INSTALL_UNIT: &str = "podman-bootc-install.service";
/// The virtio-serial port between the install script and the host.
pub const INSTALL_CHANNEL: &str = "podman-bootc.install";
/// Serial of the disk that holds the image's content as an OCI folder.
pub const IMAGE_SERIAL: &str = "image";
/// The guest mounts that disk here.
pub const IMAGE_MOUNT: &str = "/run/podman-bootc/image";
/// Serial of the disk with a storage of podman, which has the image's bound images.
pub const BOUND_SERIAL: &str = "bound";
/// Serial of the disk to install to.
pub const OUTPUT_SERIAL: &str = "output";

/// The word on the kernel's command line that makes the guest wait for its identity.
pub const FREEZE_WORD: &str = "podman-bootc.freeze";

/// modprobe's index of the drivers that each driver needs.
const MODPROBE_INDEX: &str = "modules.dep.bin";

const VERSION: u32 = 9;
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
        let policy = self
            .policy
            .as_ref()
            .filter(|_| self.scratch_labels == self.policy);
        policy.filter(|_| selinux::can_label_erofs())
    }
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
    let dropins: String = units::first_boot_dropins()
        .flat_map(|(service, text)| [service.to_owned(), text])
        .collect();
    for asset in [
        INIT,
        INSTALL_SCRIPT,
        INSTALL_SERVICE,
        READY_SERVICE,
        AGENT,
        AGENT_SERVICE,
        AGENT_PATH,
        FREEZE,
        FREEZE_SERVICE,
        THAW_SERVICE,
        &dropins,
        &modules::REQUIRED.join(" "),
        &modules::VIRTIOFS.join(" "),
        &modules::SCRATCH.join(" "),
    ] {
        hash.update(asset);
        hash.update([0]);
    }
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

/// Fills `folder` with the kernel, the initramfs, the scratch disk and the facts of an image. It
/// links what another folder in `boots` has of the same files.
pub fn export(mounted: &Mounted, boots: &Path, folder: &Path) -> Result<(), Error> {
    let Mounted {
        path: source,
        architecture,
        layers,
        chains,
        policy,
    } = *mounted;
    let image = ImageFiles::new(source)?;
    let mut facts = facts::read(&image, architecture)?;
    let location = kernel::locate(&image)?;
    let sources = match &location.version {
        Some(version) => Drivers::find(&image, version)?.sources(&image, &location.files)?,
        None => vec![],
    };
    let boot_files = match find_same(boots, &sources) {
        Some((other, boot_files)) => {
            for name in [KERNEL, INITRAMFS] {
                let to = folder.join(name);
                fs::hard_link(other.join(name), &to).writing(&to)?;
            }
            boot_files
        }
        None => make(&image, &location, folder, sources)?,
    };
    facts.kernel.clone_from(&boot_files.version);
    facts.skipped_kernels = location.skipped;
    facts.kargs.extend(boot_files.kargs.iter().cloned());
    let debugfs = selinux::debugfs();
    let labels = debugfs.as_deref().zip(policy);
    let mut scratch_labels = labels.map(|(_, policy)| policy.id());
    let scratch = match scratch::program().filter(|_| boot_files.has_ext4) {
        Some(program) => {
            let chain = scratch::chain(layers, chains).cloned();
            let disk = folder.join(scratch::FILE);
            match find_scratch(boots, chain.as_ref(), scratch_labels.as_ref()) {
                Some(other) => fs::hard_link(other, &disk).writing(&disk)?,
                None => scratch::pack(&program, source, folder, labels)?,
            }
            chain
        }
        None => {
            scratch_labels = None;
            None
        }
    };
    let facts = FactsFile {
        version: VERSION,
        chains: chains.to_vec(),
        boot_files,
        scratch,
        scratch_labels,
        policy: policy.map(Policy::id),
        facts,
    };
    Ok(file::write_json(&folder.join(FACTS_FILE), &facts)?)
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

fn make(
    image: &ImageFiles,
    location: &kernel::Location,
    folder: &Path,
    sources: Vec<Source>,
) -> Result<BootFiles, Error> {
    let found = location.read(image)?;
    let drivers = Drivers::find(image, &found.version)?;
    let kernel = unpack_kernel::unpack(&found.kernel).unwrap_or(found.kernel);
    write(&folder.join(KERNEL), |out| out.write_all(&kernel))?;
    let files = drivers.open(image)?;
    let initramfs = initramfs::unpack(&found.initramfs).unwrap_or(found.initramfs);
    write(&folder.join(INITRAMFS), |out| {
        out.write_all(&initramfs)?;
        // The kernel looks for the next archive at a multiple of four bytes.
        out.write_all(&[0; 4][..(4 - initramfs.len() % 4) % 4])?;
        append(Archive::new(out), &drivers, &files)
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

/// The drivers to load before the root is mounted: files below `folder`, in load order.
struct Drivers {
    folder: String,
    /// For a root of block images.
    block: Vec<String>,
    /// For a root over virtiofs; `None` when the kernel lacks them.
    virtiofs: Option<Vec<String>>,
    /// For a scratch disk; `None` when the kernel lacks them.
    scratch: Option<Vec<String>>,
}

impl Drivers {
    fn find(image: &ImageFiles, version: &str) -> Result<Self, Error> {
        let folder = format!("usr/lib/modules/{version}");
        let text = |name: &str| {
            Ok::<_, Error>(image.text(&format!("{folder}/{name}"))?.unwrap_or_default())
        };
        let (dep, builtin) = (text("modules.dep")?, text("modules.builtin")?);
        let files = |drivers: &[&'static str]| {
            let files = modules::load_order(&dep, &builtin, drivers)?;
            Ok::<_, &'static str>(files.into_iter().map(str::to_owned).collect::<Vec<_>>())
        };
        let block = files(&modules::REQUIRED).map_err(|module| Error::NoDriver {
            kernel: version.to_owned(),
            module,
        })?;
        let virtiofs = files(&modules::VIRTIOFS).ok();
        let scratch = files(&modules::SCRATCH).ok();
        Ok(Self {
            folder,
            block,
            virtiofs,
            scratch,
        })
    }

    /// All files, each once.
    fn files(&self) -> Vec<&str> {
        let mut files: Vec<&str> = Vec::new();
        let optional = [&self.virtiofs, &self.scratch]
            .into_iter()
            .flatten()
            .flatten();
        for file in self.block.iter().chain(optional) {
            if !files.contains(&file.as_str()) {
                files.push(file);
            }
        }
        files
    }

    fn sources(&self, image: &ImageFiles, kernel: &[String]) -> Result<Vec<Source>, Error> {
        let drivers = self
            .files()
            .into_iter()
            .map(|file| format!("{}/{file}", self.folder));
        let paths = kernel.iter().cloned().chain(drivers);
        paths
            .map(|path| {
                Ok(Source {
                    identity: image.identity(&path)?,
                    path,
                })
            })
            .collect()
    }

    /// Opens the drivers, and the index for modprobe where the image has it.
    fn open(&self, image: &ImageFiles) -> Result<Vec<(&str, File)>, Error> {
        let open = |file| Ok((file, image.open(&format!("{}/{file}", self.folder))?));
        let mut files = self
            .files()
            .into_iter()
            .map(open)
            .collect::<Result<Vec<_>, Error>>()?;
        files.extend(open(MODPROBE_INDEX).ok());
        Ok(files)
    }
}

/// Adds our files: the first program, the drivers, and the files that it copies to the real
/// system's `/run`.
fn append(
    mut archive: Archive<impl Write>,
    drivers: &Drivers,
    files: &[(&str, File)],
) -> io::Result<()> {
    let base = "podman-bootc";
    archive.folder(base)?;
    archive.program(&format!("{base}/init"), INIT.as_bytes())?;
    // kmod acts as the program by whose name it is called. Not every initramfs has the links.
    for name in ["insmod", "modprobe"] {
        archive.link(&format!("{base}/{name}"), "/usr/bin/kmod")?;
    }
    let none = Vec::new();
    for (name, files) in [
        ("block", &drivers.block),
        ("virtiofs", drivers.virtiofs.as_ref().unwrap_or(&none)),
        (scratch::SERIAL, drivers.scratch.as_ref().unwrap_or(&none)),
    ] {
        let list: String = files.iter().map(|file| format!("{file}\n")).collect();
        archive.file(&format!("{base}/drivers.{name}"), list.as_bytes())?;
    }
    append_drivers(&mut archive, base, drivers, files)?;
    for folder in [
        "run",
        "run/podman-bootc",
        "run/systemd",
        "run/systemd/system",
        "run/systemd/system/multi-user.target.wants",
        "run/systemd/system/sysinit.target.wants",
    ] {
        archive.folder(&format!("{base}/{folder}"))?;
    }
    let units_folder = format!("{base}/run/systemd/system");
    archive.program(
        &format!("{base}/run/podman-bootc/install"),
        INSTALL_SCRIPT.as_bytes(),
    )?;
    archive.program(&format!("{base}/run/podman-bootc/agent"), AGENT.as_bytes())?;
    for (name, text) in [
        (INSTALL_UNIT, INSTALL_SERVICE),
        ("podman-bootc-ready.service", READY_SERVICE),
        ("podman-bootc-agent.service", AGENT_SERVICE),
        ("podman-bootc-agent.path", AGENT_PATH),
    ] {
        archive.file(&format!("{units_folder}/{name}"), text.as_bytes())?;
    }
    for (service, dropin) in units::first_boot_dropins() {
        let folder = format!("{units_folder}/{service}.service.d");
        archive.folder(&folder)?;
        archive.file(&format!("{folder}/podman-bootc.conf"), dropin.as_bytes())?;
    }
    for (target, name) in [
        ("multi-user", "podman-bootc-ready.service"),
        ("sysinit", "podman-bootc-agent.path"),
    ] {
        archive.link(
            &format!("{units_folder}/{target}.target.wants/{name}"),
            &format!("../{name}"),
        )?;
    }
    append_freeze(&mut archive, &format!("{base}/warm"))?;
    archive.finish()?.flush()
}

/// Adds the drivers in the places where modprobe looks for them, and a link to their folder.
fn append_drivers(
    archive: &mut Archive<impl Write>,
    base: &str,
    drivers: &Drivers,
    files: &[(&str, File)],
) -> io::Result<()> {
    let version = drivers.folder.rsplit('/').next().unwrap_or_default();
    let mut folders = BTreeSet::new();
    let paths: Vec<_> = files
        .iter()
        .map(|(name, file)| (format!("{base}/lib/modules/{version}/{name}"), file))
        .collect();
    for (path, _) in &paths {
        folders.extend(path.match_indices('/').map(|(end, _)| &path[..end]));
    }
    folders.remove(base);
    for folder in folders {
        archive.folder(folder)?;
    }
    // Some builds of kmod look below /usr.
    archive.folder(&format!("{base}/usr"))?;
    archive.link(&format!("{base}/usr/lib"), "../lib")?;
    archive.link(
        &format!("{base}/drivers"),
        &format!("lib/modules/{version}"),
    )?;
    for (path, file) in paths {
        archive.copy(&path, file)?;
    }
    Ok(())
}

/// Adds the files that only a machine with [`FREEZE_WORD`] copies to `/run`.
fn append_freeze(archive: &mut Archive<impl Write>, warm: &str) -> io::Result<()> {
    let units = format!("{warm}/systemd/system");
    for folder in [
        warm,
        &format!("{warm}/podman-bootc"),
        &format!("{warm}/systemd"),
        &units,
        &format!("{units}/sysinit.target.wants"),
    ] {
        archive.folder(folder)?;
    }
    archive.program(&format!("{warm}/podman-bootc/freeze"), FREEZE.as_bytes())?;
    for (name, text) in [
        ("podman-bootc-freeze.service", FREEZE_SERVICE),
        ("podman-bootc-thaw.service", THAW_SERVICE),
    ] {
        archive.file(&format!("{units}/{name}"), text.as_bytes())?;
        archive.link(
            &format!("{units}/sysinit.target.wants/{name}"),
            &format!("../{name}"),
        )?;
    }
    Ok(())
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
