//! The files that the user gives a new VM. They are kept in the VM's folder.

use std::io::Write;
use std::path::Path;

use super::instance::Vm;
use crate::disk::{self, CopyError, ExtraDisk, QemuImgError};
use crate::guest::boot::cloudinit::{self, Seed};
use crate::guest::boot::ignition::Ignition;
use crate::host::fs::file::{self, IoContext as _};
use crate::hypervisor::Credential;
use crate::vm::Settings;

/// The user's files for a new VM.
#[derive(Debug, Clone, Default)]
pub struct UserFiles {
    pub credentials: Vec<Credential>,
    /// The content of the disk for cloud-init.
    pub seed: Option<Seed>,
    pub ignition: Option<Ignition>,
}

/// The user's files can't be written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    File(#[from] file::Error),
    #[error(transparent)]
    CloudInit(#[from] cloudinit::Error),
    #[error(transparent)]
    Disk(#[from] QemuImgError),
    #[error(transparent)]
    Swap(#[from] CopyError),
}

impl UserFiles {
    /// Writes the files to the VM's folder, and creates the new disks and the folder for the TPM
    /// there.
    ///
    /// # Errors
    /// A file or a disk can't be created.
    pub fn write(&self, vm: &Vm) -> Result<(), Error> {
        let Settings {
            disks,
            hostname,
            tpm,
            swap,
            ..
        } = &vm.spec.settings;
        if !self.credentials.is_empty() {
            make_folder(&vm.credentials_folder())?;
        }
        for Credential { name, value } in &self.credentials {
            write(&vm.credential(name), value)?;
        }
        if let Some(seed) = &self.seed {
            let name = hostname
                .as_ref()
                .map_or_else(|| vm.spec.name.to_string(), ToString::to_string);
            write(&vm.seed(), &seed.image(&vm.spec.id, &name)?)?;
        }
        if let Some(ignition) = &self.ignition {
            write(&vm.ignition(), ignition.bytes())?;
        }
        if *tpm {
            make_folder(&vm.tpm())?;
        }
        for (index, extra) in disks.numbered() {
            if let ExtraDisk::New { size } = extra {
                disk::create_empty(&vm.extra_disk(index), *size)?;
            }
        }
        if let Some(size) = swap {
            disk::create_swap(&vm.swap(), *size)?;
        }
        Ok(())
    }
}

fn make_folder(path: &Path) -> Result<(), file::Error> {
    file::create_private_dir(path).writing(path)
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), file::Error> {
    file::create_private(path)
        .and_then(|mut file| file.write_all(bytes))
        .writing(path)
}
