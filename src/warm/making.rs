//! A template in the making.

use std::fs::File;
use std::io;
use std::path::PathBuf;

use super::template::{
    DESCRIPTION, DISK, Description, Lasts, MEMORY, STATE, Template, USED, VERSION, files, remember,
};
use crate::host::fs::file;
use crate::host::fs::lock::Lock;
use crate::host::{self, fault};
use crate::hypervisor::{Saved, UseOfMemory};

/// A template in the making. Dropping it removes its files.
#[derive(Debug)]
pub struct Making {
    pub(super) partial: PathBuf,
    pub(super) folder: PathBuf,
    pub(super) origin: String,
    pub(super) _lock: MakingLock,
}

/// The lock of a process that makes a template. Dropping it removes the lock's file.
#[derive(Debug)]
pub(super) struct MakingLock {
    path: PathBuf,
    _lock: Lock,
}

impl Making {
    /// Returns the memory of the machine that becomes the template.
    pub fn saved(&self) -> Saved {
        Saved {
            memory: self.partial.join(MEMORY),
            use_of_memory: UseOfMemory::Save,
        }
    }

    pub fn state(&self) -> PathBuf {
        self.partial.join(STATE)
    }

    /// The layer of the disk that the machine writes to, if it has one.
    pub fn disk(&self) -> PathBuf {
        self.partial.join(DISK)
    }

    /// Reserves room for the memory of a machine that runs on without becoming a template. The disk
    /// may run full meanwhile, and a write without room would kill the machine.
    ///
    /// # Errors
    /// The filesystem has too little free space.
    pub fn keep_memory(&self) -> io::Result<()> {
        file::fill_holes(&self.partial.join(MEMORY))
    }

    /// Remembers that machines of this shape can't be resumed.
    pub fn refuse(&self, reason: &str, lasts: Lasts) {
        remember(&self.folder, reason, lasts);
    }

    /// Gives the template its name. A thread syncs its files afterwards: until then, only this boot
    /// of the host trusts them.
    ///
    /// # Errors
    /// A file can't be changed.
    pub fn finish(self) -> io::Result<Template> {
        fault::point("template-saved");
        let description = Description {
            version: VERSION,
            origin: self.origin.clone(),
            made: jiff::Timestamp::now(),
            host_boot: host::boot_id(),
            synced: false,
        };
        for path in files(&self.partial) {
            file::make_read_only(&path)?;
        }
        file::create_private(&self.partial.join(USED))?;
        file::write_json(&self.partial.join(DESCRIPTION), &description)
            .map_err(io::Error::other)?;
        let lease = Lock::acquire_shared(&self.partial.join(USED))?;
        file::remove_dir(&self.folder)?;
        std::fs::rename(&self.partial, &self.folder)?;
        fault::point("template-made");
        let template = Template::new(self.folder.clone(), lease);
        let paths = files(&self.folder);
        let folder = self.folder.clone();
        std::thread::spawn(move || {
            let synced = paths
                .iter()
                .try_for_each(|path| File::open(path)?.sync_all());
            let description = Description {
                synced: true,
                ..description
            };
            if synced.is_ok() && folder.exists() {
                let _ = file::write_json(&folder.join(DESCRIPTION), &description);
            }
        });
        Ok(template)
    }
}

impl MakingLock {
    pub(super) fn try_acquire(path: PathBuf) -> io::Result<Option<Self>> {
        let lock = Lock::try_acquire(&path)?;
        Ok(lock.map(|_lock| Self { path, _lock }))
    }
}

impl Drop for MakingLock {
    fn drop(&mut self) {
        let _ = file::remove_if_exists(&self.path);
    }
}

impl Drop for Making {
    fn drop(&mut self) {
        if let Err(error) = file::remove_dir(&self.partial) {
            tracing::warn!(path = %self.partial.display(), %error, "can't remove half a template");
        }
    }
}
