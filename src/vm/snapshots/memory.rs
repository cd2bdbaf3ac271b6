//! The memory of a snapshot: a file with the saved machine, and its description.
//!
//! The file has another name until it is complete. As long as a file of that name exists, the whole
//! snapshot counts for nothing, whatever the disks have of it.

use std::path::{Path, PathBuf};

use crate::disk;
use crate::host::fault;
use crate::host::fs::file::{self, IoContext as _};
use crate::vm::suspend::Suspended;
use crate::vm::{Name, Vm};

/// The saved machine.
fn state(vm: &Vm, name: &Name) -> PathBuf {
    vm.folder.join(format!("memory.{name}.snapshot"))
}

/// The saved machine in the making.
pub fn partial(vm: &Vm, name: &Name) -> PathBuf {
    vm.folder.join(format!("memory.{name}.partial"))
}

/// The description of the saved machine.
fn description(vm: &Vm, name: &Name) -> PathBuf {
    vm.folder.join(format!("memory.{name}.json"))
}

/// Returns whether the whole snapshot is not complete.
pub fn is_partial(vm: &Vm, name: &Name) -> bool {
    partial(vm, name).exists()
}

/// Returns the bytes of a snapshot's memory on the host, if it has memory.
pub fn size(vm: &Vm, name: &Name) -> Option<u64> {
    let state = state(vm, name);
    state.exists().then(|| crate::host::allocated_size(&state))
}

/// Begins a snapshot with memory: until [`commit`] it doesn't count.
pub fn begin(vm: &Vm, name: &Name) -> Result<(), file::Error> {
    let partial = partial(vm, name);
    file::create_private(&partial)
        .and_then(|_| file::sync_dir(&vm.folder))
        .writing(&partial)
}

/// Describes the machine that is about to be saved.
pub fn describe(vm: &Vm, name: &Name, described: &Suspended) -> Result<(), file::Error> {
    file::write_json(&description(vm, name), described)
}

/// Makes a snapshot count whose parts are all there. `disks` are those that the machine doesn't
/// sync itself.
pub fn commit(vm: &Vm, name: &Name, disks: &[PathBuf]) -> Result<(), file::Error> {
    let (partial, state) = (partial(vm, name), state(vm, name));
    for file in disks.iter().chain([&partial]) {
        file::sync(file).writing(file)?;
    }
    fault::point("snapshot-saved");
    std::fs::rename(&partial, &state)
        .and_then(|()| file::sync_dir(&vm.folder))
        .writing(&state)?;
    fault::point("snapshot-counts");
    Ok(())
}

/// Returns the description of a snapshot's memory, if it has memory.
pub fn read(vm: &Vm, name: &Name) -> Result<Option<Suspended>, file::Error> {
    match state(vm, name).exists() {
        true => Suspended::read_file(&description(vm, name)),
        false => Ok(None),
    }
}

/// Makes a VM suspended whose disks are the snapshot's. The snapshot keeps its memory.
pub fn suspend(vm: &Vm, name: &Name, described: &Suspended) -> Result<(), file::Error> {
    let partial = vm.suspended_partial();
    disk::link(&state(vm, name), &partial).writing(&partial)?;
    described.commit(vm)
}

/// Removes a snapshot's memory, as far as it exists. The mark of an incomplete snapshot is last.
pub fn remove(vm: &Vm, name: &Name) -> Result<(), file::Error> {
    for path in [state(vm, name), description(vm, name), partial(vm, name)] {
        file::remove_if_exists(&path).writing(path)?;
    }
    Ok(())
}

/// Returns the names of all snapshots that have a file here, complete or not.
pub fn names(folder: &Path) -> Vec<Name> {
    let name = |file: &str| {
        let name = file.strip_prefix("memory.")?;
        let name = name
            .strip_suffix(".partial")
            .or_else(|| name.strip_suffix(".snapshot"))?;
        name.parse().ok()
    };
    let files = file::entries(folder).filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<Name> = files.filter_map(|file| name(&file)).collect();
    names.sort();
    names.dedup();
    names
}
