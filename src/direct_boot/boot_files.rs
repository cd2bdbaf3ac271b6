//! From an image's mounted filesystem to the files of a direct boot.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::cpio::Archive;
use super::image_files::Tree;
use super::layers::Chain;
use super::{
    Error, FACTS_FILE, FactsFile, INITRAMFS, INSTALL_UNIT, KERNEL, Made, Source, VERSION, facts, kernel,
    modules, unpack_kernel,
};
use crate::host::fs::file;

const INIT: &str = include_str!("../../vm-assets/direct/init");
const INSTALL_SCRIPT: &str = include_str!("../../vm-assets/direct/install");
const INSTALL_SERVICE: &str = include_str!("../../vm-assets/direct/podman-bootc-install.service");
const READY_SERVICE: &str = include_str!("../../vm-assets/units/podman-bootc-ready.service");

/// A name for this state of all that comes from this program: eight hex digits.
pub fn assets_digest() -> String {
    let mut hash = Sha256::new();
    for asset in [
        INIT,
        INSTALL_SCRIPT,
        INSTALL_SERVICE,
        READY_SERVICE,
        &modules::REQUIRED.join(" "),
        &modules::SHARE.join(" "),
    ] {
        hash.update(asset);
        hash.update([0]);
    }
    hash.update(VERSION.to_le_bytes());
    hash.finalize().iter().take(4).map(|byte| format!("{byte:02x}")).collect()
}

/// Fills `folder` with kernel, initramfs and facts from the image's root filesystem at `source`. Kernel and
/// initramfs are those of another folder below `boots` where they were made of the same files.
///
/// # Errors
/// The image lacks something that a direct boot needs, or a file can't be read or written.
pub fn export(
    source: &Path,
    boots: &Path,
    folder: &Path,
    architecture: &str,
    chains: &[Chain],
) -> Result<(), Error> {
    let tree = Tree::new(source)?;
    let mut facts = facts::read(&tree, architecture)?;
    let place = kernel::locate(&tree)?;
    let sources = match &place.version {
        Some(version) => Drivers::find(&tree, version)?.sources(&tree, &place.files)?,
        None => vec![],
    };
    let made = match twin(boots, &sources) {
        Some((twin, made)) => {
            for name in [KERNEL, INITRAMFS] {
                let to = folder.join(name);
                fs::hard_link(twin.join(name), &to)
                    .map_err(|source| Error::Write { path: to.clone(), source })?;
            }
            made
        }
        None => make(&tree, &place, folder, sources)?,
    };
    facts.kernel.clone_from(&made.version);
    facts.kargs.extend(made.kargs.iter().cloned());
    let facts = FactsFile { version: VERSION, chains: chains.to_vec(), made, facts };
    Ok(file::write_json(&folder.join(FACTS_FILE), &facts)?)
}

/// The folder of an image whose kernel and initramfs were made of the same files by the same program.
fn twin(boots: &Path, sources: &[Source]) -> Option<(PathBuf, Made)> {
    let program = format!("-{}", assets_digest());
    let is_ours = |folder: &PathBuf| folder.to_string_lossy().ends_with(&program);
    let folders = fs::read_dir(boots).ok()?.flatten().map(|entry| entry.path()).filter(is_ours);
    let mut made = folders.filter_map(|folder| {
        let facts: FactsFile = file::read_json(&folder.join(FACTS_FILE), VERSION).ok()?;
        Some((folder, facts.made))
    });
    made.find(|(_, made)| !sources.is_empty() && made.sources == sources)
}

fn make(tree: &Tree, place: &kernel::Place, folder: &Path, sources: Vec<Source>) -> Result<Made, Error> {
    let found = place.read(tree)?;
    let drivers = Drivers::find(tree, &found.version)?;
    let kernel = unpack_kernel::unpack(&found.kernel).unwrap_or(found.kernel);
    write(&folder.join(KERNEL), |out| out.write_all(&kernel))?;
    let files = drivers.open(tree)?;
    write(&folder.join(INITRAMFS), |out| {
        out.write_all(&found.initramfs)?;
        // The kernel looks for the next archive at a multiple of four bytes.
        out.write_all(&[0; 4][..(4 - found.initramfs.len() % 4) % 4])?;
        append(Archive::new(out), &drivers, &files)
    })?;
    Ok(Made { version: found.version, kargs: found.kargs, shares: drivers.share.is_some(), sources })
}

/// The drivers to load early: files below `folder`, in order.
struct Drivers {
    folder: String,
    /// For a root of block images.
    block: Vec<String>,
    /// For a root over virtiofs, if the kernel has it.
    share: Option<Vec<String>>,
}

impl Drivers {
    fn find(tree: &Tree, version: &str) -> Result<Self, Error> {
        let folder = format!("usr/lib/modules/{version}");
        let text = |name: &str| Ok::<_, Error>(tree.text(&format!("{folder}/{name}"))?.unwrap_or_default());
        let (dep, builtin) = (text("modules.dep")?, text("modules.builtin")?);
        let files = |drivers: &[&'static str]| {
            let files = modules::load_order(&dep, &builtin, drivers)?;
            Ok::<_, &'static str>(files.into_iter().map(str::to_owned).collect::<Vec<_>>())
        };
        let block = files(&modules::REQUIRED)
            .map_err(|module| Error::NoDriver { kernel: version.to_owned(), module })?;
        let share = files(&modules::SHARE).ok();
        Ok(Self { folder, block, share })
    }

    /// All their files, each once.
    fn files(&self) -> Vec<&str> {
        let mut files: Vec<&str> = Vec::new();
        for file in self.block.iter().chain(self.share.iter().flatten()) {
            if !files.contains(&file.as_str()) {
                files.push(file);
            }
        }
        files
    }

    fn sources(&self, tree: &Tree, kernel: &[String]) -> Result<Vec<Source>, Error> {
        let drivers = self.files().into_iter().map(|file| format!("{}/{file}", self.folder));
        let paths = kernel.iter().cloned().chain(drivers);
        paths.map(|path| Ok(Source { identity: tree.identity(&path)?, path })).collect()
    }

    fn open(&self, tree: &Tree) -> Result<Vec<(&str, File)>, Error> {
        let open = |file| Ok((base_name(file), tree.open(&format!("{}/{file}", self.folder))?));
        self.files().into_iter().map(open).collect()
    }
}

fn base_name(file: &str) -> &str {
    file.rsplit('/').next().unwrap_or(file)
}

/// Our files: the first program, the drivers, and what it puts into the real system's `/run`.
fn append(mut archive: Archive<impl Write>, drivers: &Drivers, files: &[(&str, File)]) -> io::Result<()> {
    let base = "podman-bootc";
    archive.folder(base)?;
    archive.program(&format!("{base}/init"), INIT.as_bytes())?;
    // kmod is insmod when it is called so; not every initramfs has the link.
    archive.link(&format!("{base}/insmod"), "/usr/bin/kmod")?;
    archive.folder(&format!("{base}/drivers"))?;
    let list =
        |files: &[String]| files.iter().map(|file| format!("{}\n", base_name(file))).collect::<String>();
    archive.file(&format!("{base}/drivers.block"), list(&drivers.block).as_bytes())?;
    let share = drivers.share.as_deref().unwrap_or_default();
    archive.file(&format!("{base}/drivers.virtiofs"), list(share).as_bytes())?;
    for (name, file) in files {
        archive.copy(&format!("{base}/drivers/{name}"), file)?;
    }
    for folder in [
        "run",
        "run/podman-bootc",
        "run/systemd",
        "run/systemd/system",
        "run/systemd/system/multi-user.target.wants",
    ] {
        archive.folder(&format!("{base}/{folder}"))?;
    }
    let units = format!("{base}/run/systemd/system");
    archive.program(&format!("{base}/run/podman-bootc/install"), INSTALL_SCRIPT.as_bytes())?;
    archive.file(&format!("{units}/{INSTALL_UNIT}"), INSTALL_SERVICE.as_bytes())?;
    archive.file(&format!("{units}/podman-bootc-ready.service"), READY_SERVICE.as_bytes())?;
    archive.link(
        &format!("{units}/multi-user.target.wants/podman-bootc-ready.service"),
        "../podman-bootc-ready.service",
    )?;
    archive.finish()?.flush()
}

fn write(path: &Path, fill: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) -> Result<(), Error> {
    let make = || {
        let mut out = BufWriter::new(file::create_private(path)?);
        fill(&mut out)?;
        // The facts beside it, which say that it is whole, are synced, too.
        out.into_inner()?.sync_all()
    };
    make().map_err(|source| Error::Write { path: path.to_owned(), source })
}
