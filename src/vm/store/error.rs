//! Why the store of VMs can't do something.

use crate::host::fs::file;
use crate::hypervisor::FindError;
use crate::vm::Name;

/// A VM can't be found, created or removed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("VM {0} already exists; choose another name, or remove it with `podman-bootc rm {0}`")]
    Taken(Name),
    #[error("no VM {0}; list all VMs with `podman-bootc list`")]
    NotFound(String),
    #[error("ID prefix `{prefix}` is ambiguous: it matches {names}")]
    Ambiguous { prefix: String, names: String },
    #[error("VM {0} is still being created")]
    Creating(String),
    #[error("can't read VM {name}: {why}. Remove the VM with `podman-bootc rm -f {name}`")]
    Damaged { name: String, why: String },
    #[error(
        "VM {0} is in use, and its vm.json can't be read. Shut the VM down from inside the guest, \
         then remove it with `podman-bootc rm -f {0}`"
    )]
    DamagedInUse(String),
    #[error("VM {name} is still running without a supervisor and can't be stopped")]
    Orphan { name: String, source: FindError },
    #[error(transparent)]
    File(#[from] file::Error),
}
