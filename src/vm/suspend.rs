//! VMs whose machine is saved to a file, with its memory: suspend them, and know whether they can
//! resume.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::spec::Spec;
use super::store::instance::{End, EndKind, RunRecord};
use super::{Vm, store};
use crate::host::fs::file::{self, IoContext as _};
use crate::host::{self, Os, fault};
use crate::hypervisor::accelerator::Accelerator;
use crate::hypervisor::qemu::FIRST_TO_SAVE;
use crate::hypervisor::{Hypervisor, Machine};
use crate::warm;

const VERSION: u32 = 1;

/// The content of `suspended.json`, which exists as long as the state beside it counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suspended {
    version: u32,
    pub at: jiff::Timestamp,
    pub accelerator: Accelerator,
    /// The hypervisor's program, with its size and time of change.
    program: PathBuf,
    stamp: String,
    /// The host's processor, if the guest has it.
    processor: Option<String>,
    /// A hash of the machine's devices.
    machine: String,
    /// The machine had resumed from a template.
    #[serde(default)]
    pub warm: bool,
    /// It has a VM generation ID. The machines of older versions had none.
    #[serde(default)]
    pub generation_id: bool,
    /// The user's own disks, which other programs can change meanwhile. Nothing in a description of an
    /// older version.
    #[serde(default)]
    disks: Option<Vec<Stamped>>,
}

/// A file, with its size and time of change. The stamp of a missing file is empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Stamped {
    file: PathBuf,
    stamp: String,
}

/// A suspended VM can't resume on this host, for this reason.
#[derive(Debug, thiserror::Error)]
#[error(
    "it is suspended and can't resume: {reason}. `podman-bootc start --cold {name}` boots it anew, and loses \
     what it had in memory"
)]
pub struct CantResume {
    name: String,
    reason: String,
}

impl Suspended {
    /// Describes the state of a VM's machine that this hypervisor runs.
    ///
    /// # Errors
    /// The hypervisor can't run such a machine.
    pub fn of(
        vm: &Vm,
        machine: &Machine,
        hypervisor: &Hypervisor,
        accelerator: Accelerator,
    ) -> Result<Self, crate::hypervisor::PlanError> {
        let shape = shape(machine, &vm.folder);
        let launch = hypervisor.plan(&shape, accelerator)?.launch;
        let mut hash = Sha256::new();
        for arg in &launch.args {
            hash.update((arg.len() as u64).to_le_bytes());
            hash.update(arg.as_encoded_bytes());
        }
        Ok(Self {
            version: VERSION,
            at: jiff::Timestamp::now(),
            accelerator,
            stamp: warm::stamp(&launch.program),
            program: launch.program,
            processor: accelerator.is_hardware().then(host::processor),
            machine: hash.finalize().iter().map(|b| format!("{b:02x}")).collect(),
            warm: false,
            generation_id: machine.generation_id,
            disks: Some(stamps(machine, &vm.folder)),
        })
    }

    /// Returns the description of a VM's state, if it is suspended.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn read(vm: &Vm) -> Result<Option<Self>, file::Error> {
        Self::read_file(&vm.suspended())
    }

    /// Returns the description of a state in this file, if it exists.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn read_file(path: &Path) -> Result<Option<Self>, file::Error> {
        match file::read_json(path, VERSION) {
            Err(error) if error.is_not_found() => Ok(None),
            read => read.map(Some),
        }
    }

    /// Makes sure that the state fits the machine that would load it.
    ///
    /// # Errors
    /// It doesn't.
    pub fn check(
        &self,
        vm: &Vm,
        machine: &Machine,
        hypervisor: &Hypervisor,
    ) -> Result<(), CantResume> {
        match self.misfit(vm, machine, hypervisor) {
            Some(reason) => Err(CantResume::new(vm, reason)),
            None => Ok(()),
        }
    }

    /// Returns the reason why the state doesn't fit the machine that would load it.
    pub fn misfit(&self, vm: &Vm, machine: &Machine, hypervisor: &Hypervisor) -> Option<String> {
        match Self::of(vm, machine, hypervisor, self.accelerator) {
            Ok(now) => self.difference(&now),
            Err(error) => Some(error.to_string()),
        }
    }

    fn difference(&self, now: &Self) -> Option<String> {
        if (&self.program, &self.stamp) != (&now.program, &now.stamp) {
            return Some(format!("{} has changed since", self.program.display()));
        }
        if self.processor != now.processor {
            return Some("the host has another processor".into());
        }
        if self.machine != now.machine {
            return Some("its machine would have other devices now".into());
        }
        let (then, now) = (self.disks.as_deref()?, now.disks.as_deref()?);
        let changed = then.iter().find(|disk| !now.contains(disk))?;
        Some(format!(
            "its disk {} has changed since",
            changed.file.display()
        ))
    }

    /// Makes the state in the partial file count. The machine is paused meanwhile.
    ///
    /// # Errors
    /// A file can't be written. Then the state doesn't count.
    pub fn commit(&self, vm: &Vm) -> Result<(), file::Error> {
        let (partial, state) = (vm.suspended_partial(), vm.suspended_state());
        // QEMU doesn't sync a disk that ends with its machine.
        for path in [&partial, &vm.overlay(), &vm.swap()] {
            match file::sync(path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound && *path != partial => {}
                synced => synced.writing(path)?,
            }
        }
        fault::point("suspend-saved");
        std::fs::rename(&partial, &state).writing(&state)?;
        file::write_json(&vm.suspended(), self)?;
        fault::point("suspended");
        Ok(())
    }
}

impl CantResume {
    pub fn new(vm: &Vm, reason: String) -> Self {
        Self {
            name: vm.spec.name.to_string(),
            reason,
        }
    }
}

/// Returns the machine without all that may differ between the one that is saved and the one that
/// loads it.
fn shape(machine: &Machine, folder: &Path) -> Machine {
    let mut machine = machine.clone();
    machine.wakes = false;
    // A machine that runs has read them.
    machine.credentials.clear();
    for disk in machine.disks.iter_mut().chain(&mut machine.devices.disks) {
        // One that wakes keeps its overlay.
        disk.fresh_over = None;
        move_out(&mut disk.file, folder);
    }
    if let Some(file) = &mut machine.devices.ignition {
        move_out(file, folder);
    }
    warm::shape(&machine)
}

/// Returns the stamps of the user's own disks. The machine is paused, or doesn't run.
fn stamps(machine: &Machine, folder: &Path) -> Vec<Stamped> {
    let files = machine.devices.disks.iter().map(|disk| disk.file.clone());
    let stamped = |file: PathBuf| Stamped {
        stamp: warm::stamp(&file),
        file,
    };
    files
        .filter(|file| !file.starts_with(folder))
        .map(stamped)
        .collect()
}

/// A rename changes the folder of the VM's files.
fn move_out(file: &mut PathBuf, folder: &Path) {
    if let Ok(name) = file.strip_prefix(folder) {
        *file = Path::new("/vm").join(name);
    }
}

/// Returns the reason why a running VM can't be suspended. `plugged` tells that its machine has got
/// or lost a device since it started.
pub fn obstacle(
    spec: &Spec,
    hypervisor: &Hypervisor,
    record: &RunRecord,
    plugged: bool,
) -> Option<String> {
    obstacle_on(Os::current(), spec, hypervisor, record, plugged)
}

fn obstacle_on(
    os: Os,
    spec: &Spec,
    hypervisor: &Hypervisor,
    record: &RunRecord,
    plugged: bool,
) -> Option<String> {
    let Hypervisor::Qemu(qemu) = hypervisor else {
        return Some("only QEMU can save a running VM".into());
    };
    if os != Os::Linux {
        return Some(format!("QEMU can't save a running VM on {}", os.name()));
    }
    if qemu.version < FIRST_TO_SAVE {
        let ((major, minor), (first_major, first_minor)) = (qemu.version, FIRST_TO_SAVE);
        return Some(format!(
            "QEMU {major}.{minor} is too old: this needs {first_major}.{first_minor}"
        ));
    }
    let shares = !spec.settings.shares.is_empty() || spec.shared_root().is_some();
    let reasons = [
        (
            shares,
            "QEMU can't save the host folders that it shares (-v)",
        ),
        (
            spec.settings.tpm,
            "the state of its TPM (--tpm) isn't saved",
        ),
        (
            // They came after the start.
            record.warm && spec.settings.disks.numbered().next().is_some(),
            "it has started from a template, with --add-disk; create it with --cold",
        ),
        (
            plugged,
            "it has got or lost a device since its start; stop it and start it once more",
        ),
        (
            // It would boot other files now.
            spec.replaced().is_some(),
            "its image was replaced since its start; stop it and start it once more",
        ),
    ];
    let reason = reasons.into_iter().find(|(holds, _)| *holds);
    reason.map(|(_, reason)| reason.to_owned())
}

/// Removes the files of a state that doesn't count.
pub fn remove_state(vm: &Vm) -> io::Result<()> {
    for path in [vm.suspended_partial(), vm.suspended_state()] {
        remove(&path)?;
    }
    Ok(())
}

/// Drops the state of a suspended VM, whose next start boots. The caller has taken the VM.
///
/// # Errors
/// A file can't be removed or written.
pub fn drop_state(vm: &Vm) -> Result<(), store::Error> {
    let path = vm.suspended();
    remove(&path)
        .and_then(|()| file::sync_dir(&vm.folder))
        .writing(&path)?;
    remove_state(vm).writing(vm.suspended_state())?;
    // The guest finds its disks as after a power cut.
    let record = vm.record();
    vm.set_record(&RunRecord {
        authorized: None,
        end: Some(End {
            at: jiff::Timestamp::now(),
            kind: EndKind::Stop,
            power_cut: false,
            reason: "its suspended state was dropped".into(),
        }),
        ..record
    })
}

fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::ExtraDisk;
    use crate::guest::boot::shares::Share;
    use crate::hypervisor::qemu::Qemu;
    use crate::hypervisor::{Arch, Credential, Disk, sample_machine};
    use crate::vm::State;
    use crate::vm::spec::Replaced;

    fn qemu(program: &Path, version: (u32, u32)) -> Hypervisor {
        Hypervisor::Qemu(Qemu {
            program: program.into(),
            arch: Arch::X86_64,
            version,
            os: Os::Linux,
        })
    }

    fn vm(folder: &Path) -> Vm {
        Vm {
            spec: Spec::sample(),
            folder: folder.to_owned(),
        }
    }

    #[test]
    fn what_keeps_a_vm_from_being_suspended_is_named() {
        type Change = fn(&mut Spec, &mut RunRecord);
        let reason = |change: Change, plugged| {
            let (mut spec, mut record) = (Spec::sample(), RunRecord::default());
            change(&mut spec, &mut record);
            let qemu = qemu(Path::new("/qemu"), (10, 0));
            obstacle_on(Os::Linux, &spec, &qemu, &record, plugged)
        };
        let fits: [Change; 5] = [
            |_, _| {},
            |_, r| r.warm = true,
            |s, _| s.remove = true,
            |s, _| s.settings.gui = true,
            |s, _| s.settings.disks = vec![ExtraDisk::New { size: 1 }].into(),
        ];
        for change in fits {
            assert_eq!(reason(change, false), None);
        }
        let refused: [(Change, &str); 4] = [
            (
                |s, _| {
                    s.source = Spec::sample_direct().source;
                    s.set_replaced(Replaced {
                        disks: vec![],
                        scratch: None,
                    });
                },
                "replaced",
            ),
            (
                |s, _| {
                    s.settings.shares = vec![Share {
                        source: "/a".into(),
                        target: "/b".into(),
                        read_only: false,
                    }]
                    .into()
                },
                "-v",
            ),
            (|s, _| s.settings.tpm = true, "--tpm"),
            (
                |s, r| {
                    r.warm = true;
                    s.settings.disks = vec![ExtraDisk::New { size: 1 }].into();
                },
                "--cold",
            ),
        ];
        for (change, word) in refused {
            let reason = reason(change, false).unwrap();
            assert!(reason.contains(word), "{word}: {reason}");
        }
        assert!(reason(|_, _| {}, true).unwrap().contains("device"));
        let on = |os, version| {
            let qemu = qemu(Path::new("/qemu"), version);
            obstacle_on(os, &Spec::sample(), &qemu, &RunRecord::default(), false)
        };
        assert!(on(Os::Macos, (10, 0)).is_some() && on(Os::Windows, (10, 0)).is_some());
        assert!(on(Os::Linux, (8, 1)).unwrap().contains("8.2"));
    }

    #[test]
    fn a_state_fits_only_the_machine_that_was_saved() {
        let dir = tempfile::tempdir().unwrap();
        let program = dir.path().join("qemu");
        std::fs::write(&program, "1").unwrap();
        let (vm, qemu) = (vm(dir.path()), qemu(&program, (10, 0)));
        let saved =
            |machine: &Machine| Suspended::of(&vm, machine, &qemu, Accelerator::Tcg).unwrap();
        let state = saved(&sample_machine());
        let check = |machine: &Machine| state.check(&vm, machine, &qemu).map_err(|e| e.to_string());
        type Change = fn(&mut Machine);
        let fits: [Change; 4] = [
            |m| m.name = "other".into(),
            // It was saved before, and has resumed.
            |m| m.wakes = true,
            |m| m.control = "/run/y/control".into(),
            |m| {
                m.credentials.push(Credential {
                    name: "a".into(),
                    value: vec![],
                })
            },
        ];
        for change in fits {
            let mut machine = sample_machine();
            change(&mut machine);
            assert_eq!(check(&machine), Ok(()));
        }
        let others: [Change; 4] = [
            |m| m.memory_mib += 1,
            |m| m.cpus += 1,
            |m| m.network = false,
            |m| m.disks.clear(),
        ];
        for change in others {
            let mut machine = sample_machine();
            change(&mut machine);
            let reason = check(&machine).unwrap_err();
            assert!(
                reason.contains("devices") && reason.contains("start --cold one"),
                "{reason}"
            );
        }
        let mut machine = sample_machine();
        let file = tempfile::NamedTempFile::new().unwrap();
        let disk = Disk {
            file: file.path().to_owned(),
            ..machine.disks[0].clone()
        };
        machine.devices.disks = vec![disk];
        let with_disk = saved(&machine);
        assert_eq!(with_disk.misfit(&vm, &machine, &qemu), None);
        std::fs::write(file.path(), "by another program").unwrap();
        let reason = with_disk.misfit(&vm, &machine, &qemu).unwrap();
        assert!(reason.ends_with("has changed since"), "{reason}");
        let of_older_version = Suspended {
            disks: None,
            ..with_disk
        };
        assert_eq!(of_older_version.misfit(&vm, &machine, &qemu), None);
        std::fs::write(&program, "10.0.3").unwrap();
        let reason = check(&sample_machine()).unwrap_err();
        assert!(reason.contains("qemu has changed"), "{reason}");
    }

    #[test]
    fn a_state_counts_from_its_description_on() {
        let dir = tempfile::tempdir().unwrap();
        let vm = vm(dir.path());
        let qemu = qemu(Path::new("/qemu"), (10, 0));
        let state = Suspended::of(&vm, &sample_machine(), &qemu, Accelerator::Tcg).unwrap();
        std::fs::write(vm.suspended_partial(), "memory").unwrap();
        assert_eq!(vm.state(), State::Stopped);
        assert_eq!(Suspended::read(&vm).unwrap(), None);
        state.commit(&vm).unwrap();
        assert_eq!(vm.state(), State::Suspended);
        assert_eq!(Suspended::read(&vm).unwrap(), Some(state.clone()));
        drop_state(&vm).unwrap();
        assert_eq!(vm.state(), State::Stopped);
        let left: Vec<_> = file::entries(dir.path()).map(|e| e.file_name()).collect();
        assert_eq!(left, ["state.json"]);
        assert!(state.commit(&vm).is_err(), "there is no state any more");
        assert_eq!(vm.state(), State::Stopped);
    }
}
