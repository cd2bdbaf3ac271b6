//! The VM's key pair, the user's public keys, and the guest's pinned host key.

use std::io::Write;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use russh::keys::key::safe_rng;
use russh::keys::ssh_key::{self, LineEnding};
use russh::keys::{Algorithm, EcdsaCurve, PrivateKey, PublicKey};

use crate::host::fs::file::{self, IoContext as _};
use crate::host::fs::lock::Lock;

/// A folder with a key pair, and with the pinned host key of a guest.
#[derive(Debug, Clone)]
pub struct Keys {
    folder: PathBuf,
    /// The file with the host key that is expected.
    known_hosts: PathBuf,
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("can't create an SSH key")]
    Key(#[from] ssh_key::Error),
    #[error(transparent)]
    File(#[from] file::Error),
    #[error("{0} is a private key: pass the public key, usually {0}.pub")]
    Private(PathBuf),
    /// The file has no key (no source), or a line that is not a key.
    #[error("{path} is not a list of public keys")]
    NotPublic {
        path: PathBuf,
        source: Option<ssh_key::Error>,
    },
}

/// Reads public keys from files that have one key a line, and perhaps comments.
pub fn read_public(files: &[PathBuf]) -> Result<Vec<String>, Error> {
    let mut keys = Vec::new();
    for path in files {
        let not_public = |source| Error::NotPublic {
            path: path.clone(),
            source,
        };
        let text = std::fs::read_to_string(path).reading(path)?;
        if PrivateKey::from_openssh(&text).is_ok() || text.contains("PRIVATE KEY-----") {
            return Err(Error::Private(path.clone()));
        }
        let lines = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with('#'));
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
    pub fn in_folder(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            known_hosts: folder.join("known_hosts"),
        }
    }

    /// Returns the keys for logins through the second door, whose host key is ours.
    pub fn for_door(self) -> Self {
        Self {
            known_hosts: self.folder.join("door_known_hosts"),
            ..self
        }
    }

    /// Returns the file of the second door's host key.
    pub fn door_key(&self) -> PathBuf {
        self.folder.join("door_key")
    }

    /// Creates the host key of the second door, unless it exists: ECDSA, because a guest with a
    /// FIPS policy refuses ed25519. `alias` is the VM's name.
    pub fn ensure_door_key(&self, alias: &str) -> Result<(), Error> {
        let known_hosts = self.clone().for_door().known_hosts();
        // It is written last.
        if known_hosts.exists() {
            return Ok(());
        }
        let curve = EcdsaCurve::NistP256;
        let key = PrivateKey::random(&mut safe_rng(), Algorithm::Ecdsa { curve })?;
        write(&self.door_key(), key.to_openssh(LineEnding::LF)?.as_bytes())?;
        let public = key.public_key();
        let line = host_line(alias, public.algorithm().as_str(), &public.to_bytes()?);
        Ok(file::write_atomic(&known_hosts, (line + "\n").as_bytes()).writing(known_hosts)?)
    }

    /// Creates an ed25519 pair. The private key's file has mode 0600.
    pub fn create(&self) -> Result<(), Error> {
        let mut key = PrivateKey::random(&mut safe_rng(), Algorithm::Ed25519)?;
        key.set_comment("podman-bootc");
        write(&self.private(), key.to_openssh(LineEnding::LF)?.as_bytes())?;
        write(
            &self.public(),
            (key.public_key().to_openssh()? + "\n").as_bytes(),
        )
    }

    /// Creates a pair unless the folder has one.
    pub fn ensure(&self) -> Result<(), Error> {
        let path = self.folder.join("lock");
        let prepare = || {
            file::create_private_dir(&self.folder)?;
            Lock::acquire(&path)
        };
        let _lock = prepare().writing(&path)?;
        // `create` writes the public key last.
        if self.public().exists() {
            Ok(())
        } else {
            self.create()
        }
    }

    /// Copies the pair of another folder.
    pub fn copy(&self, from: &Self) -> Result<(), Error> {
        for (from, to) in [
            (from.private(), self.private()),
            (from.public(), self.public()),
        ] {
            let bytes = std::fs::read(&from).reading(from)?;
            write(&to, &bytes)?;
        }
        Ok(())
    }

    pub fn private(&self) -> PathBuf {
        self.folder.join("id_ed25519")
    }

    pub fn public(&self) -> PathBuf {
        self.folder.join("id_ed25519.pub")
    }

    /// Returns the public key's line for `authorized_keys`, without a newline.
    pub fn public_line(&self) -> Result<String, Error> {
        let path = self.public();
        let text = std::fs::read_to_string(&path).reading(path)?;
        Ok(text.trim_end().to_owned())
    }

    /// Returns the file with the guest's host key, in the format of OpenSSH.
    pub fn known_hosts(&self) -> PathBuf {
        self.known_hosts.clone()
    }

    /// Returns true if `key`, of type `kind`, is the pinned host key, or if no key is pinned yet.
    pub fn is_expected_host(&self, alias: &str, kind: &str, key: &[u8]) -> Result<bool, Error> {
        let path = self.known_hosts();
        match std::fs::read_to_string(&path) {
            Ok(text) => Ok(text.lines().any(|line| line == host_line(alias, kind, key))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(true),
            Err(error) => Ok(Err(error).reading(path)?),
        }
    }

    /// Pins the guest's host key unless a key is pinned already.
    pub fn pin_host(&self, alias: &str, kind: &str, key: &[u8]) -> Result<(), Error> {
        let path = self.known_hosts();
        if path.exists() {
            return Ok(());
        }
        // Half a line would be a wrong key that stays pinned.
        Ok(
            file::write_atomic(&path, (host_line(alias, kind, key) + "\n").as_bytes())
                .writing(path)?,
        )
    }
}

impl Keys {
    /// Removes the pinned host key: the guest makes a new one.
    ///
    /// # Errors
    /// The file can't be removed.
    pub fn forget_host(&self) -> Result<(), Error> {
        let path = self.known_hosts();
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            removed => Ok(removed.writing(path)?),
        }
    }
}

/// Returns a line of `known_hosts`.
fn host_line(alias: &str, kind: &str, key: &[u8]) -> String {
    format!("{alias} {kind} {}", STANDARD.encode(key))
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    Ok(file::create_private(path)
        .and_then(|mut file| file.write_all(bytes))
        .writing(path)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn openssh_reads_the_created_pair() {
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
        assert!(
            keys.public_line()
                .unwrap()
                .starts_with(derived.split(" podman").next().unwrap().trim())
        );
    }

    #[test]
    fn the_hosts_pair_is_created_once_and_can_be_copied() {
        let dir = tempfile::tempdir().unwrap();
        let keys = Keys::in_folder(&dir.path().join("keys"));
        keys.ensure().unwrap();
        let line = keys.public_line().unwrap();
        keys.ensure().unwrap();
        assert_eq!(keys.public_line().unwrap(), line);
        let copy = Keys::in_folder(dir.path());
        copy.copy(&keys).unwrap();
        assert_eq!(copy.public_line().unwrap(), line);
        assert_eq!(
            std::fs::read(copy.private()).unwrap(),
            std::fs::read(keys.private()).unwrap()
        );
    }

    #[test]
    fn only_files_with_public_keys_are_accepted() {
        let dir = tempfile::tempdir().unwrap();
        let keys = Keys::in_folder(dir.path());
        keys.create().unwrap();
        let line = keys.public_line().unwrap();
        let list = dir.path().join("list");
        std::fs::write(&list, format!("# mine\n\n  {line}\n{line}\n")).unwrap();
        assert_eq!(
            read_public(&[keys.public(), list.clone()]).unwrap(),
            vec![line; 3]
        );
        assert!(matches!(
            read_public(&[keys.private()]),
            Err(Error::Private(_))
        ));
        for text in ["", "# none\n", "ssh-ed25519 AAAA\n"] {
            std::fs::write(&list, text).unwrap();
            assert!(
                matches!(
                    read_public(std::slice::from_ref(&list)),
                    Err(Error::NotPublic { .. })
                ),
                "{text}"
            );
        }
        assert!(matches!(
            read_public(&[dir.path().join("absent")]),
            Err(Error::File(_))
        ));
    }

    #[test]
    fn the_first_host_key_stays_pinned() {
        let dir = tempfile::tempdir().unwrap();
        let keys = Keys::in_folder(dir.path());
        assert!(keys.is_expected_host("vm", "ssh-ed25519", b"one").unwrap());
        keys.pin_host("vm", "ssh-ed25519", b"one").unwrap();
        keys.pin_host("vm", "ssh-ed25519", b"two").unwrap();
        assert!(keys.is_expected_host("vm", "ssh-ed25519", b"one").unwrap());
        assert!(!keys.is_expected_host("vm", "ssh-ed25519", b"two").unwrap());
        keys.forget_host().unwrap();
        keys.forget_host().unwrap();
        assert!(keys.is_expected_host("vm", "ssh-ed25519", b"two").unwrap());
    }
}
