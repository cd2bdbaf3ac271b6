//! The setup of a guest that a first session completes: shares and hostname.

use crate::guest::boot::shares;
use crate::guest::ssh::session::{Error, Session};
use crate::vm::Vm;

/// A part of the setup that failed in a VM that is up otherwise.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    #[error("VM {name} is up, but its hostname couldn't be set to {hostname}: {why}")]
    Hostname {
        name: String,
        hostname: String,
        why: String,
    },
    #[error("VM {name} is up, but {why}")]
    Shares { name: String, why: String },
}

/// Completes the guest's setup; returns the parts that failed.
///
/// # Errors
/// The session breaks.
pub async fn set_up(vm: &Vm, session: &Session) -> Result<Vec<Fault>, Error> {
    let mut faults = Vec::new();
    faults.extend(mount_shares(vm, session).await?);
    faults.extend(set_hostname(vm, session).await?);
    Ok(faults)
}

/// Mounts the shares that the guest has not mounted itself: systemd before 256 doesn't.
async fn mount_shares(vm: &Vm, session: &Session) -> Result<Option<Fault>, Error> {
    let shares: Vec<_> = vm.spec.settings.shares.numbered().collect();
    if shares.is_empty() {
        return Ok(None);
    }
    let way = vm.features().shares;
    let (code, output) = session
        .capture_script(&shares::mount_line(&shares, way))
        .await?;
    let mut failures = shares::failures(&shares, way, &output);
    if failures.is_empty() && code != 0 {
        failures.push(format!(
            "user {} can't mount the shares in the VM (`sudo -n` failed): {}",
            vm.spec.user,
            crate::text::plain(&output)
        ));
    }
    let fault = || Fault::Shares {
        name: vm.spec.name.to_string(),
        why: failures.join("; "),
    };
    Ok((!failures.is_empty()).then(fault))
}

/// Sets the hostname where the image's own name or a systemd before 254 has prevented it.
async fn set_hostname(vm: &Vm, session: &Session) -> Result<Option<Fault>, Error> {
    let Some(hostname) = &vm.spec.settings.hostname else {
        return Ok(None);
    };
    Ok(
        match session.capture_script(&hostname.shell_line()).await? {
            (0, _) => None,
            (_, why) => Some(Fault::Hostname {
                name: vm.spec.name.to_string(),
                hostname: hostname.to_string(),
                why: crate::text::plain(&why),
            }),
        },
    )
}
