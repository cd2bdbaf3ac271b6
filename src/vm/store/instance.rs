//! One VM on disk: its spec, its state and the names of its files.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::error::Error;
use crate::guest::ssh::keys::{self, Keys};
use crate::guest::ssh::session::Login;
use crate::host::fs::file::{self, IoContext as _};
use crate::host::fs::lock::{self, Lock};
use crate::host::{Os, fault};
use crate::hypervisor::accelerator::Accelerator;
use crate::hypervisor::{Credential, DiskFormat, Features, Forward, Hypervisor};
use crate::vm::spec::{self, Spec};

pub(super) const SPEC: &str = "vm.json";
/// Held by the process that changes the spec.
const SPEC_LOCK: &str = "spec.lock";
const RUN_RECORD: &str = "state.json";
const RUN_RECORD_VERSION: u32 = 1;
/// Held by the supervisor while the VM runs.
pub(super) const RUNNING_LOCK: &str = "running.lock";
/// Describes the state of a suspended VM, beside it.
const SUSPENDED: &str = "suspended.json";
/// Held by the process that creates the VM, until the supervisor has taken over.
pub(super) const CREATING_LOCK: &str = "creating.lock";

/// A VM that is complete on disk.
#[derive(Debug, Clone)]
pub struct Vm {
    pub spec: Spec,
    pub folder: PathBuf,
}

/// The state of a VM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    Creating,
    Running,
    /// It was stopped, its guest shut down, or it was never started.
    Stopped,
    /// Its machine is saved, and resumes with the next start.
    Suspended,
    /// It ended in another way, for this reason.
    Crashed(String),
}

impl State {
    /// The names of all states.
    pub const NAMES: [&str; 5] = ["creating", "running", "stopped", "suspended", "crashed"];

    /// The state's name in listings.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Creating => "creating",
            Self::Running => "running",
            Self::Stopped => "stopped",
            Self::Suspended => "suspended",
            Self::Crashed(_) => "crashed",
        }
    }
}

/// `state.json`: the supervisor's record of the VM's last run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRecord {
    /// [`Vm::set_record`] sets it.
    #[serde(default)]
    pub version: u32,
    pub started: Option<jiff::Timestamp>,
    /// The accelerator in use, not the one asked for.
    pub accelerator: Option<Accelerator>,
    /// The SSH port on loopback. The next start asks for the same.
    pub ssh_port: Option<u16>,
    /// The other forwarded ports.
    #[serde(default)]
    pub ports: Vec<Forward>,
    /// The credential with our keys that the guest has on its disk, as a hash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorized: Option<String>,
    /// The SSH door that lets us in, as far as a login has shown.
    #[serde(default)]
    pub ssh_door: Option<Door>,
    /// The VM has resumed from a template.
    #[serde(default)]
    pub warm: bool,
    /// The VM has resumed from a template, and its guest has no identity of its own yet.
    #[serde(default)]
    pub lacks_identity: bool,
    /// None while the VM runs.
    pub end: Option<End>,
}

/// A way into the guest by SSH.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Door {
    /// The guest's own sshd, over TCP or `AF_VSOCK`.
    Guest,
    /// An sshd that the agent starts for each session, with a configuration of ours.
    Direct,
}

/// The end of a VM's run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    pub at: jiff::Timestamp,
    #[serde(rename = "how")]
    pub kind: EndKind,
    /// The guest was asked to shut down and didn't, so that its power was cut.
    #[serde(default)]
    pub power_cut: bool,
    /// The text for the user.
    pub reason: String,
}

/// The ways in which a VM ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EndKind {
    /// The guest shut itself down.
    Guest,
    /// `stop`, `rm -f`, or the end of the session that the VM belongs to.
    Stop,
    /// `suspend`.
    Suspend,
    /// The guest's kernel panicked.
    Panic,
    /// The hypervisor failed, or another process killed it.
    Failure,
}

impl RunRecord {
    /// Returns the hash of the keys that the guest has on its disk. After an end that was not in
    /// order it may have lost them.
    pub fn kept_keys(&self) -> Option<&String> {
        let kind = self.end.as_ref().map(|end| end.kind);
        self.authorized.as_ref().filter(|_| {
            matches!(
                kind,
                Some(EndKind::Guest | EndKind::Stop | EndKind::Suspend)
            )
        })
    }
}

impl Vm {
    /// Opens the VM in this folder.
    ///
    /// # Errors
    /// Its spec can't be read.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        let mut spec: Spec = file::read_json(&folder.join(SPEC), spec::VERSION)?;
        // It has the old name while a rename is under way.
        let name = folder.file_name().and_then(|name| name.to_str());
        if let Some(name) = name.and_then(|name| name.parse().ok()) {
            spec.name = name;
        }
        Ok(Self {
            spec,
            folder: folder.to_owned(),
        })
    }

    /// Returns the state, which follows from the locks and the record of the last run.
    pub fn state(&self) -> State {
        if lock::is_held(&self.folder.join(RUNNING_LOCK)) {
            return State::Running;
        }
        if lock::is_held(&self.folder.join(CREATING_LOCK)) {
            return State::Creating;
        }
        self.state_after_end()
    }

    /// Returns the state of a VM that no process runs or creates.
    pub fn state_after_end(&self) -> State {
        if self.suspended().exists() {
            return State::Suspended;
        }
        match self.record() {
            RunRecord {
                end:
                    Some(End {
                        kind: EndKind::Panic | EndKind::Failure,
                        reason,
                        ..
                    }),
                ..
            } => State::Crashed(reason),
            RunRecord {
                started: Some(_),
                end: None,
                ..
            } => State::Crashed("its supervisor was killed, or the host went down".into()),
            _ => State::Stopped,
        }
    }

    /// Changes the spec, one process at a time. `change` gets the spec as it is on disk by then.
    ///
    /// # Errors
    /// The spec can't be read or written, or `change` fails.
    pub fn change_spec<E: From<Error>>(
        &mut self,
        change: impl FnOnce(&mut Spec) -> Result<(), E>,
    ) -> Result<(), E> {
        let path = self.folder.join(SPEC_LOCK);
        let _lock = Lock::acquire(&path).writing(path).map_err(Error::from)?;
        let mut spec = Self::open(&self.folder)?.spec;
        change(&mut spec)?;
        file::write_json(&self.folder.join(SPEC), &spec).map_err(Error::from)?;
        self.spec = spec;
        Ok(())
    }

    /// Returns the record of the last run. It is empty for a VM that never ran.
    pub fn record(&self) -> RunRecord {
        file::read_json(&self.folder.join(RUN_RECORD), RUN_RECORD_VERSION).unwrap_or_else(|error| {
            if !error.is_not_found() {
                tracing::warn!(%error, "can't read the record of the VM's last run");
            }
            RunRecord::default()
        })
    }

    /// Writes the record of the run.
    ///
    /// # Errors
    /// The file can't be written.
    pub fn set_record(&self, record: &RunRecord) -> Result<(), Error> {
        let record = RunRecord {
            version: RUN_RECORD_VERSION,
            ..record.clone()
        };
        Ok(file::write_json(&self.folder.join(RUN_RECORD), &record)?)
    }

    /// Sets [`RunRecord::authorized`] of a disk that has changed. The caller has taken the VM.
    ///
    /// # Errors
    /// The record can't be written.
    pub fn set_authorized(&self, authorized: Option<String>) -> Result<(), Error> {
        let record = self.record();
        if record.authorized == authorized {
            return Ok(());
        }
        self.set_record(&RunRecord {
            authorized,
            ..record
        })
    }

    /// Forgets the guest's pinned host key, so that the next login pins the present one. Returns
    /// false if none was pinned.
    ///
    /// # Errors
    /// The file can't be read or written.
    pub fn trust_new_host_key(&self) -> Result<bool, keys::Error> {
        self.keys().forget_host(self.spec.name.as_str())
    }

    /// Takes the VM, to run or remove it. Returns none when another process has taken it.
    ///
    /// # Errors
    /// The lock can't be opened.
    pub fn take(&self) -> Result<Option<Lock>, Error> {
        let path = self.folder.join(RUNNING_LOCK);
        Ok(Lock::try_acquire(&path).writing(path)?)
    }

    /// Ends the machine of a supervisor that was killed, if the machine still runs. The caller has
    /// taken the VM.
    ///
    /// # Errors
    /// The machine can't be ended.
    pub(in crate::vm) fn remove_orphan(&self) -> Result<(), Error> {
        if !matches!(
            self.record(),
            RunRecord {
                started: Some(_),
                end: None,
                ..
            }
        ) {
            return Ok(());
        }
        let Spec {
            name, hypervisor, ..
        } = &self.spec;
        Hypervisor::remove_orphan(*hypervisor, name.as_str(), &self.overlay()).map_err(|source| {
            Error::Orphan {
                name: name.to_string(),
                source,
            }
        })
    }

    /// Removes the VM with all its files. The caller has taken it.
    ///
    /// # Errors
    /// An orphaned machine can't be ended, or a file can't be removed.
    pub fn remove(&self, taken: Lock) -> Result<(), Error> {
        // A machine that still runs has the disk open.
        self.remove_orphan()?;
        // A folder without a spec is not a VM, even if the rest can't be removed.
        let spec = self.folder.join(SPEC);
        match std::fs::remove_file(&spec) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            removed => removed.writing(spec)?,
        }
        fault::point("vm-doomed");
        Ok(file::remove_locked_dir(&self.folder, [taken]).writing(&self.folder)?)
    }

    /// Reads the user's credentials.
    ///
    /// # Errors
    /// A file can't be read.
    pub fn credentials(&self) -> Result<Vec<Credential>, Error> {
        let read = |name: &String| {
            let path = self.credential(name);
            let value = std::fs::read(&path).reading(path)?;
            Ok(Credential {
                name: name.clone(),
                value,
            })
        };
        self.spec.settings.credentials.iter().map(read).collect()
    }

    /// Returns the features of the VM's hypervisor on this host.
    pub fn features(&self) -> Features {
        self.spec.hypervisor.features(Os::current())
    }
}

/// The files of a VM, whether they exist or not.
impl Vm {
    pub fn keys(&self) -> Keys {
        Keys::in_folder(&self.folder)
    }

    /// Returns what an SSH session of this user in the guest needs.
    pub fn login(&self, user: &str) -> Login {
        Login {
            user: user.to_owned(),
            keys: self.keys(),
            alias: self.spec.name.to_string(),
        }
    }

    /// Returns the SSH door that lets us in while the VM runs.
    pub fn door(&self) -> Door {
        self.record().ssh_door.unwrap_or(Door::Guest)
    }

    /// The VM's own disk: an overlay over its base disk, or a copy of that.
    pub fn overlay(&self) -> PathBuf {
        self.folder.join(match self.features().disk {
            DiskFormat::Qcow2 => "overlay.qcow2".to_owned(),
            copy => format!("disk.{copy}"),
        })
    }

    /// The UEFI variables.
    pub fn variables(&self) -> PathBuf {
        self.folder.join("vars.fd")
    }

    pub(in crate::vm) fn credentials_folder(&self) -> PathBuf {
        self.folder.join("credentials")
    }

    /// The value of a user's credential. Its name is always a valid file name.
    pub(in crate::vm) fn credential(&self, name: &str) -> PathBuf {
        self.credentials_folder().join(name)
    }

    /// The disk for cloud-init.
    pub fn seed(&self) -> PathBuf {
        self.folder.join("cidata.img")
    }

    /// The configuration for Ignition.
    pub fn ignition(&self) -> PathBuf {
        self.folder.join("config.ign")
    }

    /// The folder of the TPM's state.
    pub fn tpm(&self) -> PathBuf {
        self.folder.join("tpm")
    }

    /// The new disk at this index of the spec's disks.
    pub fn extra_disk(&self, index: usize) -> PathBuf {
        self.folder.join(format!("extra{index}.qcow2"))
    }

    /// The swap disk.
    pub fn swap(&self) -> PathBuf {
        self.folder.join("swap.qcow2")
    }

    /// The description of a saved machine. While it exists, the VM is suspended.
    pub fn suspended(&self) -> PathBuf {
        self.folder.join(SUSPENDED)
    }

    /// The saved machine.
    pub fn suspended_state(&self) -> PathBuf {
        self.folder.join("suspended.state")
    }

    /// A saved machine in the making.
    pub fn suspended_partial(&self) -> PathBuf {
        self.folder.join("suspended.partial")
    }

    /// The configuration for OpenSSH.
    pub fn ssh_config(&self) -> PathBuf {
        self.folder.join("ssh_config")
    }

    /// The log of the serial console.
    pub fn console_log(&self) -> PathBuf {
        self.folder.join("console.log")
    }

    pub fn journal_log(&self) -> PathBuf {
        self.folder.join("journal.log")
    }

    pub fn helper_log(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.log"))
    }

    /// The hypervisor's own messages.
    pub fn qemu_log(&self) -> PathBuf {
        self.folder.join("qemu.log")
    }

    /// The supervisor's own messages.
    pub fn supervisor_log(&self) -> PathBuf {
        self.folder.join("supervisor.log")
    }

    /// The logs that every VM has: those of helpers and the journal are not among them.
    pub fn logs(&self) -> [PathBuf; 4] {
        let console = self.console_log();
        [
            console.with_extension("log.1"),
            console,
            self.qemu_log(),
            self.supervisor_log(),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_keeps_its_keys_only_over_an_end_in_order() {
        let kept = |kind: Option<EndKind>| {
            let record = RunRecord {
                authorized: Some("hash".into()),
                end: kind.map(|kind| End {
                    at: jiff::Timestamp::UNIX_EPOCH,
                    kind,
                    reason: String::new(),
                    power_cut: false,
                }),
                ..RunRecord::default()
            };
            record.kept_keys().is_some()
        };
        for (kind, keeps) in [
            (Some(EndKind::Guest), true),
            (Some(EndKind::Stop), true),
            (Some(EndKind::Panic), false),
            (Some(EndKind::Failure), false),
            (None, false),
        ] {
            assert_eq!(kept(kind), keeps, "{kind:?}");
        }
    }
}
