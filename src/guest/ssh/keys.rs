//! The VM's key pairs and the user's public keys.

use std::io::Write;
use std::path::{Path, PathBuf};

use russh::keys::key::safe_rng;
use russh::keys::ssh_key::{self, LineEnding};
use russh::keys::{Algorithm, EcdsaCurve, PrivateKey, PublicKey};

use crate::host::fs::file::{self, IoContext as _};
use crate::host::fs::lock::Lock;

/// A folder with key pairs, and with the pinned host key of a guest.
#[derive(Debug, Clone)]
pub struct Keys {
    folder: PathBuf,
    /// The file with the host key that is expected.
    known_hosts: PathBuf,
}

/// The type of a key pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyType {
    Ed25519,
    /// With the curve P-256. FIPS policies refuse ed25519.
    Ecdsa,
}

impl KeyType {
    /// All types, in the order in which a guest is asked to accept them.
    pub const ALL: [Self; 2] = [Self::Ed25519, Self::Ecdsa];

    fn file(self) -> &'static str {
        match self {
            Self::Ed25519 => "id_ed25519",
            Self::Ecdsa => "id_ecdsa",
        }
    }

    fn algorithm(self) -> Algorithm {
        match self {
            Self::Ed25519 => Algorithm::Ed25519,
            Self::Ecdsa => Algorithm::Ecdsa {
                curve: EcdsaCurve::NistP256,
            },
        }
    }
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

    pub(super) fn folder(&self) -> &Path {
        &self.folder
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
        let kind = public.algorithm();
        self.clone()
            .for_door()
            .pin_host(alias, kind.as_str(), &public.to_bytes()?)
    }

    /// Creates a pair of each type that the folder lacks. The private keys' files have mode 0600.
    pub fn create(&self) -> Result<(), Error> {
        for kind in KeyType::ALL {
            // The public key is written last.
            if self.public(kind).exists() {
                continue;
            }
            let mut key = PrivateKey::random(&mut safe_rng(), kind.algorithm())?;
            key.set_comment("podman-bootc");
            write(
                &self.private(kind),
                key.to_openssh(LineEnding::LF)?.as_bytes(),
            )?;
            write(
                &self.public(kind),
                (key.public_key().to_openssh()? + "\n").as_bytes(),
            )?;
        }
        Ok(())
    }

    /// Creates the folder and the pairs that it lacks, one process at a time.
    pub fn ensure(&self) -> Result<(), Error> {
        let path = self.folder.join("lock");
        let prepare = || {
            file::create_private_dir(&self.folder)?;
            Lock::acquire(&path)
        };
        let _lock = prepare().writing(&path)?;
        self.create()
    }

    /// Copies the pairs of another folder.
    pub fn copy(&self, from: &Self) -> Result<(), Error> {
        for kind in from.types() {
            for (from, to) in [
                (from.private(kind), self.private(kind)),
                (from.public(kind), self.public(kind)),
            ] {
                let bytes = std::fs::read(&from).reading(from)?;
                write(&to, &bytes)?;
            }
        }
        Ok(())
    }

    /// Returns the types of the folder's pairs, first the one that the guest accepted last. VMs of
    /// earlier versions have no ECDSA pair.
    pub fn types(&self) -> Vec<KeyType> {
        let mut types: Vec<KeyType> = KeyType::ALL
            .into_iter()
            .filter(|kind| self.public(*kind).exists())
            .collect();
        // An unreadable or missing file only costs an attempt.
        let accepted = std::fs::read_to_string(self.accepted()).unwrap_or_default();
        types.sort_by_key(|kind| kind.file() != accepted.trim_end());
        types
    }

    /// Returns the file with the guest's host key, in the format of OpenSSH.
    pub fn known_hosts(&self) -> PathBuf {
        self.known_hosts.clone()
    }

    /// Remembers the type of the pair that the guest accepted. Each refused key counts as a failed
    /// attempt, and some servers allow only one.
    pub fn set_accepted(&self, kind: KeyType) -> Result<(), Error> {
        if self.types().first() == Some(&kind) {
            return Ok(());
        }
        let path = self.accepted();
        Ok(file::write_atomic(&path, kind.file().as_bytes()).writing(path)?)
    }

    /// True if [`Self::set_accepted`] has chosen the first type.
    pub fn has_accepted(&self) -> bool {
        self.accepted().exists()
    }

    fn accepted(&self) -> PathBuf {
        self.folder.join("accepted_key")
    }

    /// Returns the private keys' files, the best first.
    pub fn identities(&self) -> Vec<PathBuf> {
        self.types()
            .into_iter()
            .map(|kind| self.private(kind))
            .collect()
    }

    pub fn private(&self, kind: KeyType) -> PathBuf {
        self.folder.join(kind.file())
    }

    pub fn public(&self, kind: KeyType) -> PathBuf {
        self.folder.join(format!("{}.pub", kind.file()))
    }

    /// Returns the public keys' lines for `authorized_keys`, without a newline at the end.
    pub fn public_lines(&self) -> Result<String, Error> {
        let mut lines = Vec::new();
        for kind in KeyType::ALL {
            let path = self.public(kind);
            match std::fs::read_to_string(&path) {
                Err(error)
                    if error.kind() == std::io::ErrorKind::NotFound && kind != KeyType::Ed25519 => {
                }
                text => lines.push(text.reading(path)?.trim_end().to_owned()),
            }
        }
        Ok(lines.join("\n"))
    }
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
    fn openssh_reads_the_created_pairs() {
        let dir = tempfile::tempdir().unwrap();
        let keys = Keys::in_folder(dir.path());
        keys.create().unwrap();
        let lines = keys.public_lines().unwrap();
        let lines: Vec<&str> = lines.lines().collect();
        assert_eq!(lines.len(), 2);
        for ((kind, line), start) in KeyType::ALL
            .into_iter()
            .zip(lines)
            .zip(["ssh-ed25519 AAAA", "ecdsa-sha2-nistp256 AAAA"])
        {
            let output = std::process::Command::new("ssh-keygen")
                .arg("-y")
                .arg("-f")
                .arg(keys.private(kind))
                .output()
                .unwrap();
            assert!(output.status.success(), "{output:?}");
            let derived = String::from_utf8(output.stdout).unwrap();
            let derived = derived.split(" podman").next().unwrap().trim();
            assert!(
                line.starts_with(start) && line.starts_with(derived),
                "{line}"
            );
        }
    }

    #[test]
    fn the_hosts_pairs_are_created_once_and_can_be_copied() {
        let dir = tempfile::tempdir().unwrap();
        let keys = Keys::in_folder(&dir.path().join("keys"));
        keys.ensure().unwrap();
        let lines = keys.public_lines().unwrap();
        keys.ensure().unwrap();
        assert_eq!(keys.public_lines().unwrap(), lines);
        let copy = Keys::in_folder(dir.path());
        copy.copy(&keys).unwrap();
        assert_eq!(copy.public_lines().unwrap(), lines);
        for kind in KeyType::ALL {
            assert_eq!(
                std::fs::read(copy.private(kind)).unwrap(),
                std::fs::read(keys.private(kind)).unwrap()
            );
        }
    }

    #[test]
    fn a_folder_of_an_earlier_version_has_one_pair() {
        let dir = tempfile::tempdir().unwrap();
        let keys = Keys::in_folder(&dir.path().join("keys"));
        keys.ensure().unwrap();
        std::fs::remove_file(keys.private(KeyType::Ecdsa)).unwrap();
        std::fs::remove_file(keys.public(KeyType::Ecdsa)).unwrap();
        let line = keys.public_lines().unwrap();
        assert_eq!(line.lines().count(), 1);
        assert_eq!(keys.identities(), [keys.private(KeyType::Ed25519)]);
        Keys::in_folder(dir.path()).copy(&keys).unwrap();
        // The pair for new disks gets a second one beside it.
        keys.ensure().unwrap();
        assert_eq!(keys.public_lines().unwrap().lines().next(), Some(&*line));
        assert_eq!(keys.types(), KeyType::ALL);
    }

    #[test]
    fn the_accepted_key_comes_first() {
        let dir = tempfile::tempdir().unwrap();
        let keys = Keys::in_folder(dir.path());
        keys.create().unwrap();
        keys.set_accepted(KeyType::Ed25519).unwrap();
        assert!(!keys.accepted().exists());
        keys.set_accepted(KeyType::Ecdsa).unwrap();
        assert_eq!(keys.types(), [KeyType::Ecdsa, KeyType::Ed25519]);
        assert_eq!(keys.identities()[0], keys.private(KeyType::Ecdsa));
        keys.set_accepted(KeyType::Ed25519).unwrap();
        assert_eq!(keys.types(), KeyType::ALL);
    }

    #[test]
    fn only_files_with_public_keys_are_accepted() {
        let dir = tempfile::tempdir().unwrap();
        let keys = Keys::in_folder(dir.path());
        keys.create().unwrap();
        let line = keys.public_lines().unwrap();
        let line = line.lines().next().unwrap().to_owned();
        let list = dir.path().join("list");
        std::fs::write(&list, format!("# mine\n\n  {line}\n{line}\n")).unwrap();
        assert_eq!(
            read_public(&[keys.public(KeyType::Ed25519), list.clone()]).unwrap(),
            vec![line; 3]
        );
        assert!(matches!(
            read_public(&[keys.private(KeyType::Ecdsa)]),
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
}
