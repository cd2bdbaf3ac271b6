//! The parts of a snapshot that are files beside the VM's disks.

use std::io;
use std::path::{Path, PathBuf};

use super::Error;
use crate::host::fs::file::{self, IoContext as _};
use crate::vm::{Name, Vm};

/// Saves what belongs to the content of the disks. `authorized` is the hash of the keys that the
/// guest has then.
pub fn save(vm: &Vm, name: &Name, authorized: Option<&String>) -> Result<(), Error> {
    if vm.variables().exists() {
        copy(&vm.variables(), &variables(vm, name))?;
    }
    if let Some(hash) = authorized {
        let path = self::authorized(vm, name);
        file::write_atomic(&path, hash.as_bytes()).writing(path)?;
    }
    if !vm.spec.deployed.is_empty() {
        file::write_json(&deployed(vm, name), &vm.spec.deployed)?;
    }
    if vm.keys().known_hosts().exists() {
        copy(&vm.keys().known_hosts(), &known_hosts(vm, name))?;
    }
    Ok(())
}

/// Restores what [`save`] saved. Without `keys`, the guest may have lost our keys.
pub fn restore(vm: &Vm, name: &Name, keys: bool) -> Result<(), Error> {
    let saved = variables(vm, name);
    if saved.exists() {
        copy(&saved, &vm.variables())?;
    }
    // The guest may have made its host key, and got our own, after the snapshot.
    vm.set_authorized(read(&authorized(vm, name))?.filter(|_| keys))?;
    let deployed = match read(&deployed(vm, name))? {
        Some(text) => serde_json::from_str(&text).unwrap_or_default(),
        None => vec![],
    };
    vm.clone().change_spec(|spec| {
        spec.deployed = deployed;
        Ok::<_, Error>(())
    })?;
    let saved = known_hosts(vm, name);
    match saved.exists() {
        true => copy(&saved, &vm.keys().known_hosts())?,
        false => vm.trust_new_host_key().map(drop)?,
    }
    Ok(())
}

/// Removes what [`save`] saved, as far as it exists.
pub fn remove(vm: &Vm, name: &Name) -> Result<(), file::Error> {
    for path in [
        variables(vm, name),
        known_hosts(vm, name),
        authorized(vm, name),
        deployed(vm, name),
    ] {
        file::remove_if_exists(&path).writing(path)?;
    }
    Ok(())
}

/// The UEFI variables of a snapshot.
fn variables(vm: &Vm, name: &Name) -> PathBuf {
    vm.variables().with_extension(format!("{name}.snapshot"))
}

/// The pinned host key of a snapshot.
fn known_hosts(vm: &Vm, name: &Name) -> PathBuf {
    vm.keys()
        .known_hosts()
        .with_extension(format!("{name}.snapshot"))
}

/// [`crate::vm::store::instance::RunRecord::authorized`] of a snapshot.
fn authorized(vm: &Vm, name: &Name) -> PathBuf {
    vm.folder.join(format!("authorized.{name}.snapshot"))
}

/// [`crate::vm::Spec::deployed`] of a snapshot.
fn deployed(vm: &Vm, name: &Name) -> PathBuf {
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
