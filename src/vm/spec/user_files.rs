//! Files that a VM gets of its user, kept in the VM's folder, and where they are there.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::settings::Settings;
use crate::disk::{self, ExtraDisk, QemuImgError};
use crate::guest::boot::cloudinit;
use crate::guest::boot::cloudinit::Seed;
use crate::guest::boot::ignition::Ignition;
use crate::host::fs::file;
use crate::hypervisor::Credential;
use crate::vm::Vm;

/// The user's files for a new VM.
#[derive(Debug, Clone, Default)]
pub struct UserFiles {
    /// The user's credentials.
    pub credentials: Vec<Credential>,
    /// A seed for cloud-init.
    pub seed: Option<Seed>,
    /// A configuration for Ignition.
    pub ignition: Option<Ignition>,
}

/// The files can't be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file can't be written or read.
    #[error("can't use {path}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The disk for cloud-init can't be made.
    #[error(transparent)]
    CloudInit(#[from] cloudinit::Error),
    /// A new disk can't be made.
    #[error(transparent)]
    Disk(#[from] QemuImgError),
}

impl UserFiles {
    /// Writes them, and makes what else the settings want there.
    ///
    /// # Errors
    /// Something can't be made.
    pub fn write(&self, vm: &Vm) -> Result<(), Error> {
        let Settings { disks, hostname, tpm, .. } = &vm.spec.settings;
        if !self.credentials.is_empty() {
            make_folder(&vm.credentials_folder())?;
        }
        for Credential { name, value } in &self.credentials {
            write(&vm.credential(name), value)?;
        }
        if let Some(seed) = &self.seed {
            let name = hostname.as_ref().map_or_else(|| vm.spec.name.to_string(), ToString::to_string);
            write(&vm.seed(), &seed.image(&vm.spec.id, &name)?)?;
        }
        if let Some(ignition) = &self.ignition {
            write(&vm.ignition(), ignition.bytes())?;
        }
        if *tpm {
            make_folder(&vm.tpm())?;
        }
        for (index, extra) in disks.iter().enumerate() {
            if let ExtraDisk::New { size } = extra {
                disk::create_empty(&vm.extra_disk(index), *size)?;
            }
        }
        Ok(())
    }
}

impl Vm {
    /// The user's credentials.
    ///
    /// # Errors
    /// A file can't be read.
    pub fn credentials(&self) -> Result<Vec<Credential>, Error> {
        let read = |name: &String| {
            let path = self.credential(name);
            match std::fs::read(&path) {
                Ok(value) => Ok(Credential { name: name.clone(), value }),
                Err(source) => Err(Error::Io { path, source }),
            }
        };
        self.spec.settings.credentials.iter().map(read).collect()
    }

    fn credentials_folder(&self) -> PathBuf {
        self.folder.join("credentials")
    }

    /// A name of a credential is one of a file.
    fn credential(&self, name: &str) -> PathBuf {
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

    /// The state of its TPM.
    pub fn tpm(&self) -> PathBuf {
        self.folder.join("tpm")
    }

    /// The new disk of this place in the list.
    pub fn extra_disk(&self, index: usize) -> PathBuf {
        self.folder.join(format!("extra{index}.qcow2"))
    }

    /// What its journal said, where that is kept.
    pub fn journal_log(&self) -> PathBuf {
        self.folder.join("journal.log")
    }
}

fn make_folder(path: &Path) -> Result<(), Error> {
    file::create_private_dir(path).map_err(|source| Error::Io { path: path.to_owned(), source })
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let write = || file::create_private(path)?.write_all(bytes);
    write().map_err(|source| Error::Io { path: path.to_owned(), source })
}
