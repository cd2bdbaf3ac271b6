//! The helper processes that a VM's devices need.

use std::path::PathBuf;

use crate::direct_boot::{BootCache, ServedRoot};
use crate::guest::boot::shares;
use crate::host::fs::dirs::Dirs;
use crate::hypervisor::helpers::virtiofsd::{Owner, Virtiofsd};
use crate::hypervisor::helpers::{Socket, swtpm, virtiofsd};
use crate::hypervisor::{Features, FolderServer, Helper, Launch};
use crate::image::{self, Podman};
use crate::vm::Vm;
use crate::vm::hardware::{TPM, shared_folders};
use crate::{direct_boot, host};

/// Returns the helpers of a VM's machine.
///
/// # Errors
/// A program is missing or too old.
pub fn helpers(vm: &Vm, dirs: &Dirs, features: &Features) -> Result<Vec<Helper>, Error> {
    let mut helpers = folder_helpers(vm, dirs, features)?;
    if vm.spec.settings.tpm {
        helpers.push(Helper {
            name: "the TPM (swtpm)".into(),
            launch: swtpm::launch(swtpm::program()?),
            folder: vm.tpm(),
            socket: Socket::Inherited(dirs.runtime_of(&vm.spec.id).join(TPM)),
            log: vm.helper_log(TPM),
        });
    }
    Ok(helpers)
}

fn folder_helpers(vm: &Vm, dirs: &Dirs, features: &Features) -> Result<Vec<Helper>, Error> {
    let folders: Vec<(String, PathBuf)> = shared_folders(vm, dirs, features)
        .into_iter()
        .filter_map(|folder| match folder.server {
            FolderServer::Virtiofsd(socket) => Some((folder.tag, socket)),
            FolderServer::Hypervisor { .. } => None,
        })
        .collect();
    if folders.is_empty() {
        return Ok(vec![]);
    }
    let virtiofsd = Virtiofsd::find()?;
    let shares = vm.spec.settings.shares.numbered();
    let owner = |(user, group)| Owner { user, group };
    let (host, guest) = (
        owner(host::user_and_group()),
        owner(vm.spec.owner.unwrap_or_default()),
    );
    let helper = |((_, share), (tag, socket)): (shares::Numbered, (String, PathBuf))| {
        Ok::<_, Error>(Helper {
            name: share_name(share),
            launch: virtiofsd.launch(&share.source, share.read_only, host, guest)?,
            folder: "/".into(),
            socket: Socket::Inherited(socket),
            log: vm.helper_log(&tag),
        })
    };
    let root = vm.spec.shared_root().zip(folders.last().cloned());
    let mut helpers = shares
        .zip(folders)
        .map(helper)
        .collect::<Result<Vec<_>, _>>()?;
    if let Some((image, (tag, socket))) = root {
        let served = ServedRoot {
            image: image.id.clone(),
            folder: root_folder(vm, dirs),
            marker: BootCache::open(&dirs.roots())?.markers().join(&vm.spec.id),
        };
        let command = served.command(&Podman::find()?, &virtiofsd.serve_root(&served.folder)?)?;
        let args = command.get_args().map(ToOwned::to_owned).collect();
        let launch = Launch {
            program: command.get_program().into(),
            args,
        };
        let name = format!("the root of image {} (virtiofsd)", image.reference);
        let (folder, socket) = ("/".into(), Socket::Inherited(socket));
        helpers.push(Helper {
            name,
            launch,
            folder,
            socket,
            log: vm.helper_log(&tag),
        });
    }
    Ok(helpers)
}

/// Returns the VM's share with this tag.
pub fn share_of<'a>(vm: &'a Vm, tag: &str) -> Option<&'a shares::Share> {
    let mut shares = vm.spec.settings.shares.numbered();
    let (_, share) = shares.find(|(number, _)| shares::tag(*number) == tag)?;
    Some(share)
}

/// Returns the helper of the VM's share with this tag.
///
/// # Errors
/// The program is missing or too old.
pub fn of_share(
    vm: &Vm,
    dirs: &Dirs,
    features: &Features,
    tag: &str,
) -> Result<Option<Helper>, Error> {
    let name = share_of(vm, tag).map(share_name);
    let helpers = folder_helpers(vm, dirs, features)?;
    Ok(helpers
        .into_iter()
        .find(|helper| Some(&helper.name) == name.as_ref()))
}

/// Returns the name of a share's helper for people.
pub fn share_name(share: &shares::Share) -> String {
    format!(
        "the share of {} at {} (virtiofsd)",
        share.source.display(),
        share.target
    )
}

/// Returns the mount point for the root of an image that a helper serves.
pub fn root_folder(vm: &Vm, dirs: &Dirs) -> PathBuf {
    dirs.runtime_of(&vm.spec.id).join("root")
}

/// A helper of a VM can't be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Swtpm(#[from] swtpm::Missing),
    #[error(transparent)]
    Virtiofsd(#[from] virtiofsd::Error),
    #[error(transparent)]
    Root(#[from] direct_boot::Error),
    #[error(transparent)]
    Image(#[from] image::Error),
}
