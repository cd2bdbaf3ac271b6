//! Snapshots of a VM that doesn't run: its own disk, the disks that were made for it, and its UEFI variables.

use std::io;
use std::path::PathBuf;

use super::{Name, Vm};
use crate::disk::{ExtraDisk, QemuImgError, snapshot};
use crate::host::fs::file;

pub use crate::disk::snapshot::Snapshot;

/// A snapshot can't be made, restored or removed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is one of this name.
    #[error("VM {vm} has a snapshot {name} already")]
    Taken {
        /// The VM.
        vm: String,
        /// The snapshot.
        name: String,
    },
    /// There is none of this name.
    #[error("VM {vm} has no snapshot {name}; `podman-bootc snapshot list {vm}` lists them")]
    Unknown {
        /// The VM.
        vm: String,
        /// The snapshot.
        name: String,
    },
    /// It was made without a disk.
    #[error("VM {0} has no disk (--ephemeral), and so nothing to keep")]
    NoDisk(String),
    /// A disk can't be changed.
    #[error(transparent)]
    Disk(#[from] QemuImgError),
    /// A file can't be read or written.
    #[error("can't use {path}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// The VM's snapshots, the oldest first.
///
/// # Errors
/// Its disk can't be read.
pub fn list(vm: &Vm) -> Result<Vec<Snapshot>, Error> {
    if vm.spec.is_ephemeral() {
        return Ok(vec![]);
    }
    Ok(snapshot::list(&vm.overlay())?)
}

/// Keeps the VM as it is; the caller has taken it.
///
/// # Errors
/// There is one of this name, or a disk can't be changed.
pub fn create(vm: &Vm, name: &Name) -> Result<(), Error> {
    if vm.spec.is_ephemeral() {
        return Err(Error::NoDisk(vm.spec.name.to_string()));
    }
    if has(vm, name)? {
        return Err(Error::Taken { vm: vm.spec.name.to_string(), name: name.to_string() });
    }
    // It is one when it is on the VM's own disk, which comes last. What is elsewhere is of one that came to nothing.
    remove_beside(vm, name)?;
    let made = create_beside(vm, name).and_then(|()| Ok(snapshot::create(&vm.overlay(), name.as_str())?));
    if made.is_err()
        && let Err(error) = remove_beside(vm, name)
    {
        tracing::warn!(%error, "something is left of the snapshot");
    }
    made
}

/// Brings the VM back to where it was; the caller has taken it. Broken off, it has to be done again.
///
/// # Errors
/// There is none of this name, or a disk can't be changed.
pub fn restore(vm: &Vm, name: &Name) -> Result<(), Error> {
    known(vm, name)?;
    let (kept, variables) = (variables(vm, name), vm.variables());
    if kept.exists() {
        copy(&kept, &variables)?;
    }
    for disk in own_disks(vm) {
        snapshot::restore(&disk, name.as_str())?;
    }
    Ok(snapshot::restore(&vm.overlay(), name.as_str())?)
}

/// Forgets a snapshot; the caller has taken the VM.
///
/// # Errors
/// There is none of this name, or a disk can't be changed.
pub fn remove(vm: &Vm, name: &Name) -> Result<(), Error> {
    known(vm, name)?;
    snapshot::remove(&vm.overlay(), name.as_str())?;
    remove_beside(vm, name)
}

fn has(vm: &Vm, name: &Name) -> Result<bool, Error> {
    Ok(list(vm)?.iter().any(|snapshot| snapshot.name == name.as_str()))
}

fn known(vm: &Vm, name: &Name) -> Result<(), Error> {
    match has(vm, name)? {
        true => Ok(()),
        false => Err(Error::Unknown { vm: vm.spec.name.to_string(), name: name.to_string() }),
    }
}

fn create_beside(vm: &Vm, name: &Name) -> Result<(), Error> {
    if vm.variables().exists() {
        copy(&vm.variables(), &variables(vm, name))?;
    }
    for disk in own_disks(vm) {
        snapshot::create(&disk, name.as_str())?;
    }
    Ok(())
}

/// All but what is on the VM's own disk, as far as it is there.
fn remove_beside(vm: &Vm, name: &Name) -> Result<(), Error> {
    for disk in own_disks(vm) {
        if snapshot::list(&disk)?.iter().any(|snapshot| snapshot.name == name.as_str()) {
            snapshot::remove(&disk, name.as_str())?;
        }
    }
    let path = variables(vm, name);
    match std::fs::remove_file(&path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(Error::Io { path, source }),
        _ => Ok(()),
    }
}

/// The disks that were made for the VM beside its own.
fn own_disks(vm: &Vm) -> Vec<PathBuf> {
    let disks = vm.spec.settings.disks.iter().enumerate();
    disks.filter(|(_, disk)| matches!(disk, ExtraDisk::New { .. })).map(|(at, _)| vm.extra_disk(at)).collect()
}

/// Where a snapshot's UEFI variables are.
fn variables(vm: &Vm, name: &Name) -> PathBuf {
    vm.variables().with_extension(format!("{name}.snapshot"))
}

fn copy(from: &std::path::Path, to: &std::path::Path) -> Result<(), Error> {
    let io = |path: &std::path::Path| {
        let path = path.to_owned();
        move |source| Error::Io { path, source }
    };
    let bytes = std::fs::read(from).map_err(io(from))?;
    file::write_atomic(to, &bytes).map_err(io(to))
}
