//! The files of the base disk cache: one folder for each key, which exists only when the disk is
//! complete.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{BaseDisk, Key};
use crate::host::fault;
use crate::host::fs::file::{self, IoContext};
use crate::host::process::interrupt::Interrupted;

const VERSION: u32 = 1;
pub const DISK: &str = "disk.raw";
pub const LOG: &str = "install.log";
const DESCRIPTION: &str = "disk.json";
const USED: &str = "used";
const PARTIAL: &str = ".partial";
const LOCK: &str = ".lock";
const FAILED_LOG: &str = ".log";

/// The cache of base disks can't be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    File(#[from] file::Error),
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

#[derive(Serialize, Deserialize)]
struct Description {
    version: u32,
    #[serde(flatten)]
    disk: BaseDisk,
}

#[derive(Debug, Clone)]
pub struct CacheFolder {
    pub path: PathBuf,
}

impl CacheFolder {
    /// The folder of a finished disk.
    pub fn disk_folder(&self, key: &Key) -> PathBuf {
        self.path.join(key.to_string())
    }

    pub fn disk(&self, key: &Key) -> PathBuf {
        self.disk_folder(key).join(DISK)
    }

    /// The file that a process locks (shared) before it uses the disk. Its modification time is the
    /// last use.
    pub fn used(&self, key: &Key) -> PathBuf {
        self.disk_folder(key).join(USED)
    }

    /// The folder of an unfinished disk.
    pub fn partial(&self, key: &Key) -> PathBuf {
        self.path.join(format!("{key}{PARTIAL}"))
    }

    /// The log of a failed install.
    pub fn failed_log(&self, key: &Key) -> PathBuf {
        self.path.join(format!("{key}{FAILED_LOG}"))
    }

    /// The lock of the process that makes a disk. All disks with the same content share it.
    pub fn lock(&self, key: &Key) -> PathBuf {
        self.path.join(format!("{}{LOCK}", key.content()))
    }

    pub fn read(&self, key: &Key) -> Result<BaseDisk, Error> {
        let description: Description =
            file::read_json(&self.disk_folder(key).join(DESCRIPTION), VERSION)?;
        let file = self.disk(key);
        file.metadata().reading(&file)?;
        // The folder's name overrides the key in the description, because VMs refer to the folder.
        Ok(BaseDisk {
            key: key.clone(),
            file,
            ..description.disk
        })
    }

    /// Moves a finished disk from the folder `partial` to its place.
    pub fn place(&self, mut disk: BaseDisk, partial: &Path) -> Result<BaseDisk, Error> {
        let folder = self.disk_folder(&disk.key);
        disk.file = folder.join(DISK);
        let used = partial.join(USED);
        file::create_private(&used).writing(&used)?;
        let description = Description {
            version: VERSION,
            disk,
        };
        file::write_json(&partial.join(DESCRIPTION), &description)?;
        fault::point("disk-described");
        std::fs::rename(partial, &folder).writing(&folder)?;
        fault::point("disk-placed");
        file::sync_dir(&self.path).writing(&self.path)?;
        Ok(description.disk)
    }

    /// The keys of all finished disks.
    pub fn keys(&self) -> Result<Vec<Key>, Error> {
        let mut keys = Vec::new();
        for entry in std::fs::read_dir(&self.path).reading(&self.path)? {
            let entry = entry.reading(&self.path)?;
            keys.extend(
                entry
                    .file_name()
                    .to_str()
                    .and_then(|name| name.parse::<Key>().ok()),
            );
        }
        Ok(keys)
    }

    /// The folders of all unfinished disks.
    pub fn partials(&self) -> impl Iterator<Item = (Key, PathBuf)> {
        self.names()
            .filter_map(|(name, path)| Some((name.strip_suffix(PARTIAL)?.parse().ok()?, path)))
    }

    /// All files that [`Self::failed_log`] names.
    pub fn failed_logs(&self) -> impl Iterator<Item = PathBuf> {
        let is_log = |name: &str| {
            name.strip_suffix(FAILED_LOG)
                .is_some_and(|key| key.parse::<Key>().is_ok())
        };
        self.names()
            .filter(move |(name, _)| is_log(name))
            .map(|(_, path)| path)
    }

    fn names(&self) -> impl Iterator<Item = (String, PathBuf)> {
        file::entries(&self.path).map(|entry| {
            (
                entry.file_name().to_string_lossy().into_owned(),
                entry.path(),
            )
        })
    }
}
