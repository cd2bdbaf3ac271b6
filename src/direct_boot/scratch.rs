//! The scratch disk of a direct boot: an ext4 filesystem with the image's `/var`, `/root` and
//! `/home`. VMs write to a copy-on-write layer over it, so that a boot copies nothing.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::error::Error;
use super::layers::ChainId;
use super::selinux::{self, Policy};
use crate::host::fs::file::{self, IoContext};
use crate::host::process;

/// The disk's serial, and the word on the kernel's command line that announces the disk.
pub const SERIAL: &str = "scratch";
/// The file in the folder of an image's boot files.
pub const FILE: &str = "scratch.ext4";
/// Bytes of the filesystem. The file is sparse, and so is the layer over it.
const SIZE: u64 = 64 << 30;
/// Folders that the disk has, where the image has no link in their place.
const FOLDERS: [&str; 3] = ["var", "root", "home"];
/// The folder of the disk with the changes to other folders of the root, as overlayfs' upper folder.
const CHANGES: &str = "changes";
/// The folder that overlayfs needs beside it.
const WORK: &str = "changes.work";
/// One filesystem whatever the host's `/etc/mke2fs.conf` says, with features that all kernels with
/// ext4 know, and none that let the kernel initialize something in the background. The small
/// journal keeps it whole when the guest is reset.
const CONFIG: &str = "\
[defaults]
base_features = sparse_super,large_file,filetype,dir_index,ext_attr
blocksize = 4096
inode_size = 256
inode_ratio = 65536
reserved_ratio = 0
[fs_types]
ext4 = {
features = has_journal,extent,huge_file,flex_bg,64bit,dir_nlink,extra_isize
}
";

/// Returns `mkfs.ext4` of this host.
pub fn program() -> Option<PathBuf> {
    process::find("mkfs.ext4", &["/usr/sbin/mkfs.ext4", "/sbin/mkfs.ext4"])
}

/// Returns true when this host can make scratch disks.
pub fn can_make() -> bool {
    program().is_some()
}

/// Returns the chain up to the uppermost layer that changes the disk's content. Images that have
/// it in common share a disk. `layers` are the layers' folders, the lowest first.
pub fn chain<'a>(layers: Option<&[PathBuf]>, chains: &'a [ChainId]) -> Option<&'a ChainId> {
    let changes = |layer: &PathBuf| {
        FOLDERS
            .iter()
            .any(|folder| layer.join(folder).symlink_metadata().is_ok())
    };
    layers
        .and_then(|layers| layers.iter().rposition(changes))
        .map_or_else(|| chains.last(), |index| chains.get(index))
}

/// Makes the disk's file in `folder` from the image that is mounted at `image`, which must be in a
/// mount namespace of this process. `labels` are the program that labels the disk's files and the
/// image's policy.
pub fn pack(
    program: &Path,
    image: &Path,
    folder: &Path,
    labels: Option<(&Path, &Policy)>,
) -> Result<(), Error> {
    let stage = tempfile::Builder::new()
        .prefix("scratch")
        .tempdir_in(folder)
        .writing(folder)?;
    let content = stage.path().join("content");
    let config = stage.path().join("mke2fs.conf");
    file::create_private_dir(&content).writing(&content)?;
    std::fs::write(&config, CONFIG).writing(&config)?;
    let mut bound = Vec::new();
    for name in FOLDERS {
        let source = image.join(name);
        let is_folder = source
            .symlink_metadata()
            .is_ok_and(|metadata| metadata.is_dir());
        let target = content.join(name);
        if is_folder || name == "var" {
            std::fs::create_dir(&target).writing(&target)?;
        }
        if is_folder {
            bound.push(Bound::mount(&source, target)?);
        }
    }
    if labels.is_some() {
        for name in [CHANGES, WORK] {
            let folder = content.join(name);
            std::fs::create_dir(&folder).writing(&folder)?;
        }
    }
    let made = folder.join(FILE);
    let disk = file::create_private(&made).writing(&made)?;
    disk.set_len(SIZE).writing(&made)?;
    let mut command = Command::new(program);
    command
        .args(["-q", "-F", "-J", "size=16", "-d"])
        .args([&content, &made])
        .env("MKE2FS_CONFIG", &config);
    process::output(&mut command).map_err(Error::Mkfs)?;
    if let Some((debugfs, policy)) = labels {
        selinux::label_ext4(debugfs, policy, &content, &made, image_path)?;
    }
    disk.sync_all().writing(&made)?;
    Ok(())
}

/// Returns the path in the image of the file at an absolute path on the disk.
fn image_path(path: &str) -> &str {
    match path.strip_prefix('/') {
        Some(CHANGES | WORK) => "/",
        _ => path,
    }
}

/// A folder that is visible at another path until the value is dropped.
struct Bound(PathBuf);

impl Bound {
    fn mount(source: &Path, target: PathBuf) -> Result<Self, Error> {
        let mut command = Command::new("mount");
        command.arg("--bind").args([source, &target]);
        process::output(&mut command).map_err(Error::Mkfs)?;
        Ok(Self(target))
    }
}

impl Drop for Bound {
    fn drop(&mut self) {
        // The process's mount namespace ends soon, and the mount with it.
        let _ = process::output(Command::new("umount").arg(&self.0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::direct_boot::layers;

    #[test]
    fn only_layers_that_change_the_content_count() {
        let dir = tempfile::tempdir().unwrap();
        let digests: Vec<String> = (0..3).map(|n| format!("sha256:{n}")).collect();
        let chains = layers::chain_ids(&digests);
        let layers: Vec<PathBuf> = ["usr/bin", "var/lib", "usr/share"]
            .iter()
            .enumerate()
            .map(|(index, folder)| {
                let layer = dir.path().join(index.to_string());
                std::fs::create_dir_all(layer.join(folder)).unwrap();
                layer
            })
            .collect();
        assert_eq!(chain(Some(&layers), &chains), Some(&chains[1]));
        assert_eq!(chain(Some(&layers[..1]), &chains), chains.last());
        assert_eq!(chain(None, &chains), chains.last());
    }

    #[test]
    fn changes_to_the_root_have_its_label() {
        for (path, expected) in [
            ("/var/changes", "/var/changes"),
            ("/changes", "/"),
            ("/changes.work", "/"),
        ] {
            assert_eq!(image_path(path), expected, "{path}");
        }
    }
}
