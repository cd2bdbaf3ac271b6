//! An install whose container runs in the podman machine: the image's facts, and the way of the
//! disk to this host.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Component, Path};
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::error::{Error, Failure};
use super::job::Install;
use crate::direct_boot;
use crate::host::fs::file;
use crate::host::{Os, process};
use crate::hypervisor::Arch;
use crate::image::{Facts, Image, Podman};

/// Prints the names of the files that [`direct_boot::facts_of`] looks for, and what is in those
/// that it reads: nothing where a link leads nowhere.
const LIST: &str = r#"cd /
for f in usr/sbin/sshd usr/bin/sshd usr/sbin/sfdisk usr/bin/partx usr/lib/systemd/systemd-growfs \
    usr/lib/systemd/libsystemd-shared-*.so usr/lib64/systemd/libsystemd-shared-*.so \
    usr/lib/*-linux-*/systemd/libsystemd-shared-*.so usr/lib/modules/*/vmlinuz usr/lib/modules/*/initramfs.img \
    usr/lib/modules/*/*.efi boot/EFI/Linux/*.efi usr/bin/bootupctl usr/lib/bootupd/updates; do
    [ ! -e "$f" ] || echo "file $f"
done
for f in etc/selinux/config usr/lib/passwd etc/passwd usr/lib/bootc/kargs.d/*.toml \
    usr/lib/sysusers.d/*.conf etc/sysusers.d/*.conf usr/lib/bootc/bound-images.d/*; do
    if [ -f "$f" ]; then
        echo "text $f $(base64 -w0 <"$f")"
    elif [ -L "$f" ] && [ ! -e "$f" ]; then
        echo "text $f "
    fi
done"#;

/// The place of the disk during the install.
pub(super) enum DiskPlace<'a> {
    /// Its final place on this host, which the podman machine shares.
    Shared,
    /// A volume in the podman machine.
    Volume(Volume<'a>),
}

impl<'a> DiskPlace<'a> {
    /// Returns the final place if the podman machine shares it, else a new volume.
    pub fn choose(install: &'a Install<'_>, os: Os) -> Self {
        // Loop devices don't work on Windows' filesystem as the podman machine sees it.
        if os == Os::Macos && is_shared(install) {
            return Self::Shared;
        }
        let key = install.partial.key().to_string();
        let volume = Volume {
            podman: &install.host.podman,
            image: &install.image.id,
            name: volume_name(&key),
        };
        // The volume may exist from an install that was killed.
        volume.remove();
        Self::Volume(volume)
    }
}

fn volume_name(key: &str) -> String {
    const DIGITS: usize = 16;
    format!("podman-bootc-{}", key.get(..DIGITS).unwrap_or(key))
}

/// True when a container in the podman machine sees the disk that was made on this host.
fn is_shared(install: &Install) -> bool {
    let volume = format!("--volume={}:/output", install.partial.folder().display());
    let look = ["test", "-f", "/output/disk.raw"];
    let podman = &install.host.podman;
    process::output(&mut podman.container([&*volume], &install.image.id, look)).is_ok()
}

/// A volume in the podman machine; removed when dropped.
pub(super) struct Volume<'a> {
    podman: &'a Podman,
    image: &'a str,
    name: String,
}

impl Volume<'_> {
    pub fn name(&self) -> String {
        self.name.clone()
    }

    /// Copies the disk to this host as a sparse archive.
    pub fn fetch(&self, disk: &Path) -> Result<(), Failure> {
        let volume = format!("--volume={}:/output", self.name);
        let tar = [
            "tar",
            "--create",
            "--sparse",
            "--format=gnu",
            "--directory=/output",
            "--file=-",
            "disk.raw",
        ];
        let mut command = self.podman.container([&*volume], self.image, tar);
        fetch(&mut command, disk)
    }

    fn remove(&self) {
        let words = ["volume", "rm", "--force", &self.name];
        // Not `process::output`, which does nothing once the tool is interrupted.
        if let Err(error) = self.podman.command(words).output() {
            tracing::warn!(volume = self.name, %error, "can't remove a volume in the podman machine");
        }
    }
}

impl Drop for Volume<'_> {
    fn drop(&mut self) {
        self.remove();
    }
}

/// Unpacks the disk from the archive that `command` writes.
fn fetch(command: &mut Command, disk: &Path) -> Result<(), Failure> {
    let io = |source| Error::Io {
        path: disk.to_owned(),
        source,
    };
    let (reader, mut writer) = io::pipe().map_err(io)?;
    let mut to = file::create_private(disk).map_err(io)?;
    let unpack = std::thread::spawn(move || unpack(reader, &mut to));
    let result = process::stream_output(command, |bytes| {
        // If the reader has failed, its own error is reported below.
        let _ = writer.write_all(bytes);
    });
    drop(writer);
    let unpacked = unpack
        .join()
        .unwrap_or_else(|_| Err(io::Error::other("the archive can't be read")));
    match result {
        Ok(()) => Ok(unpacked.map_err(io)?),
        Err(process::Error::Interrupted(signal)) => Err(signal.into()),
        Err(source) => Err(Error::PodmanMachine {
            doing: "copy the disk from the podman machine",
            source,
        }
        .into()),
    }
}

fn unpack(from: impl io::Read, to: &mut File) -> io::Result<()> {
    let mut archive = tar::Archive::new(from);
    let mut entry = archive
        .entries()?
        .next()
        .ok_or(io::ErrorKind::UnexpectedEof)??;
    file::copy_sparse(&mut entry, to)?;
    // Reads the padding, so that the writer can exit.
    drop(entry);
    io::copy(&mut archive.into_inner(), &mut io::sink()).map(drop)
}

/// Reads the facts of an image in the podman machine.
pub(super) fn facts(podman: &Podman, image: &Image) -> Result<Facts, Error> {
    let mut list = podman.container([], &image.id, ["sh", "-c", LIST]);
    let text = match process::output(&mut list) {
        Ok(text) => String::from_utf8_lossy(&text).into_owned(),
        Err(process::Error::Interrupted(signal)) => return Err(signal.into()),
        Err(source) => {
            return Err(Error::PodmanMachine {
                doing: "read the image",
                source,
            });
        }
    };
    let sketch = || -> io::Result<tempfile::TempDir> {
        let folder = tempfile::tempdir()?;
        text.lines()
            .try_for_each(|line| sketch(folder.path(), line))?;
        Ok(folder)
    };
    let folder = sketch().map_err(|source| Error::Io {
        path: "a sketch of the image".into(),
        source,
    })?;
    let arch = Arch::from_oci(&image.architecture).map_or("", Arch::name);
    let named = |source| Error::DirectBoot {
        image: image.reference.clone(),
        source,
    };
    direct_boot::facts_of(folder.path(), arch).map_err(named)
}

/// Makes the file that a line of the list tells of; what is not understood is left out.
fn sketch(folder: &Path, line: &str) -> io::Result<()> {
    let (path, bytes) = match line.split_once(' ') {
        Some(("file", path)) => (path, vec![]),
        Some(("text", rest)) => match rest
            .rsplit_once(' ')
            .map(|(path, text)| (path, STANDARD.decode(text)))
        {
            Some((path, Ok(bytes))) => (path, bytes),
            _ => return Ok(()),
        },
        _ => return Ok(()),
    };
    let path = Path::new(path);
    // The image chose the names.
    if !path
        .components()
        .all(|part| matches!(part, Component::Normal(_)))
    {
        return Ok(());
    }
    let file = folder.join(path);
    if let Some(above) = file.parent() {
        std::fs::create_dir_all(above)?;
    }
    std::fs::write(file, bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_come_from_a_list() {
        let dir = tempfile::tempdir().unwrap();
        let passwd = STANDARD.encode("root:x:0:0:root:/root:/bin/bash\n");
        let bound = STANDARD.encode("[Image]\nImage=quay.io/x/a\n");
        let lines = [
            "file usr/sbin/sshd",
            "file usr/lib/systemd/libsystemd-shared-257.9-1.so",
            "file usr/lib/modules/6.12/vmlinuz",
            "file usr/lib/modules/6.12/initramfs.img",
            &format!("text etc/passwd {passwd}"),
            &format!("text usr/lib/bootc/bound-images.d/a.image {bound}"),
            "text etc/broken !",
            "file ../outside",
            "file /etc/outside",
            "WARNING: noise",
        ];
        lines
            .iter()
            .for_each(|line| sketch(dir.path(), line).unwrap());
        let facts = direct_boot::facts_of(dir.path(), "x86_64").unwrap();
        assert_eq!(
            (facts.kernel.as_str(), facts.systemd, facts.sshd),
            ("6.12", Some(257), true)
        );
        assert_eq!(facts.homes.get("root").map(String::as_str), Some("/root"));
        assert_eq!(facts.bound_images, ["quay.io/x/a"]);
        assert!(!dir.path().parent().unwrap().join("outside").exists());
    }

    #[cfg(unix)]
    #[test]
    fn the_list_is_made_by_any_shell() {
        let script = LIST.replace("cd /", "cd \"$1\"");
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("usr/lib/modules/6.1 x")).unwrap();
        std::fs::create_dir_all(dir.path().join("etc")).unwrap();
        std::fs::write(dir.path().join("usr/lib/modules/6.1 x/vmlinuz"), "").unwrap();
        std::fs::write(dir.path().join("etc/passwd"), "root\n").unwrap();
        let bound = dir.path().join("usr/lib/bootc/bound-images.d");
        std::fs::create_dir_all(&bound).unwrap();
        std::os::unix::fs::symlink("nowhere", bound.join("a.image")).unwrap();
        let output = Command::new("sh")
            .args(["-c", &script, "sh"])
            .arg(dir.path())
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(
            text,
            "file usr/lib/modules/6.1 x/vmlinuz\ntext etc/passwd cm9vdAo=\n\
             text usr/lib/bootc/bound-images.d/a.image \n"
        );
        assert!(output.status.success());
    }

    #[cfg(unix)]
    #[test]
    fn a_disk_comes_out_of_its_archive_with_its_holes() {
        let dir = tempfile::tempdir().unwrap();
        let disk = dir.path().join("disk.raw");
        let file = File::create(&disk).unwrap();
        file.set_len(64 << 20).unwrap();
        std::os::unix::fs::FileExt::write_at(&file, b"end", 40 << 20).unwrap();
        let mut tar = Command::new("tar");
        tar.args([
            "--create",
            "--sparse",
            "--format=gnu",
            "--file=-",
            "disk.raw",
        ])
        .current_dir(&dir);
        let fetched = dir.path().join("fetched.raw");
        assert!(fetch(&mut tar, &fetched).is_ok());
        assert!(std::fs::read(&fetched).unwrap() == std::fs::read(&disk).unwrap());
        assert!(crate::host::allocated_size(&fetched) < 4 << 20);

        let mut broken = Command::new("sh");
        broken.args(["-c", "echo no archive; exit 3"]);
        assert!(fetch(&mut broken, &fetched).is_err());
    }
}
