//! One template: its files and its description.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::host::MemoryCopy;
use crate::host::fs::file;
use crate::host::fs::lock::Lock;
use crate::hypervisor::{Saved, UseOfMemory};

pub(super) const VERSION: u32 = 1;
pub(super) const DESCRIPTION: &str = "template.json";
pub(super) const MEMORY: &str = "memory";
pub(super) const STATE: &str = "state";
/// What the guest wrote to its disk before it was frozen.
pub(super) const DISK: &str = "disk.qcow2";
pub(super) const USED: &str = "used";
/// The reason why machines of this shape can't be resumed.
const UNFIT: &str = ".unfit";
/// The same, for a day.
const LATE: &str = ".late";
/// A host that was busy may be idle by then.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// The ends of the names of files with such reasons.
pub(super) const REFUSALS: [&str; 2] = [UNFIT, LATE];

/// How long a refusal counts, until `prune` forgets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lasts {
    Always,
    /// The host may have been too slow.
    ADay,
}

/// The content of `template.json`.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Description {
    pub version: u32,
    /// What the machine runs, for listings.
    pub origin: String,
    pub made: jiff::Timestamp,
    /// The host's boot. After another one, only files that were synced count.
    pub host_boot: String,
    pub synced: bool,
}

/// A template that stays as long as this value lives.
#[derive(Debug)]
pub struct Template {
    folder: PathBuf,
    copy: Option<MemoryCopy>,
    _lease: Lock,
}

impl Template {
    pub(super) fn new(folder: PathBuf, lease: Lock) -> Self {
        Self {
            folder,
            copy: None,
            _lease: lease,
        }
    }

    /// Copies the memory, so that helpers of the machine can map it, too.
    ///
    /// # Errors
    /// The file can't be read, or the host's memory doesn't suffice.
    pub fn copy_memory(&mut self) -> io::Result<()> {
        self.copy = Some(MemoryCopy::of(&self.folder.join(MEMORY))?);
        Ok(())
    }

    /// Returns the memory for one machine that resumes.
    pub fn saved(&self) -> Saved {
        match &self.copy {
            Some(copy) => Saved {
                memory: copy.path(),
                use_of_memory: UseOfMemory::ResumeShared,
            },
            None => Saved {
                memory: self.folder.join(MEMORY),
                use_of_memory: UseOfMemory::Resume,
            },
        }
    }

    pub fn state(&self) -> PathBuf {
        self.folder.join(STATE)
    }

    /// The layer of the disk that the machine writes to, if it has one.
    pub fn disk(&self) -> PathBuf {
        self.folder.join(DISK)
    }

    /// Removes a template that can't be used. VMs that use its memory keep it.
    pub fn discard(self) {
        if let Err(error) = file::remove_dir(&self.folder) {
            tracing::warn!(path = %self.folder.display(), %error, "can't remove a template");
        }
    }

    /// Removes a template from which no machine may be resumed, and remembers why.
    pub fn refuse(self, reason: &str, lasts: Lasts) {
        remember(&self.folder, reason, lasts);
        self.discard();
    }
}

/// Returns the files of the template in this folder.
pub(super) fn files(folder: &Path) -> Vec<PathBuf> {
    let files = [MEMORY, STATE, DISK].map(|name| folder.join(name));
    files.into_iter().filter(|file| file.exists()).collect()
}

/// Remembers why machines of the shape of the template in this folder can't be resumed.
pub(super) fn remember(folder: &Path, reason: &str, lasts: Lasts) {
    let end = match lasts {
        Lasts::Always => UNFIT,
        Lasts::ADay => LATE,
    };
    if let Err(error) = file::write_atomic(&beside(folder, end), reason.as_bytes()) {
        tracing::warn!(%error, "can't record that a machine can't be resumed");
    }
}

/// Returns the reason why no machine of the shape of the template in this folder can be resumed now.
pub(super) fn refusal(folder: &Path) -> Option<String> {
    let late = beside(folder, LATE);
    let is_new = || {
        let changed = late.metadata().and_then(|metadata| metadata.modified());
        changed.is_ok_and(|time| time.elapsed().unwrap_or_default() < DAY)
    };
    let reason = std::fs::read_to_string(beside(folder, UNFIT));
    let late = || is_new().then(|| std::fs::read_to_string(&late).ok())?;
    reason.ok().or_else(late)
}

/// Returns the file beside a template's folder whose name ends so.
pub(super) fn beside(folder: &Path, end: &str) -> PathBuf {
    let mut path = folder.as_os_str().to_owned();
    path.push(end);
    path.into()
}
