//! The keys with which the guest lets a VM's user in.

use super::{Spec, Vm};
use crate::guest::boot::authorized_key;
use crate::guest::ssh::keys;
use crate::hypervisor::{Credential, Features};

/// Returns the credential that authorizes our keys and the user's, and its hash. None where the disk
/// has the keys already, or the user's home is unknown.
///
/// # Errors
/// A key can't be read.
pub fn credential(
    vm: &Vm,
    features: &Features,
) -> Result<Option<(Credential, String)>, keys::Error> {
    let Spec {
        user, home, owner, ..
    } = &vm.spec;
    let Some(home) = home.as_ref().filter(|_| features.credentials()) else {
        return Ok(None);
    };
    let credential = authorized_key::credential(user, *owner, home, &public_keys(vm)?);
    let hash = authorized_key::hash(&credential);
    Ok(Some((credential, hash)))
}

/// Returns the same credential of a VM that has no keys yet.
pub fn without_keys(vm: &Vm) -> Option<Credential> {
    let Spec {
        user, home, owner, ..
    } = &vm.spec;
    let home = home.as_ref()?;
    Some(authorized_key::credential(user, *owner, home, ""))
}

/// Returns our keys and the user's, one a line.
pub fn public_keys(vm: &Vm) -> Result<String, keys::Error> {
    let keys: Vec<String> = std::iter::once(vm.keys().public_lines()?)
        .chain(vm.spec.settings.ssh_keys.clone())
        .collect();
    Ok(keys.join("\n"))
}
