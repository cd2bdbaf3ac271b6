//! The guest's pinned host key, in a file that OpenSSH also reads and writes.

use std::io::ErrorKind;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::keys::{Error, Keys};
use crate::host::fs::file::{self, IoContext as _};

impl Keys {
    /// Returns the types of the host keys that are pinned for `alias`.
    pub fn pinned_types(&self, alias: &str) -> Result<Vec<String>, Error> {
        let pinned = self.pinned(alias)?;
        Ok(pinned.into_iter().map(|(kind, _)| kind).collect())
    }

    /// Returns true if `key`, of type `kind`, is the pinned host key, or if no key is pinned yet.
    pub fn is_expected_host(&self, alias: &str, kind: &str, key: &[u8]) -> Result<bool, Error> {
        let pinned = self.pinned(alias)?;
        let key = (kind.to_owned(), STANDARD.encode(key));
        Ok(pinned.is_empty() || pinned.contains(&key))
    }

    /// Pins the guest's host key unless a key is pinned already.
    pub fn pin_host(&self, alias: &str, kind: &str, key: &[u8]) -> Result<(), Error> {
        if !self.pinned(alias)?.is_empty() {
            return Ok(());
        }
        // OpenSSH writes the alias in lower case.
        let alias = alias.to_ascii_lowercase();
        let line = format!("{alias} {kind} {}\n", STANDARD.encode(key));
        let path = self.known_hosts();
        // Half a line would be a wrong key that stays pinned.
        Ok(file::write_atomic(&path, (self.read()? + &line).as_bytes()).writing(path)?)
    }

    /// Forgets the pinned host keys of `alias`; the next login pins the guest's key anew. Returns
    /// false if none was pinned.
    pub fn forget_host(&self, alias: &str) -> Result<bool, Error> {
        let text = self.read()?;
        let others: String = text
            .lines()
            .filter(|line| parse(alias, line).is_none())
            .map(|line| format!("{line}\n"))
            .collect();
        let forgets = others.lines().count() < text.lines().count();
        if forgets {
            let path = self.known_hosts();
            file::write_atomic(&path, others.as_bytes()).writing(path)?;
        }
        Ok(forgets)
    }

    /// Gives all host keys in the folder that are pinned for `alias` these names instead, which
    /// commas join.
    pub fn rename_host(&self, alias: &str, names: &str) -> Result<(), Error> {
        for file in file::entries(self.folder()) {
            let path = file.path();
            let name = file.file_name();
            if !name.to_string_lossy().contains("known_hosts") {
                continue;
            }
            let text = std::fs::read_to_string(&path).reading(&path)?;
            let renamed = |line: &str| match (parse(alias, line), line.split_once(' ')) {
                (Some(_), Some((_, key))) => format!("{names} {key}\n"),
                _ => format!("{line}\n"),
            };
            let text: String = text.lines().map(renamed).collect();
            file::write_atomic(&path, text.as_bytes()).writing(path)?;
        }
        Ok(())
    }

    fn pinned(&self, alias: &str) -> Result<Vec<(String, String)>, Error> {
        let text = self.read()?;
        Ok(text.lines().filter_map(|line| parse(alias, line)).collect())
    }

    fn read(&self) -> Result<String, Error> {
        let path = self.known_hosts();
        match std::fs::read_to_string(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(String::new()),
            text => Ok(text.reading(path)?),
        }
    }
}

/// Returns the type and the key of a line for `alias`. OpenSSH compares names without case, and
/// writes no hashed names here ([`super::config`]).
fn parse(alias: &str, line: &str) -> Option<(String, String)> {
    let mut fields = line.split_whitespace();
    let (names, kind, key) = (fields.next()?, fields.next()?, fields.next()?);
    let ours = names
        .split(',')
        .any(|name| name.eq_ignore_ascii_case(alias));
    ours.then(|| (kind.to_owned(), key.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_host_key_stays_pinned_until_it_is_forgotten() {
        let dir = tempfile::tempdir().unwrap();
        let keys = Keys::in_folder(dir.path());
        assert!(keys.is_expected_host("vm", "ssh-ed25519", b"one").unwrap());
        assert!(!keys.forget_host("vm").unwrap());
        keys.pin_host("vm", "ssh-ed25519", b"one").unwrap();
        keys.pin_host("vm", "ssh-ed25519", b"two").unwrap();
        keys.pin_host("vm-door", "ssh-ed25519", b"door").unwrap();
        assert!(keys.is_expected_host("vm", "ssh-ed25519", b"one").unwrap());
        for (alias, kind, key) in [
            ("vm", "ssh-ed25519", b"two"),
            ("vm", "ssh-rsa", b"one"),
            ("vm-door", "ssh-ed25519", b"one"),
        ] {
            assert!(!keys.is_expected_host(alias, kind, key).unwrap());
        }
        assert!(keys.forget_host("vm").unwrap());
        assert!(keys.is_expected_host("vm", "ssh-ed25519", b"two").unwrap());
        let others = keys.pinned_types("vm-door").unwrap();
        assert_eq!(others, ["ssh-ed25519"], "the other name's key stays");
    }

    #[test]
    fn names_with_capitals_are_compared_as_openssh_does() {
        let dir = tempfile::tempdir().unwrap();
        let keys = Keys::in_folder(dir.path());
        let line = format!("myvm ssh-ed25519 {}\n", STANDARD.encode(b"one"));
        std::fs::write(keys.known_hosts(), line).unwrap();
        assert!(
            keys.is_expected_host("MyVM", "ssh-ed25519", b"one")
                .unwrap()
        );
        assert!(
            !keys
                .is_expected_host("MyVM", "ssh-ed25519", b"two")
                .unwrap()
        );
        keys.forget_host("MyVM").unwrap();
        keys.pin_host("MyVM", "ssh-ed25519", b"two").unwrap();
        let text = std::fs::read_to_string(keys.known_hosts()).unwrap();
        assert!(text.starts_with("myvm "), "{text}");
    }
}
