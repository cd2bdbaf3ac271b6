//! From an image's mounted filesystem to the files of a direct boot.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use sha2::{Digest, Sha256};

use super::cpio::Archive;
use super::stack::Chain;
use super::tree::Tree;
use super::{
    Error, FACTS_FILE, FactsFile, INITRAMFS, INSTALL_UNIT, KERNEL, VERSION, facts, kernel, modules, vmlinux,
};
use crate::host::file;

const INIT: &str = include_str!("../../vm-assets/direct/init");
const INSTALL_SCRIPT: &str = include_str!("../../vm-assets/direct/install");
const INSTALL_SERVICE: &str = include_str!("../../vm-assets/direct/podman-bootc-install.service");
const READY_SERVICE: &str = include_str!("../../vm-assets/units/podman-bootc-ready.service");

/// A name for this state of all that comes from this program: eight hex digits.
pub fn assets_digest() -> String {
    let mut hash = Sha256::new();
    for asset in [INIT, INSTALL_SCRIPT, INSTALL_SERVICE, READY_SERVICE, &modules::REQUIRED.join(" ")] {
        hash.update(asset);
        hash.update([0]);
    }
    hash.update(VERSION.to_le_bytes());
    hash.finalize().iter().take(4).map(|byte| format!("{byte:02x}")).collect()
}

/// Fills `folder` with kernel, initramfs and facts from the image's root filesystem at `source`.
///
/// # Errors
/// The image lacks something that a direct boot needs, or a file can't be read or written.
pub fn export(source: &Path, folder: &Path, architecture: &str, chains: &[Chain]) -> Result<(), Error> {
    let tree = Tree::new(source)?;
    let found = kernel::find(&tree)?;
    let mut facts = facts::read(&tree, architecture)?;
    facts.kernel.clone_from(&found.version);
    facts.kargs.extend(found.kargs);
    let drivers = drivers(&tree, &found.version)?;

    let kernel = vmlinux::unpack(&found.kernel).unwrap_or(found.kernel);
    write(&folder.join(KERNEL), |out| out.write_all(&kernel))?;
    write(&folder.join(INITRAMFS), |out| {
        out.write_all(&found.initramfs)?;
        // The kernel looks for the next archive at a multiple of four bytes.
        out.write_all(&[0; 4][..(4 - found.initramfs.len() % 4) % 4])?;
        append(Archive::new(out), &drivers)
    })?;
    let facts = FactsFile { version: VERSION, chains: chains.to_vec(), facts };
    Ok(file::write_json(&folder.join(FACTS_FILE), &facts)?)
}

/// The driver files to load early, with their names in the initramfs, in order.
fn drivers(tree: &Tree, version: &str) -> Result<Vec<(String, File)>, Error> {
    let folder = format!("usr/lib/modules/{version}");
    let text = |name: &str| Ok::<_, Error>(tree.text(&format!("{folder}/{name}"))?.unwrap_or_default());
    let (dep, builtin) = (text("modules.dep")?, text("modules.builtin")?);
    let files = modules::load_order(&dep, &builtin)
        .map_err(|module| Error::NoDriver { kernel: version.to_owned(), module })?;
    files
        .into_iter()
        .map(|file| {
            let name = file.rsplit('/').next().unwrap_or(file).to_owned();
            Ok((name, tree.open(&format!("{folder}/{file}"))?))
        })
        .collect()
}

/// Our files: the first program, the drivers, and what it puts into the real system's `/run`.
fn append(mut archive: Archive<impl Write>, drivers: &[(String, File)]) -> io::Result<()> {
    let base = "podman-bootc";
    archive.folder(base)?;
    archive.program(&format!("{base}/init"), INIT.as_bytes())?;
    // kmod is insmod when it is called so; not every initramfs has the link.
    archive.link(&format!("{base}/insmod"), "/usr/bin/kmod")?;
    archive.folder(&format!("{base}/drivers"))?;
    let names: String = drivers.iter().map(|(name, _)| format!("{name}\n")).collect();
    archive.file(&format!("{base}/drivers.list"), names.as_bytes())?;
    for (name, file) in drivers {
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
        out.flush()
    };
    make().map_err(|source| Error::Write { path: path.to_owned(), source })
}
