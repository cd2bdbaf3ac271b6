//! The install in a privileged container, as the tool that this one replaces does it.

use std::io::Write;
use std::path::Path;

use super::protocol::Config;
use super::{Error, Install, Unfinished, command};
use crate::direct;
use crate::host::{self, file, process};
use crate::hypervisor::Arch;
use crate::image::Facts;
use crate::ui::Stage;

/// The folder of the disk in the container.
const OUTPUT: &str = "/output";

pub(super) fn install(install: &Install, stage: &mut Stage) -> Result<Facts, Unfinished> {
    if install.host.podman.is_rootless() {
        return Err(Error::NoContainer("needs root").into());
    }
    if !host::can_open_read_write(Path::new("/dev/loop-control")) {
        return Err(Error::NoContainer("needs loop devices, and /dev/loop-control can't be opened").into());
    }
    let image = install.image;
    stage.step("reading the image");
    let named = |source| Error::Direct { image: image.reference.clone(), source };
    let facts = {
        let mounted = install.host.podman.mount(&image.id).map_err(Error::from)?;
        let arch = Arch::from_oci(&image.architecture).map_or("", Arch::name);
        direct::facts_of(mounted.path(), arch).map_err(named)?
    };
    stage.step("asking the image for its install configuration");
    let filesystem = root_filesystem(install, stage)?;
    stage.step("bootc install, in a privileged container");
    let disk = install.partial.disk();
    let mut run =
        install.host.podman.command(arguments(install, filesystem.as_deref()).iter().map(String::as_str));
    let result = process::output(&mut run);
    let (text, error) = match &result {
        Ok(text) => (String::from_utf8_lossy(text).into_owned(), None),
        Err(process::Error::Failed { status, message, .. }) => (message.clone(), Some(status.to_string())),
        Err(process::Error::Interrupted(signal)) => return Err((*signal).into()),
        Err(other) => (other.to_string(), Some("podman doesn't run".into())),
    };
    let log = install.partial.log();
    file::create_private(&log)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|source| Error::Io { path: log, source })?;
    match error {
        None if disk.exists() => Ok(facts),
        None => Err(install.failed("bootc install left no disk")),
        Some(status) => Err(install.failed(format!("bootc install in a container: {status}"))),
    }
}

/// The root filesystem's type to name, if bootc has to be told one.
fn root_filesystem(install: &Install, stage: &Stage) -> Result<Option<String>, Unfinished> {
    let ask = ["run", "--rm", "--network=none", &install.image.id, "bootc", "install", "print-configuration"];
    let config = match process::output(&mut install.host.podman.command(ask)) {
        Ok(text) => Config::parse(&String::from_utf8_lossy(&text)),
        Err(process::Error::Interrupted(signal)) => return Err(signal.into()),
        Err(error) => return Err(install.failed(error.to_string())),
    };
    Ok(command::filesystem(install, &config, stage))
}

/// <https://bootc-dev.github.io/bootc/bootc-install.html>
fn arguments(install: &Install, filesystem: Option<&str>) -> Vec<String> {
    let mut words = [
        "run",
        "--rm",
        "--privileged",
        "--pid=host",
        "--network=none",
        "--security-opt=label=type:unconfined_t",
        "--volume=/dev:/dev",
        "--volume=/var/lib/containers:/var/lib/containers",
    ]
    .map(str::to_owned)
    .to_vec();
    words.push(format!("--volume={}:{OUTPUT}", install.partial.folder().display()));
    words.push(install.image.id.clone());
    words.extend(command::to_disk(install.options, filesystem));
    words.extend(["--via-loopback".into(), format!("{OUTPUT}/disk.raw")]);
    words
}
