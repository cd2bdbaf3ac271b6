//! A VM's own key pair, the user's public keys, and the guest's pinned host key.

use std::io::Write;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use russh::keys::key::safe_rng;
use russh::keys::ssh_key::{self, LineEnding};
use russh::keys::{Algorithm, PrivateKey, PublicKey};

use crate::host::fs::file;
use crate::host::fs::lock::Lock;

/// The files of a VM's keys, in its folder.
#[derive(Debug, Clone)]
pub struct Keys {
    folder: PathBuf,
}

/// A key can't be made, read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The key can't be made or encoded.
    #[error("can't make an SSH key")]
    Key(#[from] ssh_key::Error),
    /// A file of a key can't be read or written.
    #[error("can't use the key file {path}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A private key where a public one is wanted.
    #[error("{0} is a private key; the VM needs the public one, often {0}.pub")]
    Private(PathBuf),
    /// A file without public keys, or with something else in it.
    #[error("{path} has no public keys in it")]
    NotPublic {
        /// The file.
        path: PathBuf,
        /// What is wrong in it.
        source: Option<ssh_key::Error>,
    },
}

/// The public keys in these files, one a line.
///
/// # Errors
/// A file can't be read, or is not one of public keys.
pub fn read_public(files: &[PathBuf]) -> Result<Vec<String>, Error> {
    let mut keys = Vec::new();
    for path in files {
        let not_public = |source| Error::NotPublic { path: path.clone(), source };
        let text =
            std::fs::read_to_string(path).map_err(|source| Error::File { path: path.clone(), source })?;
        if PrivateKey::from_openssh(&text).is_ok() || text.contains("PRIVATE KEY-----") {
            return Err(Error::Private(path.clone()));
        }
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let before = keys.len();
        for line in lines {
            PublicKey::from_openssh(line).map_err(|source| not_public(Some(source)))?;
            keys.push(line.to_owned());
        }
        if keys.len() == before {
            return Err(not_public(None));
        }
    }
    Ok(keys)
}

impl Keys {
    /// The keys in this folder.
    pub fn in_folder(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// Makes an ed25519 pair; the private key's file has mode 0600.
    ///
    /// # Errors
    /// A file can't be written.
    pub fn create(&self) -> Result<(), Error> {
        let mut key = PrivateKey::random(&mut safe_rng(), Algorithm::Ed25519)?;
        key.set_comment("podman-bootc");
        write(&self.private(), key.to_openssh(LineEnding::LF)?.as_bytes())?;
        write(&self.public(), (key.public_key().to_openssh()? + "\n").as_bytes())
    }

    /// Makes a pair unless there is one.
    ///
    /// # Errors
    /// A file can't be written.
    pub fn ensure(&self) -> Result<(), Error> {
        let path = self.folder.join("lock");
        let prepare = || {
            file::create_private_dir(&self.folder)?;
            Lock::acquire(&path)
        };
        let _lock = prepare().map_err(|source| Error::File { path: path.clone(), source })?;
        // Written last.
        if self.public().exists() { Ok(()) } else { self.create() }
    }

    /// Takes over another pair.
    ///
    /// # Errors
    /// A file can't be read or written.
    pub fn copy(&self, from: &Self) -> Result<(), Error> {
        for (from, to) in [(from.private(), self.private()), (from.public(), self.public())] {
            let bytes = std::fs::read(&from).map_err(|source| Error::File { path: from, source })?;
            write(&to, &bytes)?;
        }
        Ok(())
    }

    /// The private key's file.
    pub fn private(&self) -> PathBuf {
        self.folder.join("id_ed25519")
    }

    /// The public key's file.
    pub fn public(&self) -> PathBuf {
        self.folder.join("id_ed25519.pub")
    }

    /// The public key's line for `authorized_keys`, without its newline.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn public_line(&self) -> Result<String, Error> {
        let path = self.public();
        let text = std::fs::read_to_string(&path).map_err(|source| Error::File { path, source })?;
        Ok(text.trim_end().to_owned())
    }

    /// The file with the guest's host key, as OpenSSH reads it.
    pub fn known_hosts(&self) -> PathBuf {
        self.folder.join("known_hosts")
    }

    /// True when `key` (type and bytes) is the pinned host key, or none is pinned yet.
    ///
    /// # Errors
    /// The file is there and can't be read.
    pub fn is_expected_host(&self, alias: &str, kind: &str, key: &[u8]) -> Result<bool, Error> {
        let path = self.known_hosts();
        match std::fs::read_to_string(&path) {
            Ok(text) => Ok(text.lines().any(|line| line == host_line(alias, kind, key))),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(true),
            Err(source) => Err(Error::File { path, source }),
        }
    }

    /// Pins the guest's host key, if none is pinned yet.
    ///
    /// # Errors
    /// The file can't be written.
    pub fn pin_host(&self, alias: &str, kind: &str, key: &[u8]) -> Result<(), Error> {
        let path = self.known_hosts();
        if path.exists() {
            return Ok(());
        }
        // In one step: half a line would be another key than the guest's, for good.
        file::write_atomic(&path, (host_line(alias, kind, key) + "\n").as_bytes())
            .map_err(|source| Error::File { path, source })
    }
}

fn host_line(alias: &str, kind: &str, key: &[u8]) -> String {
    format!("{alias} {kind} {}", STANDARD.encode(key))
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    file::create_private(path)
        .and_then(|mut file| file.write_all(bytes))
        .map_err(|source| Error::File { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_pair_that_openssh_reads() {
        let dir = tempfile::tempdir().unwrap();
        let keys = Keys::in_folder(dir.path());
        keys.create().unwrap();
        assert!(keys.public_line().unwrap().starts_with("ssh-ed25519 AAAA"));
        let output = std::process::Command::new("ssh-keygen")
            .arg("-y")
            .arg("-f")
            .arg(keys.private())
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        let derived = String::from_utf8(output.stdout).unwrap();
        assert!(keys.public_line().unwrap().starts_with(derived.split(" podman").next().unwrap().trim()));
    }

    #[test]
    fn the_hosts_pair_is_made_once_and_copied() {
        let dir = tempfile::tempdir().unwrap();
        let keys = Keys::in_folder(&dir.path().join("keys"));
        keys.ensure().unwrap();
        let line = keys.public_line().unwrap();
        keys.ensure().unwrap();
        assert_eq!(keys.public_line().unwrap(), line);
        let copy = Keys::in_folder(dir.path());
        copy.copy(&keys).unwrap();
        assert_eq!(copy.public_line().unwrap(), line);
        assert_eq!(std::fs::read(copy.private()).unwrap(), std::fs::read(keys.private()).unwrap());
    }

    #[test]
    fn only_public_keys_are_the_users() {
        let dir = tempfile::tempdir().unwrap();
        let keys = Keys::in_folder(dir.path());
        keys.create().unwrap();
        let line = keys.public_line().unwrap();
        let list = dir.path().join("list");
        std::fs::write(&list, format!("# mine\n\n  {line}\n{line}\n")).unwrap();
        assert_eq!(read_public(&[keys.public(), list.clone()]).unwrap(), vec![line; 3]);
        assert!(matches!(read_public(&[keys.private()]), Err(Error::Private(_))));
        for text in ["", "# none\n", "ssh-ed25519 AAAA\n"] {
            std::fs::write(&list, text).unwrap();
            assert!(
                matches!(read_public(std::slice::from_ref(&list)), Err(Error::NotPublic { .. })),
                "{text}"
            );
        }
        assert!(matches!(read_public(&[dir.path().join("absent")]), Err(Error::File { .. })));
    }

    #[test]
    fn the_first_host_key_stays() {
        let dir = tempfile::tempdir().unwrap();
        let keys = Keys::in_folder(dir.path());
        assert!(keys.is_expected_host("vm", "ssh-ed25519", b"one").unwrap());
        keys.pin_host("vm", "ssh-ed25519", b"one").unwrap();
        keys.pin_host("vm", "ssh-ed25519", b"two").unwrap();
        assert!(keys.is_expected_host("vm", "ssh-ed25519", b"one").unwrap());
        assert!(!keys.is_expected_host("vm", "ssh-ed25519", b"two").unwrap());
    }
}
