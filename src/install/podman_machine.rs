//! An install whose container runs in the podman machine: what is known of the image there, and its disk.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Component, Path};
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::error::Error;
use super::job::{Install, Unfinished};
use crate::direct_boot;
use crate::host::fs::file;
use crate::host::{Os, process};
use crate::hypervisor::Arch;
use crate::image::{Facts, Podman};

/// Prints the names of the files that [`direct_boot::facts_of`] looks for, and what is in those that it reads.
const LIST: &str = r#"cd /
for f in usr/sbin/sshd usr/bin/sshd usr/sbin/sfdisk usr/bin/partx usr/lib/systemd/systemd-growfs \
    usr/lib/systemd/libsystemd-shared-*.so usr/lib64/systemd/libsystemd-shared-*.so \
    usr/lib/*-linux-*/systemd/libsystemd-shared-*.so usr/lib/modules/*/vmlinuz usr/lib/modules/*/initramfs.img \
    usr/lib/modules/*/*.efi boot/EFI/Linux/*.efi usr/bin/bootupctl usr/lib/bootupd/updates; do
    [ ! -e "$f" ] || echo "file $f"
done
for f in etc/selinux/config usr/lib/passwd etc/passwd usr/lib/bootc/kargs.d/*.toml; do
    [ ! -f "$f" ] || echo "text $f $(base64 -w0 <"$f")"
done"#;

/// Where the disk is while it is installed to.
pub(super) enum Away<'a> {
    /// In its place on this host, which the machine shares.
    Shared,
    /// In a volume of the machine's podman.
    Volume(Volume<'a>),
}

impl<'a> Away<'a> {
    /// In its place where the machine sees that, else in a volume.
    pub fn choose(install: &'a Install<'_>, os: Os) -> Self {
        // Windows' filesystem, as the machine sees it, is not one for loop devices.
        if os == Os::Macos && is_shared(install) {
            return Self::Shared;
        }
        let key = install.partial.key().to_string();
        let volume =
            Volume { podman: &install.host.podman, image: &install.image.id, name: volume_name(&key) };
        // One of an install that died.
        volume.remove();
        Self::Volume(volume)
    }
}

fn volume_name(key: &str) -> String {
    const DIGITS: usize = 16;
    format!("podman-bootc-{}", key.get(..DIGITS).unwrap_or(key))
}

/// True when a container in the machine sees the disk that was made here.
fn is_shared(install: &Install) -> bool {
    let volume = format!("--volume={}:/output", install.partial.folder().display());
    let look =
        ["run", "--rm", "--network=none", &volume, &install.image.id, "test", "-f", "/output/disk.raw"];
    process::output(&mut install.host.podman.command(look)).is_ok()
}

/// A volume of the machine's podman. Dropped, it goes.
pub(super) struct Volume<'a> {
    podman: &'a Podman,
    image: &'a str,
    name: String,
}

impl Volume<'_> {
    pub fn name(&self) -> String {
        self.name.clone()
    }

    /// Writes the disk in it to this host; what is empty takes no room on the way, nor here.
    pub fn fetch(&self, disk: &Path) -> Result<(), Unfinished> {
        let volume = format!("--volume={}:/output", self.name);
        let tar =
            ["tar", "--create", "--sparse", "--format=gnu", "--directory=/output", "--file=-", "disk.raw"];
        let words = ["run", "--rm", "--network=none", &volume, self.image].into_iter().chain(tar);
        fetch(&mut self.podman.command(words), disk)
    }

    fn remove(&self) {
        let words = ["volume", "rm", "--force", &self.name];
        // Not through `process::output`: it has to go when the tool is interrupted, too.
        if let Err(error) = self.podman.command(words).output() {
            tracing::warn!(volume = self.name, %error, "a volume stays in the podman machine");
        }
    }
}

impl Drop for Volume<'_> {
    fn drop(&mut self) {
        self.remove();
    }
}

/// Takes a disk out of the archive that `command` writes.
fn fetch(command: &mut Command, disk: &Path) -> Result<(), Unfinished> {
    let io = |source| Error::Io { path: disk.to_owned(), source };
    let (reader, mut writer) = io::pipe().map_err(io)?;
    let mut to = file::create_private(disk).map_err(io)?;
    let unpack = std::thread::spawn(move || unpack(reader, &mut to));
    let result = process::watched(command, |bytes| {
        // One that reads no more has its own error to tell.
        let _ = writer.write_all(bytes);
    });
    drop(writer);
    let unpacked = unpack.join().unwrap_or_else(|_| Err(io::Error::other("the archive can't be read")));
    match result {
        Ok(()) => Ok(unpacked.map_err(io)?),
        Err(process::Error::Interrupted(signal)) => Err(signal.into()),
        Err(source) => {
            Err(Error::InMachine { doing: "fetch the disk from the podman machine", source }.into())
        }
    }
}

fn unpack(from: impl io::Read, to: &mut File) -> io::Result<()> {
    let mut archive = tar::Archive::new(from);
    let mut entry = archive.entries()?.next().ok_or(io::ErrorKind::UnexpectedEof)??;
    file::copy_sparse(&mut entry, to)?;
    // The rest is padding; who writes it is to end in order.
    drop(entry);
    io::copy(&mut archive.into_inner(), &mut io::sink()).map(drop)
}

/// What is to be known of an image in the podman machine.
pub(super) fn facts(install: &Install) -> Result<Facts, Unfinished> {
    let image = install.image;
    let words = ["run", "--rm", "--network=none", &image.id, "sh", "-c", LIST];
    let text = match process::output(&mut install.host.podman.command(words)) {
        Ok(text) => String::from_utf8_lossy(&text).into_owned(),
        Err(process::Error::Interrupted(signal)) => return Err(signal.into()),
        Err(source) => return Err(Error::InMachine { doing: "read the image", source }.into()),
    };
    let sketch = || -> io::Result<tempfile::TempDir> {
        let folder = tempfile::tempdir()?;
        text.lines().try_for_each(|line| sketch(folder.path(), line))?;
        Ok(folder)
    };
    let folder = sketch().map_err(|source| Error::Io { path: "a sketch of the image".into(), source })?;
    let arch = Arch::from_oci(&image.architecture).map_or("", Arch::name);
    let named = |source| Error::Direct { image: image.reference.clone(), source };
    Ok(direct_boot::facts_of(folder.path(), arch).map_err(named)?)
}

/// Makes the file that a line of the list tells of; what is not understood is left out.
fn sketch(folder: &Path, line: &str) -> io::Result<()> {
    let (path, bytes) = match line.split_once(' ') {
        Some(("file", path)) => (path, vec![]),
        Some(("text", rest)) => match rest.rsplit_once(' ').map(|(path, text)| (path, STANDARD.decode(text)))
        {
            Some((path, Ok(bytes))) => (path, bytes),
            _ => return Ok(()),
        },
        _ => return Ok(()),
    };
    let path = Path::new(path);
    // The image chose the names.
    if !path.components().all(|part| matches!(part, Component::Normal(_))) {
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
        let lines = [
            "file usr/sbin/sshd",
            "file usr/lib/systemd/libsystemd-shared-257.9-1.so",
            "file usr/lib/modules/6.12/vmlinuz",
            "file usr/lib/modules/6.12/initramfs.img",
            &format!("text etc/passwd {passwd}"),
            "text etc/broken !",
            "file ../outside",
            "file /etc/outside",
            "WARNING: noise",
        ];
        lines.iter().for_each(|line| sketch(dir.path(), line).unwrap());
        let facts = direct_boot::facts_of(dir.path(), "x86_64").unwrap();
        assert_eq!((facts.kernel.as_str(), facts.systemd, facts.sshd), ("6.12", Some(257), true));
        assert_eq!(facts.homes.get("root").map(String::as_str), Some("/root"));
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
        let output = Command::new("sh").args(["-c", &script, "sh"]).arg(dir.path()).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(text, "file usr/lib/modules/6.1 x/vmlinuz\ntext etc/passwd cm9vdAo=\n");
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
        tar.args(["--create", "--sparse", "--format=gnu", "--file=-", "disk.raw"]).current_dir(&dir);
        let fetched = dir.path().join("fetched.raw");
        assert!(fetch(&mut tar, &fetched).is_ok());
        assert!(std::fs::read(&fetched).unwrap() == std::fs::read(&disk).unwrap());
        assert!(crate::host::allocated_size(&fetched) < 4 << 20);

        let mut broken = Command::new("sh");
        broken.args(["-c", "echo no archive; exit 3"]);
        assert!(fetch(&mut broken, &fetched).is_err());
    }
}
