//! Makes a VM of another one: the same settings and the same content of the disks, and an identity
//! of its own.

use std::path::{Path, PathBuf};

use super::spec::Spec;
use super::store::instance::{Door, End, EndKind, RunRecord};
use super::{Error, Name, State, Store, Vm, lifecycle, snapshots, store};
use crate::disk;
use crate::engine::Change;
use crate::guest::boot::cloudinit::Seed;
use crate::guest::boot::hostname::Hostname;
use crate::host::fs::file::{self, IoContext as _};
use crate::host::fs::lock::Lock;
use crate::host::process::interrupt;
use crate::host::{fault, random};

/// Held by the process that clones the VM.
const LOCK: &str = "clone.lock";

/// Clones a VM under this name, or a generated one. The clone is a stopped VM. If the original runs
/// or is suspended, its disks are cloned as a power cut would leave them.
///
/// The clone counts from the moment in which its spec is written. Until then the original is as it
/// was, or has one more read-only layer below its disk.
///
/// # Errors
/// A VM has the name, the original is being made, or a file can't be written.
pub async fn clone(original: &Vm, store: &Store, name: Option<Name>) -> Result<Vm, Error> {
    if original.state() == State::Creating {
        return Err(store::Error::Creating(original.spec.name.to_string()).into());
    }
    let path = original.folder.join(LOCK);
    let _turn = Lock::acquire(&path)
        .writing(path)
        .map_err(store::Error::from)?;
    let reservation = store.reserve(name)?;
    let taken = original.take()?;
    // It may have changed before it was taken.
    let original = Vm::open(&original.folder)?;
    let vm = reservation.vm(spec_of_clone(&original.spec, &reservation.name));
    interrupt::check()?;
    write_files(&original, &vm)?;
    match &taken {
        Some(_) => copy_disks(&original, &vm)?,
        None => copy_running(&original, &vm, store).await?,
    }
    let is_in_order = taken.is_some() && original.state_after_end() == State::Stopped;
    if let Some(keys) = original.record().kept_keys().filter(|_| is_in_order) {
        vm.set_record(&record_of_clone(keys))?;
    }
    lifecycle::write_ssh_config(&vm, Door::Guest)?;
    fault::point("vm-cloned");
    interrupt::check()?;
    let (vm, _creating) = reservation.commit(vm.spec)?;
    Ok(vm)
}

fn spec_of_clone(original: &Spec, name: &Name) -> Spec {
    let mut spec = Spec {
        name: name.clone(),
        id: random::new_id(),
        created: jiff::Timestamp::now(),
        cloned_from: Some(original.name.to_string()),
        // It would be removed before its first start.
        remove: false,
        ..original.clone()
    };
    spec.begin_anew(false);
    let settings = &mut spec.settings;
    let old = original.name.as_str();
    let is_name = |hostname: &Hostname| hostname.to_string().eq_ignore_ascii_case(old);
    if settings.hostname.as_ref().is_some_and(is_name) {
        settings.hostname = name.as_str().parse().ok();
    }
    // The ports of the host belong to the original.
    for port in &mut settings.ports {
        port.host = 0;
    }
    spec
}

/// The guest's disk has our keys.
fn record_of_clone(keys: &str) -> RunRecord {
    RunRecord {
        authorized: Some(keys.to_owned()),
        end: Some(End {
            at: jiff::Timestamp::now(),
            kind: EndKind::Stop,
            power_cut: false,
            reason: "it was cloned".into(),
        }),
        ..RunRecord::default()
    }
}

/// Writes the clone's files that no machine changes.
fn write_files(original: &Vm, vm: &Vm) -> Result<(), Error> {
    // A disk knows its keys. A direct boot gets them with each start.
    match vm.spec.is_ephemeral() && vm.features().credentials() {
        true => vm.keys().create()?,
        false => vm.keys().copy(&original.keys())?,
    }
    vm.keys().ensure_door_key(vm.spec.name.as_str())?;
    let settings = &vm.spec.settings;
    for (folder, new) in [
        (original.credentials_folder(), vm.credentials_folder()),
        (original.tpm(), vm.tpm()),
    ] {
        if folder.exists() {
            file::create_private_dir(&new)
                .writing(&new)
                .map_err(store::Error::from)?;
        }
    }
    for name in &settings.credentials {
        disk::copy_disk(&original.credential(name), &vm.credential(name))?;
    }
    if settings.ignition {
        disk::copy_disk(&original.ignition(), &vm.ignition())?;
    }
    if settings.cloudinit {
        // Another instance, for which cloud-init does all of its work again.
        let seed = Seed::of_disk(&original.seed(), &original.spec.id);
        let name = settings.hostname.as_ref();
        let name = name.map_or_else(|| vm.spec.name.to_string(), Hostname::to_string);
        let image = seed.and_then(|seed| seed.image(&vm.spec.id, &name));
        let image = image.map_err(store::user_files::Error::from)?;
        file::write_atomic(&vm.seed(), &image)
            .writing(vm.seed())
            .map_err(store::Error::from)?;
    }
    if let Some(size) = settings.swap {
        disk::create_swap(&vm.swap(), size)?;
    }
    Ok(())
}

/// Returns the disks of the original, with their places in the clone.
fn disks(original: &Vm, vm: &Vm) -> Vec<(PathBuf, PathBuf)> {
    let overlay = (!original.spec.is_ephemeral()).then(|| original.overlay());
    let own = snapshots::own_disks(original).into_iter();
    own.chain(overlay)
        .map(|disk| pair(disk, &vm.folder))
        .collect()
}

/// Returns the other files that a machine changes, in the same way.
fn states(original: &Vm, vm: &Vm) -> Vec<(PathBuf, PathBuf)> {
    let variables = Some(original.variables()).filter(|path| path.exists());
    let tpm = file::entries(&original.tpm())
        .map(|entry| entry.path())
        .filter(|path| path.is_file())
        .map(|path| pair(path, &vm.tpm()));
    let variables = variables.map(|path| pair(path, &vm.folder));
    variables.into_iter().chain(tpm).collect()
}

fn pair(file: PathBuf, folder: &Path) -> (PathBuf, PathBuf) {
    let copy = folder.join(file.file_name().unwrap_or_default());
    (file, copy)
}

/// Clones the disks of a VM that the caller has taken.
fn copy_disks(original: &Vm, vm: &Vm) -> Result<(), Error> {
    original.remove_orphan()?;
    if !original.spec.is_ephemeral() {
        disk::wait_until_free(&original.overlay());
    }
    let format = original.features().disk;
    for (from, to) in states(original, vm) {
        disk::copy_disk(&from, &to)?;
    }
    for (from, to) in disks(original, vm) {
        disk::branch(&from, format, &to)?;
    }
    Ok(())
}

/// Clones the disks of a running VM, which pauses meanwhile.
async fn copy_running(original: &Vm, vm: &Vm, store: &Store) -> Result<(), Error> {
    let disks = disks(original, vm);
    let all = [disks.clone(), states(original, vm)].concat();
    if all.is_empty() {
        return Ok(());
    }
    lifecycle::change(original, store, Change::CopyDisks(all)).await?;
    let format = original.features().disk;
    let settle = |(from, to): &(PathBuf, PathBuf)| disk::settle_copy(from, format, to);
    disks.iter().try_for_each(settle)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clone_is_another_vm_with_the_same_settings() {
        let mut original = Spec::sample();
        original.remove = true;
        original.settings.ports = vec!["8080:80".parse().unwrap()];
        original.settings.swap = Some(1 << 30);
        let clone = |original: &Spec| spec_of_clone(original, &"Two".parse().unwrap());
        original.settings.hostname = Some("one".parse().unwrap());
        let spec = clone(&original);
        assert_eq!(spec.cloned_from.as_deref(), Some("one"));
        assert!(spec.id != original.id && spec.created > original.created && !spec.remove);
        assert_eq!(spec.settings.hostname, Some("Two".parse().unwrap()));
        assert_eq!(spec.settings.ports, ["0:80".parse().unwrap()]);
        assert_eq!(spec.settings.swap, Some(1 << 30));
        assert_eq!(
            (&spec.source, &spec.image, spec.memory_mib),
            (&original.source, &original.image, original.memory_mib)
        );
        // A name that the user chose stays.
        original.settings.hostname = Some("web.example.com".parse().unwrap());
        let spec = clone(&original);
        assert_eq!(spec.settings.hostname, original.settings.hostname);
    }
}
