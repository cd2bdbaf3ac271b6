//! The files that the tool adds to an initramfs: the first program, the drivers, and what that program
//! copies to the real system's `/run`.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Write};

use sha2::{Digest, Sha256};

use super::cpio::Archive;
use super::drivers::Drivers;
use super::{modules, scratch};
use crate::guest::boot::units;

const INIT: &str = include_str!("../../vm-assets/direct/init");
pub const TRANSIENT_ROOT: &str = include_str!("../../vm-assets/direct/transient-root");
const INSTALL_SCRIPT: &str = include_str!("../../vm-assets/direct/install");
const INSTALL_SERVICE: &str = include_str!("../../vm-assets/direct/podman-bootc-install.service");
const READY_SERVICE: &str = include_str!("../../vm-assets/units/podman-bootc-ready.service");
const AGENT: &str = include_str!("../../vm-assets/agent/agent");
const AGENT_SERVICE: &str = include_str!("../../vm-assets/units/podman-bootc-agent.service");
const AGENT_PATH: &str = include_str!("../../vm-assets/units/podman-bootc-agent.path");
const FREEZE: &str = include_str!("../../vm-assets/warm/freeze");
const FREEZE_SERVICE: &str = include_str!("../../vm-assets/warm/podman-bootc-freeze.service");

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

/// Adds every file's text to a hash.
pub fn hash(hash: &mut Sha256) {
    let dropins: String = units::first_boot_dropins()
        .flat_map(|(service, text)| [service.to_owned(), text])
        .collect();
    for asset in [
        INIT,
        TRANSIENT_ROOT,
        INSTALL_SCRIPT,
        INSTALL_SERVICE,
        READY_SERVICE,
        AGENT,
        AGENT_SERVICE,
        AGENT_PATH,
        FREEZE,
        FREEZE_SERVICE,
        &dropins,
        &modules::REQUIRED.join(" "),
        &modules::VIRTIOFS.join(" "),
        &modules::SCRATCH.join(" "),
    ] {
        hash.update(asset);
        hash.update([0]);
    }
}

/// Adds our files: the first program, the drivers, and the files that it copies to the real
/// system's `/run`.
pub fn append(
    mut archive: Archive<impl Write>,
    drivers: &Drivers,
    files: &[(&str, File)],
) -> io::Result<()> {
    let base = "podman-bootc";
    archive.folder(base)?;
    archive.program(&format!("{base}/init"), INIT.as_bytes())?;
    archive.file(&format!("{base}/transient-root"), TRANSIENT_ROOT.as_bytes())?;
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
    let name = "podman-bootc-freeze.service";
    archive.file(&format!("{units}/{name}"), FREEZE_SERVICE.as_bytes())?;
    archive.link(
        &format!("{units}/sysinit.target.wants/{name}"),
        &format!("../{name}"),
    )?;
    Ok(())
}
