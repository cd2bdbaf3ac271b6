//! What vfkit's and krunkit's command lines have in common.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::host::process;
use crate::hypervisor::helpers::gvproxy;
use crate::hypervisor::{Disk, DiskFormat, Launch, Machine, VSOCK_SSH_PORT, Vsock};

/// A program is missing.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    /// The hypervisor.
    #[error("{0} is not installed, or not on PATH; `brew install {0}` installs it")]
    Missing(&'static str),
    /// Its network.
    #[error("gvproxy is not installed; it comes with podman (`brew install podman`, or podman's installer)")]
    NoGvproxy,
}

/// A machine can't be described to vfkit or krunkit.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// A path that their options can't hold.
    #[error(
        "the path {0:?} can't be passed on: commas, equals signs and what is not UTF-8 have no place there"
    )]
    Path(PathBuf),
    /// It is started otherwise.
    #[error("{0} can boot from a disk with its own UEFI only")]
    Boot(&'static str),
    /// A disk of another format.
    #[error("{0} takes raw disks only, not {1}")]
    Format(&'static str, &'static str),
    /// A disk that the guest must not write to.
    #[error("{0} can't make a disk read-only")]
    ReadOnly(&'static str),
    /// A share that is served otherwise.
    #[error("{0} can't share a folder read-only, or one that virtiofsd serves")]
    Share(&'static str),
    /// There is no way for them into the guest.
    #[error("{0} can't have these credentials or channels")]
    Channels(&'static str),
}

/// A program on PATH, or where packages hide it.
pub(super) fn program(name: &'static str, hidden: &[&str]) -> Result<PathBuf, FindError> {
    process::find(name, hidden).ok_or(FindError::Missing(name))
}

/// The network that both need.
pub(super) fn gvproxy() -> Result<PathBuf, FindError> {
    gvproxy::find().ok_or(FindError::NoGvproxy)
}

/// The disk, if it is one that they can have.
pub(super) fn writable_raw<'a>(disk: &'a Disk, name: &'static str) -> Result<&'a Disk, PlanError> {
    match disk {
        Disk { format: DiskFormat::Raw, read_only: false, .. } => Ok(disk),
        Disk { format: DiskFormat::Raw, .. } => Err(PlanError::ReadOnly(name)),
        other => Err(PlanError::Format(name, other.format.name())),
    }
}

/// A command line in the making.
pub(super) struct Options<'a> {
    args: Vec<OsString>,
    machine: &'a Machine,
    /// What a value in an option must not have in it.
    separators: &'static [char],
}

impl<'a> Options<'a> {
    pub fn new(machine: &'a Machine, separators: &'static [char]) -> Self {
        let mut options = Self { args: vec![], machine, separators };
        options.option("--cpus", machine.cpus.to_string());
        options.option("--memory", machine.memory_mib.to_string());
        options.option("--restful-uri", format!("unix://{}", machine.control.display()));
        options
    }

    pub fn option(&mut self, name: &str, value: String) {
        self.args.extend([name.into(), value.into()]);
    }

    pub fn device(&mut self, text: String) {
        self.option("--device", text);
    }

    /// The guest's sshd, without a network.
    pub fn vsock(&mut self) -> Result<(), PlanError> {
        if let Some(Vsock::Socket(path)) = &self.machine.devices.vsock {
            let path = self.path(path)?;
            self.device(format!("virtio-vsock,port={VSOCK_SSH_PORT},socketURL={path},connect"));
        }
        Ok(())
    }

    /// A path as a value in an option.
    pub fn path(&self, path: &Path) -> Result<String, PlanError> {
        match path.to_str() {
            Some(text) if !text.contains(self.separators) => Ok(text.to_owned()),
            _ => Err(PlanError::Path(path.to_owned())),
        }
    }

    pub fn launch(self, program: &Path) -> Launch {
        Launch { program: program.to_owned(), args: self.args }
    }
}
