//! Installs in a privileged container, as the Go podman-bootc does: on this host, or in the podman
//! machine.

use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use super::channel::Config;
use super::error::{Error, Failure};
use super::job::{Host, Install, Made};
use super::podman_machine;
use super::podman_machine::DiskPlace;
use super::to_disk::with_root_key;
use crate::direct_boot;
use crate::host::fs::file;
use crate::host::{Os, process};
use crate::hypervisor::Arch;
use crate::image::{Facts, Image};
use crate::text::Stage;

/// The folder of the disk in the container.
const OUTPUT: &str = "/output";
/// The disk in the container.
const DISK: &str = "/output/disk.raw";

pub(super) fn install(install: &Install, os: Os, stage: &mut dyn Stage) -> Result<Made, Failure> {
    stage.step("reading the image");
    let (facts, place) = if install.host.podman.is_remote() {
        (
            podman_machine::facts(&install.host.podman, install.image)?,
            Some(DiskPlace::choose(install, os)),
        )
    } else {
        (facts(install.host, install.image)?, None)
    };
    install.check(&facts)?;
    stage.step("asking the image for its install configuration");
    let command = install.command(&facts, &configuration(install)?, false, stage);
    stage.step("bootc install, in a privileged container");
    let disk = install.partial.disk();
    let output = match &place {
        Some(DiskPlace::Volume(volume)) => volume.name(),
        Some(DiskPlace::Shared) | None => install.partial.folder().display().to_string(),
    };
    let empty = matches!(place, Some(DiskPlace::Volume(_))).then_some(install.options.disk_size);
    let flags = flags(&output);
    let words = words(install, empty, command);
    let mut run = install.host.podman.container(
        flags.iter().map(String::as_str),
        &install.image.id,
        words.iter().map(String::as_str),
    );
    // bootc writes to both streams.
    let io = |source| Error::Io {
        path: install.partial.log(),
        source,
    };
    let log = file::create_private(&install.partial.log()).map_err(io)?;
    run.stdin(Stdio::null())
        .stdout(log.try_clone().map_err(io)?)
        .stderr(log);
    match process::run(&mut run) {
        Ok(()) => {}
        Err(process::Error::Interrupted(signal)) => return Err(signal.into()),
        Err(process::Error::Failed { status, .. }) => {
            return Err(install.failed(format!("bootc install in a container: {status}")));
        }
        Err(other) => return Err(install.failed(crate::text::error_chain(&other))),
    }
    if let Some(DiskPlace::Volume(volume)) = &place {
        stage.step("copying the disk from the podman machine");
        volume.fetch(&disk)?;
    }
    // bootc reads the image from podman's storage and makes a manifest of its own.
    Ok(Made {
        facts,
        installed: None,
    })
}

/// Reads the image's facts, and makes sure that a container can install here.
pub(super) fn facts(host: &Host, image: &Image) -> Result<Facts, Error> {
    if host.podman.own_storage().is_some() {
        return Err(Error::NoContainer("can't install an image from elsewhere"));
    }
    if host.podman.is_rootless() {
        return Err(Error::NoContainer("needs root"));
    }
    if !crate::host::can_open_read_write(Path::new("/dev/loop-control")) {
        return Err(Error::NoContainer(
            "needs loop devices, but /dev/loop-control can't be opened",
        ));
    }
    let named = |source| Error::DirectBoot {
        image: image.reference.clone(),
        source,
    };
    let mounted = host.podman.mount(&image.id)?;
    let arch = Arch::from_oci(&image.architecture).map_or("", Arch::name);
    direct_boot::facts_of(mounted.path(), arch).map_err(named)
}

/// Asks the image for its install configuration.
fn configuration(install: &Install) -> Result<Config, Failure> {
    let ask = ["bootc", "install", "print-configuration"];
    let podman = &install.host.podman;
    match process::output(&mut podman.container([], &install.image.id, ask)) {
        Ok(text) => Ok(Config::parse(&String::from_utf8_lossy(&text))),
        Err(process::Error::Interrupted(signal)) => Err(signal.into()),
        Err(error) => {
            let log = install.partial.log();
            file::create_private(&log)
                .and_then(|mut file| writeln!(file, "{}", crate::text::error_chain(&error)))
                .map_err(|source| Error::Io { path: log, source })?;
            Err(install.failed("bootc install print-configuration failed in a container"))
        }
    }
}

/// The flags of podman for an install to `output`, a folder or a volume.
/// <https://bootc-dev.github.io/bootc/bootc-install.html>
fn flags(output: &str) -> Vec<String> {
    let mut flags = [
        "--privileged",
        "--pid=host",
        "--security-opt=label=type:unconfined_t",
        "--volume=/dev:/dev",
        "--volume=/var/lib/containers:/var/lib/containers",
    ]
    .map(str::to_owned)
    .to_vec();
    flags.push(format!("--volume={output}:{OUTPUT}"));
    flags
}

/// The command in the container. With `empty` it first makes a disk of that many bytes.
fn words(install: &Install, empty: Option<u64>, command: Vec<String>) -> Vec<String> {
    let mut words = with_root_key(command, install.options.root_key.as_deref(), empty);
    words.extend(["--via-loopback".into(), DISK.into()]);
    words
}
