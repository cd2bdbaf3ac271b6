//! Installs in a VM that boots directly from the image.

use std::path::{Path, PathBuf};

use super::bound;
use super::dialog::drive;
use super::error::{Error, Failure};
use super::job::{Host, Install, InstallVm, Made, direct_boot_error};
use super::sockets;
use crate::direct_boot::{BootCache, BootImage, Transport};
use crate::disk::Installed;
use crate::engine::Engine;
use crate::host::fs::file;
use crate::host::fs::lock::Lock;
use crate::host::{Os, fault};
use crate::hypervisor::{Arch, Boot, Channel, Disk, DiskFormat, Hypervisor, Kind, Machine};
use crate::image::Image;
use crate::text::Stage;
use crate::{direct_boot, host};

/// bootc unpacks layers into memory before it writes them to the disk.
const MEMORY_MIB: u64 = 4096;
/// An install was never seen to work with less.
const MEMORY_MIN_MIB: u64 = 1024;
/// Enough for bootc, which unpacks one layer after the other.
const CPUS_MAX: usize = 4;

pub(super) fn install(install: &Install, stage: &mut dyn Stage) -> Result<Made, Failure> {
    let image = install.image;
    let arch = arch(image)?;
    let folder = install.partial.folder();
    // To the end: the hypervisor opens the files again when it falls back to emulation.
    let (boot, _lease) = prepare(install.host, image, stage)?;
    install.check(&boot.facts)?;
    stage.step("saving the image's content");
    let installed = save_content(install)?;
    let bound = match install.bound {
        [] => None,
        images => Some(bound::pack(&install.host.podman, images, folder)?),
    };
    // The image is in files of our own now, so other processes may use the storage.
    drop(install.in_use.take());

    let sockets = sockets::create(&install.host.dirs)?;
    let name = format!("install-{}", image.short_id());
    let machine = machine(
        name,
        arch,
        install.vm,
        &boot,
        folder.join(CONTENT),
        bound,
        install.partial.disk(),
        sockets.path(),
    );
    let os = Os::current();
    let hypervisor = Hypervisor::find(Kind::Qemu, arch, os)?;
    let cache = &install.host.dirs.cache;
    let engine = Engine {
        input: None,
        wake: None,
        warm: None,
        accelerators: hypervisor.accelerators(install.host.accelerator, arch, os, cache)?,
        hypervisor: &hypervisor,
        machine: &machine,
        cache,
        log: folder.join("qemu.log"),
        ssh_port: None,
        forwards: vec![],
        helpers: vec![],
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Error::EventLoop)?;
    stage.step("booting the image");
    fault::point("install-boots");
    runtime.block_on(drive(install, engine, &boot.facts, stage))?;
    Ok(Made {
        facts: boot.facts,
        installed: Some(installed),
    })
}

/// Returns the image's files for the boot, and a lock that keeps them.
pub(super) fn prepare(
    host: &Host,
    image: &Image,
    stage: &mut dyn Stage,
) -> Result<(BootImage, Lock), Error> {
    let arch = arch(image)?;
    let mut prepare = || {
        let boots = BootCache::open(&host.dirs.roots())?;
        let lease = boots.lease()?;
        let boot = boots.prepare(&host.podman, image, arch, Transport::Erofs, stage)?;
        Ok((boot, lease))
    };
    prepare().map_err(|error| direct_boot_error(image, error))
}

fn arch(image: &Image) -> Result<Arch, Error> {
    Arch::from_oci(&image.architecture).ok_or_else(|| Error::Architecture {
        image: image.reference.clone(),
        architecture: image.architecture.clone(),
    })
}

/// Returns the memory of an install on a host with this many usable bytes: a quarter stays for the
/// host.
fn default_memory(usable: Option<u64>) -> u64 {
    let share = usable.map_or(MEMORY_MIB, |bytes| (bytes >> 20) / 4 * 3);
    share.clamp(MEMORY_MIN_MIB, MEMORY_MIB)
}

/// Returns the processors of an install on a host with this many usable ones.
fn default_cpus(usable: usize) -> u32 {
    usable.clamp(1, CPUS_MAX) as u32
}

/// The machine that installs an image's `content`, and a storage of its `bound` images, to the disk
/// `output`.
#[expect(clippy::too_many_arguments, reason = "the parts of one machine")]
fn machine(
    name: String,
    arch: Arch,
    choices: InstallVm,
    boot: &BootImage,
    content: PathBuf,
    bound: Option<PathBuf>,
    output: PathBuf,
    runtime: &Path,
) -> Machine {
    let disk = |file, serial: &str, read_only| Disk {
        file,
        format: DiskFormat::Raw,
        serial: serial.to_owned(),
        read_only,
        durable: false,
        fresh_over: None,
    };
    Machine {
        arguments: vec![],
        name,
        arch,
        cpus: choices
            .cpus
            .unwrap_or_else(|| default_cpus(host::usable_processors())),
        memory_mib: choices
            .memory_mib
            .unwrap_or_else(|| default_memory(host::usable_memory())),
        boot: Boot::Kernel {
            kernel: boot.kernel(),
            initrd: boot.initramfs(),
            cmdline: boot.cmdline(arch, Some(direct_boot::INSTALL_UNIT)),
        },
        disks: boot
            .roots()
            .map(|(serial, file)| disk(file.to_owned(), &serial, true))
            .chain([disk(content, direct_boot::IMAGE_SERIAL, true)])
            .chain(bound.map(|file| disk(file, direct_boot::BOUND_SERIAL, true)))
            .chain([disk(output, direct_boot::OUTPUT_SERIAL, false)])
            .collect(),
        doors: vec![],
        channels: vec![Channel {
            name: direct_boot::INSTALL_CHANNEL.into(),
            socket: runtime.join("install"),
        }],
        credentials: vec![],
        network: false,
        devices: Default::default(),
        saved: None,
        wakes: false,
        generation_id: false,
        control: runtime.join("qmp"),
    }
}

const CONTENT: &str = "content.erofs";

/// Saves the image's content as a block image.
fn save_content(install: &Install) -> Result<Installed, Failure> {
    let folder = install.partial.folder();
    let content = folder.join("content");
    install
        .host
        .podman
        .save(install.image, &content)
        .map_err(Error::from)?;
    fault::point("install-saved");
    let installed = Installed::read(&content).map_err(|source| Error::Io {
        path: content.clone(),
        source,
    })?;
    direct_boot::pack(&content, &folder.join(CONTENT))
        .map_err(|error| install.direct_boot_error(error))?;
    file::remove_dir(&content).map_err(|source| Error::Io {
        path: content,
        source,
    })?;
    Ok(installed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hypervisor::accelerator::Accelerator;
    use crate::hypervisor::{golden, qemu};

    #[test]
    fn the_host_keeps_a_quarter_of_its_memory() {
        let of = |gib: u64| default_memory(Some(gib << 30));
        assert_eq!((of(16), of(4), of(2), of(1)), (4096, 3072, 1536, 1024));
        assert_eq!(default_memory(None), 4096);
    }

    #[test]
    fn an_install_uses_the_hosts_processors_up_to_four() {
        let of = |usable| default_cpus(usable);
        assert_eq!((of(1), of(3), of(64)), (1, 3, 4));
    }

    #[test]
    fn the_machine_of_an_install_is_the_golden_one() {
        let (content, output) = ("/partial/content.erofs".into(), "/partial/disk.raw".into());
        let name = "install-0123456789ab".into();
        let machine = machine(
            name,
            Arch::X86_64,
            InstallVm {
                memory_mib: Some(MEMORY_MIB),
                cpus: Some(2),
                ..InstallVm::default()
            },
            &BootImage::sample(Transport::Erofs),
            content,
            Some("/partial/bound.erofs".into()),
            output,
            Path::new("/run/i0123456789a"),
        );
        let qemu = qemu::Qemu {
            program: "qemu-system-x86_64".into(),
            arch: Arch::X86_64,
            version: (10, 0),
            os: Os::Linux,
        };
        golden::assert_launch(
            "qemu-install",
            &qemu::launch(&qemu, &machine, Accelerator::Kvm).unwrap(),
        );
    }
}
