//! Snapshots of a VM: its overlay, the disks that were created for it, its UEFI variables, the guest's
//! pinned host key, and the memory of a VM that runs.

mod files;
mod memory;

use std::path::{Path, PathBuf};

use super::spec::Spec;
use super::store::instance::{End, EndKind, RunRecord};
use super::supervisor::protocol::Request;
use super::suspend::{self, Suspended};
use super::{Name, Store, Vm, hardware, lifecycle, store};
use crate::disk::{ExtraDisk, QemuImgError, snapshot};
use crate::engine::Change;
use crate::guest::ssh::keys;
use crate::host::Os;
use crate::host::fs::dirs::Dirs;
use crate::host::fs::file;
use crate::host::fs::lock::{Lock, WaitError};
use crate::hypervisor::{DiskSnapshot, Hypervisor};
use crate::text;

/// Held by the process that makes, restores or removes a snapshot.
const LOCK: &str = "snapshot.lock";

/// A snapshot that counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    pub name: String,
    pub created: jiff::Timestamp,
    /// Bytes of the memory's file on the host, if the snapshot has memory.
    pub memory: Option<u64>,
}

/// How much of a snapshot is restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    All,
    /// Without its memory: the guest finds its disks as after a power cut.
    Disks,
}

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
    #[error(
        "can't save VM {vm} with its memory, and it runs on: {why}.\n\
         `podman-bootc snapshot create --disk-only {vm} {name}` saves its disks alone"
    )]
    NotSaved {
        vm: String,
        name: String,
        why: String,
    },
    #[error(
        "can't restore snapshot {name} of VM {vm} with its memory: {why}.\n\
         `podman-bootc snapshot restore --disk-only {vm} {name}` restores its disks alone"
    )]
    Misfit {
        vm: String,
        name: String,
        why: String,
    },
    #[error(transparent)]
    Disk(#[from] QemuImgError),
    #[error(transparent)]
    File(#[from] file::Error),
    #[error(transparent)]
    Keys(#[from] keys::Error),
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error(transparent)]
    Wait(#[from] WaitError),
    #[error(transparent)]
    Vm(#[from] Box<super::Error>),
}

impl From<super::Error> for Error {
    fn from(error: super::Error) -> Self {
        Self::Vm(Box::new(error))
    }
}

/// Waits until no other process changes the VM's snapshots, and keeps others from it.
///
/// # Errors
/// The lock can't be opened, or the tool is interrupted.
pub fn take_turn(vm: &Vm) -> Result<Lock, Error> {
    Ok(Lock::wait(&vm.folder.join(LOCK))?)
}

/// Lists the VM's snapshots, the oldest first.
///
/// # Errors
/// The overlay can't be read.
pub fn list(vm: &Vm) -> Result<Vec<Snapshot>, Error> {
    if vm.spec.is_ephemeral() {
        return Ok(vec![]);
    }
    let complete = |snapshot: snapshot::Snapshot| {
        let name: Option<Name> = snapshot.name.parse().ok();
        if name
            .as_ref()
            .is_some_and(|name| memory::is_partial(vm, name))
        {
            return None;
        }
        Some(Snapshot {
            memory: name.and_then(|name| memory::size(vm, &name)),
            name: snapshot.name,
            created: snapshot.created,
        })
    };
    let all = snapshot::list(&vm.overlay())?;
    Ok(all.into_iter().filter_map(complete).collect())
}

/// Returns a snapshot of this name.
///
/// # Errors
/// The VM has none, or the overlay can't be read.
pub fn find(vm: &Vm, name: &Name) -> Result<Snapshot, Error> {
    let found = list(vm)?.into_iter().find(|s| s.name == name.as_str());
    found.ok_or_else(|| Error::NotFound {
        vm: vm.spec.name.to_string(),
        name: name.to_string(),
    })
}

fn check_new(vm: &Vm, name: &Name) -> Result<(), Error> {
    if vm.spec.is_ephemeral() {
        return Err(Error::NoDisk(vm.spec.name.to_string()));
    }
    match list(vm)?.iter().any(|s| s.name == name.as_str()) {
        false => Ok(()),
        true => Err(Error::Exists {
            vm: vm.spec.name.to_string(),
            name: name.to_string(),
        }),
    }
}

/// Saves the disks of a stopped VM. The caller has taken it.
///
/// # Errors
/// The VM has no disk or has a snapshot of this name, or a disk can't be changed.
pub fn create(vm: &Vm, name: &Name) -> Result<(), Error> {
    check_new(vm, name)?;
    // The overlay comes last and makes the snapshot exist. Parts elsewhere are the rest of a failed
    // attempt.
    remove_parts(vm, name)?;
    let created = create_other_parts(vm, name)
        .and_then(|()| Ok(snapshot::create(&vm.overlay(), name.as_str())?));
    if created.is_err()
        && let Err(error) = remove_parts(vm, name)
    {
        tracing::warn!(%error, "can't remove the parts of a failed snapshot");
    }
    created
}

/// Saves a running VM with its memory. It pauses meanwhile. The caller has its turn.
///
/// # Errors
/// The VM has no disk or has a snapshot of this name, or it can't be saved. Then it runs on.
pub async fn create_with_memory(vm: &Vm, store: &Store, name: &Name) -> Result<(), Error> {
    check_new(vm, name)?;
    for rest in rests(vm)?.iter().chain([name]) {
        remove_live(vm, store, rest).await?;
    }
    let why = match save(vm, store, name).await {
        Ok(()) => return Ok(()),
        Err(Error::Vm(error)) => match *error {
            super::Error::Change { why, .. } => why,
            // Its supervisor may still work on it. It doesn't count, and goes with the next snapshot
            // or start.
            error => return Err(error.into()),
        },
        Err(Error::File(error)) => text::error_chain(&error),
        Err(error) => return Err(error),
    };
    if let Err(error) = remove_live(vm, store, name).await {
        tracing::warn!(%error, "can't remove the parts of a failed snapshot");
    }
    Err(Error::NotSaved {
        vm: vm.spec.name.to_string(),
        name: name.to_string(),
        why,
    })
}

async fn save(vm: &Vm, store: &Store, name: &Name) -> Result<(), Error> {
    memory::begin(vm, name)?;
    files::save(vm, name, vm.record().authorized.as_ref())?;
    let request = |number| Request::Snapshot {
        number,
        name: name.clone(),
    };
    lifecycle::ask(vm, store, request).await?;
    Ok(memory::commit(vm, name, &swap(vm))?)
}

/// Describes the machine that the supervisor is about to save.
///
/// # Errors
/// The file can't be written.
pub fn describe(vm: &Vm, name: &Name, described: &Suspended) -> Result<(), Error> {
    Ok(memory::describe(vm, name, described)?)
}

/// Returns the file for a machine with its memory, which doesn't count yet.
pub fn state_in_the_making(vm: &Vm, name: &Name) -> PathBuf {
    memory::partial(vm, name)
}

/// Returns all disks that a running VM writes to. The overlay comes last, as in [`create`].
pub fn all_disks(vm: &Vm, name: &Name) -> DiskSnapshot {
    let mut disks = other_disks(vm);
    disks.push(vm.overlay());
    in_disks(name, disks)
}

/// Brings a VM that doesn't run back to a saved state. The caller has taken the VM, and repeats a
/// restore that was interrupted. A snapshot with memory makes a suspended VM, and returns true.
///
/// # Errors
/// The VM has no snapshot of this name, or a disk can't be changed.
pub fn restore(vm: &Vm, name: &Name, content: Content) -> Result<bool, Error> {
    let snapshot = find(vm, name)?;
    let described = match content {
        Content::All => memory::read(vm, name)?,
        Content::Disks => None,
    };
    if vm.suspended().exists() {
        // What it has in memory belongs to its disks as they are.
        suspend::drop_state(vm)?;
    }
    let knows_keys = described.is_some() || snapshot.memory.is_none();
    files::restore(vm, name, knows_keys)?;
    for disk in other_disks(vm) {
        // The VM may have got the disk after the snapshot.
        if has_part(&disk, name)? {
            snapshot::restore(&disk, name.as_str())?;
        }
    }
    snapshot::restore(&vm.overlay(), name.as_str())?;
    let Some(described) = described else {
        return Ok(false);
    };
    vm.set_record(&RunRecord {
        end: Some(End {
            at: jiff::Timestamp::now(),
            kind: EndKind::Suspend,
            power_cut: false,
            reason: format!("its snapshot {name} was restored"),
        }),
        ..vm.record()
    })?;
    memory::suspend(vm, name, &described)?;
    Ok(true)
}

/// Brings a running VM back to a snapshot with memory, from which it runs on.
///
/// # Errors
/// The VM has no such snapshot, or the snapshot can't be restored.
pub async fn restore_running(vm: &Vm, store: &Store, name: &Name) -> Result<(), Error> {
    let request = |number| Request::Restore {
        number,
        name: name.clone(),
    };
    lifecycle::ask(vm, store, request).await?;
    Ok(())
}

/// Makes sure that the machine which a VM would start with can load a snapshot's memory.
///
/// # Errors
/// It can't.
pub fn check_memory(vm: &Vm, dirs: &Dirs, name: &Name) -> Result<(), Error> {
    let Some(described) = memory::read(vm, name)? else {
        return Ok(());
    };
    let why = match other_disks(vm)
        .iter()
        .find_map(|disk| match has_part(disk, name) {
            Ok(true) => None,
            Ok(false) => Some(Ok(format!("{} is newer", disk.display()))),
            Err(error) => Some(Err(error)),
        }) {
        Some(why) => Some(why?),
        None => {
            misfit(vm, dirs, &described).unwrap_or_else(|error| Some(text::error_chain(&*error)))
        }
    };
    why.map_or(Ok(()), |why| {
        Err(Error::Misfit {
            vm: vm.spec.name.to_string(),
            name: name.to_string(),
            why,
        })
    })
}

fn misfit(
    vm: &Vm,
    dirs: &Dirs,
    described: &Suspended,
) -> Result<Option<String>, Box<dyn std::error::Error>> {
    let Spec {
        hypervisor, arch, ..
    } = vm.spec;
    let machine = hardware::machine_for(vm, dirs, &vm.features())?;
    let hypervisor = Hypervisor::find(hypervisor, arch, Os::current())?;
    Ok(described.misfit(vm, &machine, &hypervisor))
}

/// Saves the disks of a running VM. The guest finds them as after a power cut.
///
/// # Errors
/// As for [`create_with_memory`].
pub async fn create_disks(vm: &Vm, store: &Store, name: &Name) -> Result<(), Error> {
    check_new(vm, name)?;
    create_live(vm, store, name).await
}

/// Saves the disks of a running VM as [`create_disks`] does, in place of a snapshot of this name.
///
/// # Errors
/// The VM has no disk, or the hypervisor can't save it.
pub async fn create_live(vm: &Vm, store: &Store, name: &Name) -> Result<(), Error> {
    if vm.spec.is_ephemeral() {
        return Err(Error::NoDisk(vm.spec.name.to_string()));
    }
    remove_live(vm, store, name).await?;
    files::save(vm, name, None)?;
    // The overlay comes last, as in `create`.
    let mut disks = own_disks(vm);
    disks.push(vm.overlay());
    let change = Change::SaveDisks(in_disks(name, disks));
    lifecycle::change(vm, store, change).await?;
    Ok(())
}

/// Removes a snapshot of a running VM, as far as it exists.
///
/// # Errors
/// The hypervisor can't change a disk, or a file can't be removed.
pub async fn remove_live(vm: &Vm, store: &Store, name: &Name) -> Result<(), Error> {
    let mut disks = Vec::new();
    for disk in std::iter::once(vm.overlay()).chain(other_disks(vm)) {
        if has_part(&disk, name)? {
            disks.push(disk);
        }
    }
    if !disks.is_empty() {
        let change = Change::ForgetDisks(in_disks(name, disks));
        lifecycle::change(vm, store, change).await?;
    }
    remove_files(vm, name)
}

fn in_disks(name: &Name, disks: Vec<PathBuf>) -> DiskSnapshot {
    DiskSnapshot {
        name: snapshot::name_in_file(name.as_str()),
        disks,
    }
}

/// Removes a snapshot of a VM that doesn't run. The caller has taken the VM.
///
/// # Errors
/// The VM has no snapshot of this name, or a disk can't be changed.
pub fn remove(vm: &Vm, name: &Name) -> Result<(), Error> {
    find(vm, name)?;
    remove_parts(vm, name)
}

/// Removes the snapshot of a running VM.
///
/// # Errors
/// The VM has no snapshot of this name, or the hypervisor can't change a disk.
pub async fn remove_running(vm: &Vm, store: &Store, name: &Name) -> Result<(), Error> {
    find(vm, name)?;
    remove_live(vm, store, name).await
}

/// Removes snapshots with memory that a killed process left incomplete. The caller has taken the VM.
///
/// # Errors
/// A disk can't be changed, or a file can't be removed.
pub fn sweep(vm: &Vm) -> Result<(), Error> {
    let path = vm.folder.join(LOCK);
    let is_free = || Lock::try_acquire(&path);
    let rests = rests(vm)?;
    if rests.is_empty() {
        return Ok(());
    }
    // A process that holds it still makes one, or removes it.
    match is_free() {
        Ok(Some(_turn)) => rests.iter().try_for_each(|name| remove_parts(vm, name)),
        Ok(None) => Ok(()),
        Err(source) => Err(file::Error::Write { path, source }.into()),
    }
}

/// Returns the snapshots with files of memory that don't count.
fn rests(vm: &Vm) -> Result<Vec<Name>, Error> {
    let mut names = memory::names(&vm.folder);
    if !names.is_empty() {
        let complete = list(vm)?;
        names.retain(|name| complete.iter().all(|s| s.name != name.as_str()));
    }
    Ok(names)
}

/// Returns whether a disk has its part of the snapshot.
fn has_part(disk: &Path, name: &Name) -> Result<bool, Error> {
    Ok(snapshot::list(disk)?
        .iter()
        .any(|snapshot| snapshot.name == name.as_str()))
}

/// Creates all parts but the one in the overlay.
fn create_other_parts(vm: &Vm, name: &Name) -> Result<(), Error> {
    files::save(vm, name, vm.record().kept_keys())?;
    for disk in own_disks(vm) {
        snapshot::create(&disk, name.as_str())?;
    }
    Ok(())
}

/// Removes all parts of a snapshot, as far as they exist. The overlay comes first.
fn remove_parts(vm: &Vm, name: &Name) -> Result<(), Error> {
    for disk in std::iter::once(vm.overlay()).chain(other_disks(vm)) {
        if has_part(&disk, name)? {
            snapshot::remove(&disk, name.as_str())?;
        }
    }
    remove_files(vm, name)
}

fn remove_files(vm: &Vm, name: &Name) -> Result<(), Error> {
    files::remove(vm, name)?;
    // Last, because it has the mark of an incomplete snapshot.
    Ok(memory::remove(vm, name)?)
}

/// The empty disks that were created for the VM.
pub(super) fn own_disks(vm: &Vm) -> Vec<PathBuf> {
    let disks = vm.spec.settings.disks.numbered();
    disks
        .filter(|(_, disk)| matches!(disk, ExtraDisk::New { .. }))
        .map(|(index, _)| vm.extra_disk(index))
        .collect()
}

/// The disks beside the overlay that can be part of a snapshot. Only one with memory needs the swap
/// disk.
fn other_disks(vm: &Vm) -> Vec<PathBuf> {
    [own_disks(vm), swap(vm)].concat()
}

fn swap(vm: &Vm) -> Vec<PathBuf> {
    let swap = vm.spec.settings.swap.map(|_| vm.swap());
    swap.into_iter().collect()
}
