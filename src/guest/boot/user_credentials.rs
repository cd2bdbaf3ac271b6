//! systemd credentials that the user gives, beside those of the tool itself.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::hypervisor::Credential;

/// All credentials together, as SMBIOS carries them. Larger tables broke guests' firmware. Bytes.
const MOST: usize = 16 << 10;
/// What SMBIOS has for each beside its name and value: `io.systemd.credential.binary:`, `=`, and a NUL.
const FRAME: usize = 30;
/// The longest name: it is a file's name in the guest. Bytes.
const NAME_MOST: usize = 255;
/// Lines of tmpfiles.d(5): ours and the user's go together.
const TMPFILES: &str = "tmpfiles.extra";

/// A credential as the user writes it. Its value is nobody's business: not shown by `Debug`.
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

/// A credential that can't be given.
#[derive(Debug, thiserror::Error)]
pub enum InvalidCredential {
    /// Not of the form.
    #[error("`{0}` is no credential; write NAME=VALUE or NAME=@FILE")]
    Form(String),
    /// Not a name.
    #[error(
        "`{0}` is no name of a credential: it is made of 1 to 255 ASCII characters without blanks, / and :"
    )]
    Name(String),
    /// The file can't be read.
    #[error("can't read {path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The first value of a name counts.
    #[error("the credential {0} is given twice")]
    Twice(String),
    /// The tool gives it for its own ends.
    #[error("the credential {0} is the tool's own; it can't be given")]
    Ours(String),
    /// Too much.
    #[error(
        "the VM's credentials take {0} bytes together; {MOST} are the most that a VM's firmware can carry"
    )]
    TooLarge(usize),
}

impl FromStr for CredentialArg {
    type Err = InvalidCredential;

    fn from_str(text: &str) -> Result<Self, InvalidCredential> {
        let (name, value) = text.split_once('=').ok_or_else(|| InvalidCredential::Form(text.to_owned()))?;
        // It is a file's name, too.
        let good = |c: char| c.is_ascii_graphic() && !"/:".contains(c) && !std::path::is_separator(c);
        if name.is_empty() || name.len() > NAME_MOST || !name.chars().all(good) || matches!(name, "." | "..")
        {
            return Err(InvalidCredential::Name(name.to_owned()));
        }
        let value = match value.strip_prefix('@') {
            Some(file) => Value::File(file.into()),
            None => Value::Text(value.to_owned()),
        };
        Ok(Self { name: name.to_owned(), value })
    }
}

impl CredentialArg {
    /// The credential, its file read.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn read(&self) -> Result<Credential, InvalidCredential> {
        let value = match &self.value {
            Value::Text(text) => text.clone().into_bytes(),
            Value::File(path) => std::fs::read(path)
                .map_err(|source| InvalidCredential::File { path: path.clone(), source })?,
        };
        Ok(Credential { name: self.name.clone(), value })
    }
}

/// The tool's and the user's credentials together.
///
/// systemd takes the first value of a name, so that none may come twice; lines for tmpfiles are joined.
///
/// # Errors
/// One is there twice, or they are too large together.
pub fn merge(ours: Vec<Credential>, given: Vec<Credential>) -> Result<Vec<Credential>, InvalidCredential> {
    let mut names = BTreeSet::new();
    let mut all = ours;
    for Credential { name, value } in given {
        if !names.insert(name.clone()) {
            return Err(InvalidCredential::Twice(name));
        }
        match all.iter_mut().find(|other| other.name == name) {
            Some(other) if name == TMPFILES => other.value.extend(value),
            Some(_) => return Err(InvalidCredential::Ours(name)),
            None => all.push(Credential { name, value }),
        }
    }
    match size(&all) {
        size if size > MOST => Err(InvalidCredential::TooLarge(size)),
        _ => Ok(all),
    }
}

/// Bytes that these take in SMBIOS.
fn size(credentials: &[Credential]) -> usize {
    let encoded = |value: &[u8]| STANDARD.encode(value).len();
    credentials.iter().map(|c| FRAME + c.name.len() + encoded(&c.value)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credential(name: &str, value: &str) -> Credential {
        Credential { name: name.into(), value: value.into() }
    }

    #[test]
    fn credentials_as_users_write_them() {
        let read = |text: &str| text.parse::<CredentialArg>().and_then(|arg| arg.read());
        assert_eq!(read("a.b=x=y, \"z\"\n").unwrap(), credential("a.b", "x=y, \"z\"\n"));
        assert_eq!(read("a=").unwrap(), credential("a", ""));
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), b"\0\xff").unwrap();
        assert_eq!(read(&format!("a=@{}", file.path().display())).unwrap().value, b"\0\xff");
        assert!(read("a=@/no/such/file").unwrap_err().to_string().contains("/no/such/file"));
        for text in
            ["", "a", "=x", "a b=x", "a/b=x", "a:b=x", "..=x", "ä=x", &format!("{}=x", "a".repeat(256))]
        {
            assert!(read(text).is_err(), "{text}");
        }
        assert_eq!(read(r"a\x2db=x").is_ok(), cfg!(unix), "on Windows that parts a path");
        let secret: CredentialArg = "a=secret".parse().unwrap();
        assert!(!format!("{secret:?}").contains("secret"));
    }

    #[test]
    fn ours_and_the_users_go_together_or_not_at_all() {
        let ours = || vec![credential(TMPFILES, "one\n"), credential("unit", "x")];
        let merged = merge(ours(), vec![credential(TMPFILES, "two\n"), credential("y", "z")]).unwrap();
        assert_eq!(merged[0], credential(TMPFILES, "one\ntwo\n"));
        assert_eq!(merged[2], credential("y", "z"));
        assert!(matches!(merge(ours(), vec![credential("unit", "y")]), Err(InvalidCredential::Ours(_))));
        let twice = vec![credential("y", "1"), credential("y", "2")];
        assert!(matches!(merge(ours(), twice), Err(InvalidCredential::Twice(_))));
    }

    #[test]
    fn what_a_firmware_cant_carry_is_refused() {
        // 12,000 bytes are 16,000 in Base64.
        let fits = |bytes| merge(vec![], vec![credential("a", &"x".repeat(bytes))]).is_ok();
        assert!(fits(12_000));
        assert!(!fits(12_300));
        let many = (0..200).map(|i| credential(&format!("{}{i}", "n".repeat(60)), "")).collect();
        assert!(matches!(merge(vec![], many), Err(InvalidCredential::TooLarge(_))), "names count, too");
    }
}
