//! A VM's folder: its spec, its state, and the names of its files.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Error;
use crate::guest::ssh::keys::Keys;
use crate::host::fs::file;
use crate::host::fs::lock;
use crate::host::fs::lock::Lock;
use crate::host::{Os, fault};
use crate::hypervisor::{DiskFormat, Features, Hypervisor};
use crate::vm::spec;
use crate::vm::spec::Spec;

pub(super) const SPEC: &str = "vm.json";
/// Held by who changes the spec.
const SPEC_LOCK: &str = "spec.lock";
const RECORD: &str = "state.json";
/// Held by the supervisor as long as the VM runs.
pub(super) const RUNNING_LOCK: &str = "running.lock";
/// Held by who makes the VM, until its supervisor has taken over.
pub(super) const CREATING_LOCK: &str = "creating.lock";
const RECORD_VERSION: u32 = 1;

/// A VM that is complete on disk.
#[derive(Debug, Clone)]
pub struct Vm {
    /// What it is.
    pub spec: Spec,
    /// Its folder.
    pub folder: PathBuf,
}

/// What a VM is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// It is being made.
    Creating,
    /// Its supervisor lives.
    Running,
    /// It ended in order, or was never started.
    Stopped,
    /// It ended otherwise, as the text says.
    Crashed(String),
}

impl State {
    /// The state's name in listings.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Creating => "creating",
            Self::Running => "running",
            Self::Stopped => "stopped",
            Self::Crashed(_) => "crashed",
        }
    }
}

/// `state.json`: what the supervisor last wrote of the VM's run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// `RECORD_VERSION`, set on writing.
    #[serde(default)]
    pub version: u32,
    /// When it was started last.
    pub started: Option<jiff::Timestamp>,
    /// The accelerator that it got.
    pub accelerator: Option<crate::hypervisor::accelerator::Accelerator>,
    /// Its SSH port on loopback; the next start asks for the same.
    pub ssh_port: Option<u16>,
    /// The ports that are forwarded beside that.
    #[serde(default)]
    pub ports: Vec<crate::hypervisor::Forward>,
    /// How that run ended; none while it runs.
    pub end: Option<End>,
}

/// How a VM's run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// When.
    pub at: jiff::Timestamp,
    /// In which way.
    pub how: How,
    /// In words.
    pub reason: String,
}

/// The ways in which a VM ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum How {
    /// The guest shut itself down.
    Guest,
    /// `stop`, `rm -f`, or the end of the session that it was made for.
    Stop,
    /// The guest's kernel panicked.
    Panic,
    /// The hypervisor failed or was killed.
    Failure,
}

impl Vm {
    /// The VM in this folder.
    ///
    /// # Errors
    /// Its spec can't be read.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        let spec: Spec = file::read_json(&folder.join(SPEC), spec::VERSION)?;
        Ok(Self { spec, folder: folder.to_owned() })
    }

    /// What it is doing.
    pub fn state(&self) -> State {
        if lock::is_held(&self.folder.join(RUNNING_LOCK)) {
            return State::Running;
        }
        if lock::is_held(&self.folder.join(CREATING_LOCK)) {
            return State::Creating;
        }
        match self.record() {
            Record { end: Some(End { how: How::Panic | How::Failure, reason, .. }), .. } => {
                State::Crashed(reason)
            }
            Record { started: Some(_), end: None, .. } => {
                State::Crashed("its supervisor was killed, or the host went down".into())
            }
            _ => State::Stopped,
        }
    }

    /// Changes the spec, one process at a time; `change` gets it as it is by now.
    ///
    /// # Errors
    /// It can't be read or written, or `change` refuses.
    pub fn change_spec<E: From<Error>>(
        &mut self,
        change: impl FnOnce(&mut Spec) -> Result<(), E>,
    ) -> Result<(), E> {
        let path = self.folder.join(SPEC_LOCK);
        let _lock = Lock::acquire(&path).map_err(|source| Error::Io { path, source })?;
        let mut spec = Self::open(&self.folder)?.spec;
        change(&mut spec)?;
        file::write_json(&self.folder.join(SPEC), &spec).map_err(Error::from)?;
        self.spec = spec;
        Ok(())
    }

    /// What its supervisor wrote last; empty when it never ran.
    pub fn record(&self) -> Record {
        match file::read_json(&self.folder.join(RECORD), RECORD_VERSION) {
            Ok(record) => record,
            Err(error) => {
                if !error.is_not_found() {
                    tracing::warn!(%error, "the record of the VM's last run is lost");
                }
                Record::default()
            }
        }
    }

    /// Keeps the record of its run.
    ///
    /// # Errors
    /// The file can't be written.
    pub fn set_record(&self, record: &Record) -> Result<(), Error> {
        let record = Record { version: RECORD_VERSION, ..record.clone() };
        Ok(file::write_json(&self.folder.join(RECORD), &record)?)
    }

    /// Takes the VM for running or removing it; none when someone else has it.
    ///
    /// # Errors
    /// The lock can't be opened.
    pub fn take(&self) -> Result<Option<Lock>, Error> {
        let path = self.folder.join(RUNNING_LOCK);
        Lock::try_acquire(&path).map_err(|source| Error::Io { path, source })
    }

    /// Ends what its supervisor left, if that was killed and the machine goes on without it; the caller has taken it.
    ///
    /// # Errors
    /// It can't be ended.
    pub(super) fn end_left(&self) -> Result<(), Error> {
        if !matches!(self.record(), Record { started: Some(_), end: None, .. }) {
            return Ok(());
        }
        let Spec { name, hypervisor, .. } = &self.spec;
        Hypervisor::remove_orphan(*hypervisor, name.as_str(), &self.overlay())
            .map_err(|source| Error::Left { name: name.to_string(), source })
    }

    /// Removes it with all its files; the caller has taken it.
    ///
    /// # Errors
    /// Its machine can't be ended, or a file can't be removed.
    pub fn remove(&self, taken: Lock) -> Result<(), Error> {
        // It would hold its disk.
        self.end_left()?;
        // Without its spec it is no VM any more, whatever happens to the rest.
        let spec = self.folder.join(SPEC);
        match std::fs::remove_file(&spec) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                return Err(Error::Io { path: spec, source });
            }
            _ => {}
        }
        fault::point("vm-doomed");
        file::remove_locked_dir(&self.folder, [taken])
            .map_err(|source| Error::Io { path: self.folder.clone(), source })
    }

    /// Its keys.
    pub fn keys(&self) -> Keys {
        Keys::in_folder(&self.folder)
    }

    /// Its own disk: a layer over what it stands on, or a copy of that.
    pub fn overlay(&self) -> PathBuf {
        self.folder.join(match self.features().disk {
            DiskFormat::Qcow2 => "overlay.qcow2",
            DiskFormat::Raw => "disk.raw",
            DiskFormat::Vhdx => "disk.vhdx",
        })
    }

    /// What its hypervisor can do.
    pub fn features(&self) -> Features {
        self.spec.hypervisor.features(Os::current())
    }

    /// Its UEFI variables.
    pub fn variables(&self) -> PathBuf {
        self.folder.join("vars.fd")
    }

    /// The log of its serial console.
    pub fn console_log(&self) -> PathBuf {
        self.folder.join("console.log")
    }

    /// The messages of the helper of this name.
    pub fn helper_log(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.log"))
    }

    /// What OpenSSH has to know of it.
    pub fn ssh_config(&self) -> PathBuf {
        self.folder.join("ssh_config")
    }

    /// QEMU's own messages.
    pub fn qemu_log(&self) -> PathBuf {
        self.folder.join("qemu.log")
    }

    /// The logs of all VMs, whether they are there or not; what helpers and the journal say has files of its own.
    pub fn logs(&self) -> [PathBuf; 4] {
        let console = self.console_log();
        [console.with_extension("log.1"), console, self.qemu_log(), self.supervisor_log()]
    }

    /// The supervisor's own messages.
    pub fn supervisor_log(&self) -> PathBuf {
        self.folder.join("supervisor.log")
    }
}
