//! systemd credentials that the user passes to a guest, next to the tool's own.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::host::fs::file::{self, IoContext as _};
use crate::hypervisor::Credential;

/// The limit for all credentials together, in bytes of SMBIOS tables. The firmware of guests failed
/// with larger ones.
const MAX: usize = 16 << 10;
/// What systemd before 256 reads of the SMBIOS tables with credentials, in bytes, without their
/// header and end.
const MAX_OF_OLD: usize = (4 << 10) - 16;
/// Bytes in SMBIOS for each credential beside its name and value: `io.systemd.credential.binary:`,
/// `=`, and a NUL.
const OVERHEAD: usize = 31;
/// The longest name, in bytes: the guest uses it as a file name.
const NAME_MAX: usize = 255;
/// The tool's and the user's lines are joined.
const TMPFILES: &str = super::authorized_key::NAME;

/// A credential on the command line. `Debug` doesn't show its value, which may be a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct CredentialArg {
    name: String,
    value: Value,
}

#[derive(Clone, PartialEq, Eq)]
enum Value {
    Text(String),
    File(PathBuf),
}

impl fmt::Debug for CredentialArg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CredentialArg({})", self.name)
    }
}

#[derive(Debug, thiserror::Error)]
pub enum InvalidCredential {
    #[error("invalid credential `{0}`: expected NAME=VALUE or NAME=@FILE")]
    Form(String),
    #[error(
        "invalid credential name `{0}`: expected 1 to 255 ASCII characters without blanks, `/` and `:`"
    )]
    Name(String),
    #[error(transparent)]
    File(#[from] file::Error),
    #[error("duplicate credential `{0}`: a name can have one value")]
    Duplicate(String),
    #[error("credential `{0}` is reserved: podman-bootc sets it itself")]
    Reserved(String),
    #[error(
        "the VM's credentials take {0} bytes, but its firmware can carry only {MAX}: pass less data"
    )]
    TooLarge(usize),
    #[error(
        "the VM's credentials and SSH keys take {0} bytes, but the image's systemd (older than 256) \
         reads only {MAX_OF_OLD}: pass less data"
    )]
    TooLargeForOld(usize),
}

impl FromStr for CredentialArg {
    type Err = InvalidCredential;

    fn from_str(text: &str) -> Result<Self, InvalidCredential> {
        let (name, value) = text
            .split_once('=')
            .ok_or_else(|| InvalidCredential::Form(text.to_owned()))?;
        // The name becomes a file name on the host, too.
        let good =
            |c: char| c.is_ascii_graphic() && !"/:".contains(c) && !std::path::is_separator(c);
        if name.is_empty()
            || name.len() > NAME_MAX
            || !name.chars().all(good)
            || matches!(name, "." | "..")
        {
            return Err(InvalidCredential::Name(name.to_owned()));
        }
        let value = match value.strip_prefix('@') {
            Some(file) => Value::File(file.into()),
            None => Value::Text(value.to_owned()),
        };
        Ok(Self {
            name: name.to_owned(),
            value,
        })
    }
}

impl CredentialArg {
    /// Reads the value from its file, if it has one.
    pub fn read(&self) -> Result<Credential, InvalidCredential> {
        let value = match &self.value {
            Value::Text(text) => text.clone().into_bytes(),
            Value::File(path) => std::fs::read(path).reading(path)?,
        };
        Ok(Credential {
            name: self.name.clone(),
            value,
        })
    }
}

/// Merges the tool's and the user's credentials.
///
/// systemd uses only the first value of a name, so a second one is an error. Lines of tmpfiles.d(5)
/// are joined.
pub fn merge(
    ours: Vec<Credential>,
    users: Vec<Credential>,
) -> Result<Vec<Credential>, InvalidCredential> {
    let mut names = BTreeSet::new();
    let mut all = ours;
    for Credential { name, value } in users {
        if !names.insert(name.clone()) {
            return Err(InvalidCredential::Duplicate(name));
        }
        match all.iter_mut().find(|other| other.name == name) {
            Some(other) if name == TMPFILES => other.value.extend(value),
            Some(_) => return Err(InvalidCredential::Reserved(name)),
            None => all.push(Credential { name, value }),
        }
    }
    match size(&all) {
        size if size > MAX => Err(InvalidCredential::TooLarge(size)),
        _ => Ok(all),
    }
}

/// Merges them for a systemd before 256, which loses all beyond a small size.
pub fn merge_for_old(
    ours: Vec<Credential>,
    users: Vec<Credential>,
) -> Result<Vec<Credential>, InvalidCredential> {
    let all = merge(ours, users)?;
    match size(&all) {
        size if size > MAX_OF_OLD => Err(InvalidCredential::TooLargeForOld(size)),
        _ => Ok(all),
    }
}

/// Returns the bytes that credentials take in SMBIOS.
fn size(credentials: &[Credential]) -> usize {
    let encoded = |value: &[u8]| STANDARD.encode(value).len();
    credentials
        .iter()
        .map(|c| OVERHEAD + c.name.len() + encoded(&c.value))
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credential(name: &str, value: &str) -> Credential {
        Credential {
            name: name.into(),
            value: value.into(),
        }
    }

    #[test]
    fn a_credential_is_a_name_with_a_value_or_a_file() {
        let read = |text: &str| text.parse::<CredentialArg>().and_then(|arg| arg.read());
        assert_eq!(
            read("a.b=x=y, \"z\"\n").unwrap(),
            credential("a.b", "x=y, \"z\"\n")
        );
        assert_eq!(read("a=").unwrap(), credential("a", ""));
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), b"\0\xff").unwrap();
        assert_eq!(
            read(&format!("a=@{}", file.path().display()))
                .unwrap()
                .value,
            b"\0\xff"
        );
        assert!(
            read("a=@/no/such/file")
                .unwrap_err()
                .to_string()
                .contains("/no/such/file")
        );
        for text in [
            "",
            "a",
            "=x",
            "a b=x",
            "a/b=x",
            "a:b=x",
            "..=x",
            "ä=x",
            &format!("{}=x", "a".repeat(256)),
        ] {
            assert!(read(text).is_err(), "{text}");
        }
        assert_eq!(
            read(r"a\x2db=x").is_ok(),
            cfg!(unix),
            "on Windows a backslash separates folders"
        );
        let secret: CredentialArg = "a=secret".parse().unwrap();
        assert!(!format!("{secret:?}").contains("secret"));
    }

    #[test]
    fn the_users_credentials_never_replace_the_tools() {
        let ours = || vec![credential(TMPFILES, "one\n"), credential("unit", "x")];
        let merged = merge(
            ours(),
            vec![credential(TMPFILES, "two\n"), credential("y", "z")],
        )
        .unwrap();
        assert_eq!(merged[0], credential(TMPFILES, "one\ntwo\n"));
        assert_eq!(merged[2], credential("y", "z"));
        assert!(matches!(
            merge(ours(), vec![credential("unit", "y")]),
            Err(InvalidCredential::Reserved(_))
        ));
        let twice = vec![credential("y", "1"), credential("y", "2")];
        assert!(matches!(
            merge(ours(), twice),
            Err(InvalidCredential::Duplicate(_))
        ));
    }

    #[test]
    fn credentials_larger_than_the_firmwares_limit_are_refused() {
        // 12,000 bytes are 16,000 in base64.
        let large = |bytes| vec![credential("a", &"x".repeat(bytes))];
        assert!(merge(vec![], large(12_000)).is_ok());
        assert!(merge(vec![], large(12_300)).is_err());
        assert!(merge_for_old(vec![], large(3000)).is_ok());
        assert!(matches!(
            merge_for_old(vec![], large(3060)),
            Err(InvalidCredential::TooLargeForOld(_))
        ));
        let many = (0..200)
            .map(|i| credential(&format!("{}{i}", "n".repeat(60)), ""))
            .collect();
        assert!(
            matches!(merge(vec![], many), Err(InvalidCredential::TooLarge(_))),
            "the limit includes the names"
        );
    }
}
