//! Snapshots of a VM: its overlay, the disks that were created for it, its UEFI variables,
//! and the guest's pinned host key.

use std::io;
use std::path::{Path, PathBuf};

use super::{Name, Store, Vm, lifecycle, store};
use crate::disk::{ExtraDisk, QemuImgError, snapshot};
use crate::engine::Change;
use crate::guest::ssh::keys;
use crate::host::fs::file::{self, IoContext as _};
use crate::hypervisor::DiskSnapshot;

pub use crate::disk::snapshot::Snapshot;

/// A snapshot can't be created, restored or removed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(
        "VM {vm} already has a snapshot {name}; choose another name, \
         or remove it with `podman-bootc snapshot rm {vm} {name}`"
    )]
    Exists { vm: String, name: String },
    #[error(
        "VM {vm} has no snapshot {name}; list its snapshots with `podman-bootc snapshot list {vm}`"
    )]
    NotFound { vm: String, name: String },
    #[error("VM {0} was created with --ephemeral: it has no disk and can't have snapshots")]
    NoDisk(String),
    #[error(transparent)]
    Disk(#[from] QemuImgError),
    #[error(transparent)]
    File(#[from] file::Error),
    #[error(transparent)]
    Keys(#[from] keys::Error),
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error(transparent)]
    Vm(#[from] Box<super::Error>),
}

/// Lists the VM's snapshots, the oldest first.
///
/// # Errors
/// The overlay can't be read.
pub fn list(vm: &Vm) -> Result<Vec<Snapshot>, Error> {
    if vm.spec.is_ephemeral() {
        return Ok(vec![]);
    }
    Ok(snapshot::list(&vm.overlay())?)
}

/// Saves the VM's current state. The caller has taken the VM.
///
/// # Errors
/// The VM has no disk or has a snapshot of this name, or a disk can't be changed.
pub fn create(vm: &Vm, name: &Name) -> Result<(), Error> {
    if vm.spec.is_ephemeral() {
        return Err(Error::NoDisk(vm.spec.name.to_string()));
    }
    if has(vm, name)? {
        return Err(Error::Exists {
            vm: vm.spec.name.to_string(),
            name: name.to_string(),
        });
    }
    // The overlay comes last and makes the snapshot exist. Parts elsewhere are the rest of a failed
    // attempt.
    remove_other_parts(vm, name)?;
    let created = create_other_parts(vm, name)
        .and_then(|()| Ok(snapshot::create(&vm.overlay(), name.as_str())?));
    if created.is_err()
        && let Err(error) = remove_other_parts(vm, name)
    {
        tracing::warn!(%error, "can't remove the parts of a failed snapshot");
    }
    created
}

/// Brings the VM back to a saved state. The caller has taken the VM, and repeats a restore that was
/// interrupted.
///
/// # Errors
/// The VM has no snapshot of this name, or a disk can't be changed.
pub fn restore(vm: &Vm, name: &Name) -> Result<(), Error> {
    require(vm, name)?;
    let saved = saved_variables(vm, name);
    if saved.exists() {
        copy(&saved, &vm.variables())?;
    }
    // The guest may have made its host key, and got our own, after the snapshot.
    vm.set_authorized(read(&saved_authorized(vm, name))?)?;
    let deployed = match read(&saved_deployed(vm, name))? {
        Some(text) => serde_json::from_str(&text).unwrap_or_default(),
        None => vec![],
    };
    vm.clone().change_spec(|spec| {
        spec.deployed = deployed;
        Ok::<_, Error>(())
    })?;
    let saved = saved_known_hosts(vm, name);
    match saved.exists() {
        true => copy(&saved, &vm.keys().known_hosts())?,
        false => vm.trust_new_host_key().map(drop)?,
    }
    for disk in own_disks(vm) {
        // The VM may have got the disk after the snapshot.
        if has_part(&disk, name)? {
            snapshot::restore(&disk, name.as_str())?;
        }
    }
    Ok(snapshot::restore(&vm.overlay(), name.as_str())?)
}

/// Saves the current state of a running VM, in place of a snapshot of this name. The guest finds it
/// as after a power cut.
///
/// # Errors
/// The VM has no disk, or the hypervisor can't save it.
pub async fn create_live(vm: &Vm, store: &Store, name: &Name) -> Result<(), Error> {
    if vm.spec.is_ephemeral() {
        return Err(Error::NoDisk(vm.spec.name.to_string()));
    }
    remove_live(vm, store, name).await?;
    save_files(vm, name)?;
    // The overlay comes last, as in `create`.
    let mut disks = own_disks(vm);
    disks.push(vm.overlay());
    let change = Change::SaveDisks(in_disks(name, disks));
    lifecycle::change(vm, store, change)
        .await
        .map_err(Box::new)?;
    Ok(())
}

/// Removes a snapshot of a running VM, as far as it exists.
///
/// # Errors
/// The hypervisor can't change a disk, or a file can't be removed.
pub async fn remove_live(vm: &Vm, store: &Store, name: &Name) -> Result<(), Error> {
    let mut disks = Vec::new();
    for disk in std::iter::once(vm.overlay()).chain(own_disks(vm)) {
        let list = snapshot::list(&disk)?;
        if list.iter().any(|snapshot| snapshot.name == name.as_str()) {
            disks.push(disk);
        }
    }
    if !disks.is_empty() {
        let change = Change::ForgetDisks(in_disks(name, disks));
        lifecycle::change(vm, store, change)
            .await
            .map_err(Box::new)?;
    }
    remove_files(vm, name)
}

fn in_disks(name: &Name, disks: Vec<PathBuf>) -> DiskSnapshot {
    DiskSnapshot {
        name: snapshot::name_in_file(name.as_str()),
        disks,
    }
}

/// Removes a snapshot. The caller has taken the VM.
///
/// # Errors
/// The VM has no snapshot of this name, or a disk can't be changed.
pub fn remove(vm: &Vm, name: &Name) -> Result<(), Error> {
    require(vm, name)?;
    snapshot::remove(&vm.overlay(), name.as_str())?;
    remove_other_parts(vm, name)
}

fn has(vm: &Vm, name: &Name) -> Result<bool, Error> {
    Ok(!vm.spec.is_ephemeral() && has_part(&vm.overlay(), name)?)
}

/// Returns whether a disk has its part of the snapshot.
fn has_part(disk: &Path, name: &Name) -> Result<bool, Error> {
    Ok(snapshot::list(disk)?
        .iter()
        .any(|snapshot| snapshot.name == name.as_str()))
}

fn require(vm: &Vm, name: &Name) -> Result<(), Error> {
    match has(vm, name)? {
        true => Ok(()),
        false => Err(Error::NotFound {
            vm: vm.spec.name.to_string(),
            name: name.to_string(),
        }),
    }
}

/// Creates all parts but the one in the overlay.
fn create_other_parts(vm: &Vm, name: &Name) -> Result<(), Error> {
    save_files(vm, name)?;
    for disk in own_disks(vm) {
        snapshot::create(&disk, name.as_str())?;
    }
    Ok(())
}

/// Creates the parts that are not in disks.
fn save_files(vm: &Vm, name: &Name) -> Result<(), Error> {
    if vm.variables().exists() {
        copy(&vm.variables(), &saved_variables(vm, name))?;
    }
    if let Some(hash) = vm.record().kept_keys() {
        let path = saved_authorized(vm, name);
        file::write_atomic(&path, hash.as_bytes()).writing(path)?;
    }
    if !vm.spec.deployed.is_empty() {
        file::write_json(&saved_deployed(vm, name), &vm.spec.deployed)?;
    }
    if vm.keys().known_hosts().exists() {
        copy(&vm.keys().known_hosts(), &saved_known_hosts(vm, name))?;
    }
    Ok(())
}

/// Removes the parts that [`create_other_parts`] creates, as far as they exist.
fn remove_other_parts(vm: &Vm, name: &Name) -> Result<(), Error> {
    for disk in own_disks(vm) {
        if has_part(&disk, name)? {
            snapshot::remove(&disk, name.as_str())?;
        }
    }
    remove_files(vm, name)
}

fn remove_files(vm: &Vm, name: &Name) -> Result<(), Error> {
    for path in [
        saved_variables(vm, name),
        saved_known_hosts(vm, name),
        saved_authorized(vm, name),
        saved_deployed(vm, name),
    ] {
        match std::fs::remove_file(&path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            removed => removed.writing(path)?,
        }
    }
    Ok(())
}

/// The empty disks that were created for the VM.
pub(super) fn own_disks(vm: &Vm) -> Vec<PathBuf> {
    let disks = vm.spec.settings.disks.numbered();
    disks
        .filter(|(_, disk)| matches!(disk, ExtraDisk::New { .. }))
        .map(|(index, _)| vm.extra_disk(index))
        .collect()
}

/// The UEFI variables of a snapshot.
fn saved_variables(vm: &Vm, name: &Name) -> PathBuf {
    vm.variables().with_extension(format!("{name}.snapshot"))
}

/// The pinned host key of a snapshot.
fn saved_known_hosts(vm: &Vm, name: &Name) -> PathBuf {
    vm.keys()
        .known_hosts()
        .with_extension(format!("{name}.snapshot"))
}

/// [`crate::vm::store::instance::RunRecord::authorized`] of a snapshot.
fn saved_authorized(vm: &Vm, name: &Name) -> PathBuf {
    vm.folder.join(format!("authorized.{name}.snapshot"))
}

/// [`crate::vm::Spec::deployed`] of a snapshot.
fn saved_deployed(vm: &Vm, name: &Name) -> PathBuf {
    vm.folder.join(format!("deployed.{name}.snapshot"))
}

/// Returns a file's text, or none if it doesn't exist.
fn read(path: &Path) -> Result<Option<String>, file::Error> {
    match std::fs::read_to_string(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        text => text.reading(path).map(Some),
    }
}

fn copy(from: &Path, to: &Path) -> Result<(), file::Error> {
    file::write_atomic(to, &std::fs::read(from).reading(from)?).writing(to)
}
