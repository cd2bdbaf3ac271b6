//! The credentials that a VM's guest gets at boot, and what a guest that takes too few asks for.

use std::path::PathBuf;

use super::{Vm, authorization, store};
use crate::guest::boot::hostname::Hostname;
use crate::guest::boot::{bootstrap, shares, units, user_credentials};
use crate::guest::ssh::keys;
use crate::hypervisor::{Credential, Features};

/// The first version of systemd that takes a hostname from a credential.
const HOSTNAME_CREDENTIAL: u32 = 254;

/// A VM's keys, files or credentials can't be used for a machine.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Keys(#[from] keys::Error),
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error(transparent)]
    Credentials(#[from] user_credentials::InvalidCredential),
    #[error("can't read {path}")]
    HostKey {
        path: PathBuf,
        source: std::io::Error,
    },
}

/// Returns the tool's credentials together with the user's.
///
/// # Errors
/// A file can't be read, a credential exists twice, or the credentials are too large.
pub fn credentials(vm: &Vm, features: &Features) -> Result<Vec<Credential>, Error> {
    if !features.credentials() {
        // The disk has the key. The rest happens over SSH when the guest is up.
        return Ok(vec![]);
    }
    // The guest appends the keys, and keeps them on its disk.
    let record = vm.record();
    let keys = authorization::credential(vm, features)?
        .filter(|(_, hash)| record.kept_keys() != Some(hash))
        .map(|(credential, _)| credential);
    let mut door = vec![];
    if features.channels && !vm.spec.bootstraps() {
        let (host_key, authorized) = door_keys(vm)?;
        door.extend(units::door_keys(host_key, &authorized));
    }
    joined(vm, features, keys, door, vm.credentials()?)
}

/// Returns the answer to a guest that asks for the agent, if it is one that does.
///
/// # Errors
/// A key can't be read.
pub fn bootstrap(vm: &Vm, features: &Features) -> Result<Option<String>, Error> {
    if !features.channels || !features.credentials() || !vm.spec.bootstraps() {
        return Ok(None);
    }
    let (host_key, authorized) = door_keys(vm)?;
    let host_key = String::from_utf8_lossy(&host_key);
    Ok(Some(bootstrap::answer(&host_key, &authorized)))
}

/// Returns the host key of the second SSH door, and the keys that it accepts.
fn door_keys(vm: &Vm) -> Result<(Vec<u8>, String), Error> {
    let path = vm.keys().door_key();
    let host_key = std::fs::read(&path).map_err(|source| Error::HostKey { path, source })?;
    Ok((host_key, authorization::public_keys(vm)?))
}

/// Returns the credentials of a VM that has no files yet, with the user's and without keys.
///
/// # Errors
/// A credential exists twice, or the credentials are too large.
pub fn planned_credentials(
    vm: &Vm,
    features: &Features,
    users: &[Credential],
) -> Result<Vec<Credential>, Error> {
    if !features.credentials() {
        return Ok(vec![]);
    }
    let keys = authorization::without_keys(vm);
    let door = match features.channels {
        true => units::door_keys(vec![], "").into(),
        false => vec![],
    };
    joined(vm, features, keys, door, users.to_vec())
}

/// Returns all credentials of a VM: those with its keys, the tool's others, and the user's.
fn joined(
    vm: &Vm,
    features: &Features,
    keys: Option<Credential>,
    door: Vec<Credential>,
    users: Vec<Credential>,
) -> Result<Vec<Credential>, Error> {
    let settings = &vm.spec.settings;
    if vm.spec.bootstraps() {
        return of_old_systemd(vm, features, keys, users);
    }
    let mut own = Vec::from_iter(keys);
    // A direct boot has the units in its initramfs.
    if features.channels && !vm.spec.is_ephemeral() {
        own.extend(units::agent());
    }
    own.extend(door);
    own.push(units::no_automatic_updates());
    // A direct boot has a kernel argument for this.
    if !vm.spec.is_ephemeral() {
        own.extend(units::no_first_boot_questions());
    }
    if vm.spec.cloned_from.is_some() && !vm.spec.is_ephemeral() {
        own.extend(units::clone(&vm.spec.id));
    }
    own.extend(mounts(vm, features));
    own.extend(settings.hostname.as_ref().map(Hostname::credential));
    if vm.spec.grow_root {
        own.extend(units::grow_root());
    }
    if settings.swap.is_some() {
        own.extend(units::swap());
    }
    if settings.journal {
        own.extend(units::journal_to_channel());
    }
    Ok(user_credentials::merge(own, users)?)
}

/// Returns the credentials that make the guest mount the VM's shares.
pub fn mounts(vm: &Vm, features: &Features) -> Vec<Credential> {
    let shares: Vec<_> = vm.spec.settings.shares.numbered().collect();
    shares::credentials(&shares, features.shares)
}

/// Returns the credentials for a systemd that takes no units, and reads few bytes. The most
/// important one comes first.
fn of_old_systemd(
    vm: &Vm,
    features: &Features,
    keys: Option<Credential>,
    users: Vec<Credential>,
) -> Result<Vec<Credential>, Error> {
    let lines = match features.channels {
        true => Some(bootstrap::add_to(keys)),
        false => keys,
    };
    let mut own = Vec::from_iter(lines);
    let takes_hostname = vm.spec.systemd >= Some(HOSTNAME_CREDENTIAL);
    let hostname = vm.spec.settings.hostname.as_ref();
    own.extend(
        hostname
            .filter(|_| takes_hostname)
            .map(Hostname::credential),
    );
    Ok(user_credentials::merge_for_old(own, users)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Os;
    use crate::vm::Spec;

    fn vm(systemd: u32) -> Vm {
        let mut spec = Spec {
            systemd: Some(systemd),
            ..Spec::sample()
        };
        spec.settings.hostname = Some("web".parse().unwrap());
        spec.settings.credentials = vec!["app.token".into()];
        Vm {
            spec,
            folder: "tests/command-lines/vm".into(),
        }
    }

    #[test]
    fn an_old_systemd_gets_what_fits_and_asks_for_the_rest() {
        let names = |systemd| {
            let vm = vm(systemd);
            let features = vm.spec.hypervisor.features(Os::Linux);
            let all = credentials(&vm, &features).unwrap();
            let asks = bootstrap(&vm, &features).unwrap().is_some();
            let names = all.into_iter().map(|c| c.name);
            (asks, names.collect::<Vec<_>>().join(" "))
        };
        assert_eq!(names(252), (true, "tmpfiles.extra app.token".into()));
        let with_hostname = "tmpfiles.extra system.hostname app.token";
        assert_eq!(names(255), (true, with_hostname.into()));
        let (asks, new) = names(256);
        assert!(!asks, "credentials have the agent");
        assert!(
            new.contains("podman-bootc.agent") && new.contains("podman-bootc.hostkey"),
            "{new}"
        );
    }

    #[test]
    fn the_lines_with_the_agent_stay_when_the_guest_has_its_keys() {
        let vm = vm(252);
        let features = vm.spec.hypervisor.features(Os::Linux);
        let all = joined(&vm, &features, None, vec![], vec![]).unwrap();
        let lines = String::from_utf8(all[0].value.clone()).unwrap();
        assert!(lines.contains("podman-bootc-agent.service"), "{lines}");
        assert!(!lines.contains("authorized_keys"), "{lines}");
    }

    #[test]
    fn data_that_an_old_systemd_would_lose_is_refused() {
        let vm = vm(252);
        let features = vm.spec.hypervisor.features(Os::Linux);
        let large = Credential {
            name: "app.config".into(),
            value: vec![b'x'; 2800],
        };
        let error = joined(&vm, &features, None, vec![], vec![large]).unwrap_err();
        assert!(error.to_string().contains("older than 256"), "{error}");
    }
}
