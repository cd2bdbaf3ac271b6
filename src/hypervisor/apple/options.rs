//! The common parts of vfkit's and krunkit's command lines.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::host::process;
use crate::hypervisor::helpers::gvproxy;
use crate::hypervisor::{Disk, DiskFormat, Launch, Machine, VSOCK_SSH_PORT, Vsock};

/// A program is not installed.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    #[error("{0} is not installed, or not on PATH; install it with `brew install {0}`")]
    Missing(&'static str),
    #[error(
        "gvproxy is not installed; it comes with podman (`brew install podman`, or podman's installer)"
    )]
    NoGvproxy,
}

/// vfkit or krunkit can't run this machine. The first field is the program's name.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    #[error("can't use the path {0:?}: it contains a comma or an equals sign, or is not UTF-8")]
    Path(PathBuf),
    #[error("{0} boots only from a disk, with its built-in UEFI")]
    Boot(&'static str),
    #[error("{0} takes only raw disks, not {1}")]
    Format(&'static str, &'static str),
    #[error("{0} can't make a disk read-only")]
    ReadOnly(&'static str),
    #[error("{0} can't share a folder read-only or through virtiofsd")]
    Share(&'static str),
    #[error("{0} doesn't support these credentials or channels")]
    Channels(&'static str),
}

/// Finds a program on PATH, or at one of the paths that packages use.
pub(super) fn program(name: &'static str, hidden: &[&str]) -> Result<PathBuf, FindError> {
    process::find(name, hidden).ok_or(FindError::Missing(name))
}

pub(super) fn gvproxy() -> Result<PathBuf, FindError> {
    gvproxy::find().ok_or(FindError::NoGvproxy)
}

/// Returns the disk if the program supports it.
pub(super) fn writable_raw<'a>(disk: &'a Disk, name: &'static str) -> Result<&'a Disk, PlanError> {
    match disk {
        Disk {
            format: DiskFormat::Raw,
            read_only: false,
            ..
        } => Ok(disk),
        Disk {
            format: DiskFormat::Raw,
            ..
        } => Err(PlanError::ReadOnly(name)),
        other => Err(PlanError::Format(name, other.format.name())),
    }
}

/// A command line that grows option by option.
pub(super) struct Options<'a> {
    args: Vec<OsString>,
    machine: &'a Machine,
    /// The characters that a value can't contain.
    separators: &'static [char],
}

impl<'a> Options<'a> {
    pub fn new(machine: &'a Machine, separators: &'static [char]) -> Self {
        let mut options = Self {
            args: vec![],
            machine,
            separators,
        };
        options.option("--cpus", machine.cpus.to_string());
        options.option("--memory", machine.memory_mib.to_string());
        options.option(
            "--restful-uri",
            format!("unix://{}", machine.control.display()),
        );
        options
    }

    pub fn option(&mut self, name: &str, value: String) {
        self.args.extend([name.into(), value.into()]);
    }

    pub fn device(&mut self, text: String) {
        self.option("--device", text);
    }

    /// Adds the way to the guest's sshd without a network.
    pub fn vsock(&mut self) -> Result<(), PlanError> {
        if let Some(Vsock::Socket(path)) = &self.machine.devices.vsock {
            let path = self.path(path)?;
            self.device(format!(
                "virtio-vsock,port={VSOCK_SSH_PORT},socketURL={path},connect"
            ));
        }
        Ok(())
    }

    /// Returns the path as the value of an option.
    pub fn path(&self, path: &Path) -> Result<String, PlanError> {
        match path.to_str() {
            Some(text) if !text.contains(self.separators) => Ok(text.to_owned()),
            _ => Err(PlanError::Path(path.to_owned())),
        }
    }

    pub fn launch(self, program: &Path) -> Launch {
        Launch {
            program: program.to_owned(),
            args: self.args,
        }
    }
}
