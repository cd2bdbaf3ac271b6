//! The place to which an image is written.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// A folder in the OCI format, or a name in podman's storage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    Folder(PathBuf),
    /// A full name with its registry.
    Name(String),
}

/// A text that names neither.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "invalid target `{0}`: expected a folder, as in oci:DIR, or a name for podman's storage, as in \
     quay.io/example/my-os-disk:v1"
)]
pub struct InvalidTarget(String);

impl FromStr for Target {
    type Err = InvalidTarget;

    /// A name begins with a registry: `localhost`, or a host with a dot or a port.
    fn from_str(text: &str) -> Result<Self, InvalidTarget> {
        let invalid = || InvalidTarget(text.to_owned());
        let (text, must_be_name) = match text.split_once(':') {
            Some(("oci", folder)) if !folder.is_empty() => return Ok(Self::Folder(folder.into())),
            Some(("oci-archive" | "docker-archive" | "dir", _)) => return Err(invalid()),
            Some(("containers-storage", name)) => (name, true),
            Some(("docker", name)) => (name.trim_start_matches('/'), true),
            _ => (text, false),
        };
        let (host, rest) = text.split_once('/').unwrap_or(("", text));
        let is_registry = host == "localhost"
            || (host.contains(['.', ':']) && !host.starts_with('.') && !host.ends_with(':'));
        if is_registry && is_name(rest) {
            return Ok(Self::Name(text.to_owned()));
        }
        if must_be_name || is_registry || text.is_empty() || text.contains(':') && host.is_empty() {
            // A path on another system has its drive before a colon.
            let is_path = !must_be_name && Path::new(text).is_absolute();
            return is_path
                .then(|| Self::Folder(text.into()))
                .ok_or_else(invalid);
        }
        Ok(Self::Folder(text.into()))
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(folder) => write!(f, "oci:{}", folder.display()),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// Returns true for the part of a name after the registry: lower-case words, slashes, and a tag.
fn is_name(text: &str) -> bool {
    let (repository, tag) = match text.rsplit_once(':') {
        Some((repository, tag)) => (repository, tag),
        None => (text, "latest"),
    };
    let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let part = |part: &str| {
        part.starts_with(is_word)
            && part.ends_with(is_word)
            && part.chars().all(|c| is_word(c) || "._-".contains(c))
    };
    let is_tag_start = |c: char| c.is_ascii_alphanumeric() || c == '_';
    repository.split('/').all(part)
        && tag.starts_with(is_tag_start)
        && tag.len() <= 128
        && tag.chars().all(|c| is_tag_start(c) || ".-".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_a_folder_or_a_full_name() {
        for folder in ["out", "out/oci", "./a.b/oci", "../x", "oci:a.b/c", "oci:/x"] {
            let path = folder.strip_prefix("oci:").unwrap_or(folder);
            assert_eq!(folder.parse(), Ok(Target::Folder(path.into())), "{folder}");
        }
        for name in [
            "localhost/my-os-disk",
            "quay.io/example/my-os_disk:v1.2",
            "127.0.0.1:5000/a",
            "host:5000/a/b:T_1",
        ] {
            assert_eq!(name.parse(), Ok(Target::Name(name.into())), "{name}");
        }
        let stored = "containers-storage:localhost/x".parse();
        assert_eq!(stored, Ok(Target::Name("localhost/x".into())));
        for bad in [
            "",
            "oci:",
            "oci-archive:x.tar",
            "my-os:v1",
            "localhost/My-OS",
            "localhost/x:",
            "localhost/x@sha256:1f",
            "quay.io/",
            "containers-storage:x",
        ] {
            assert!(bad.parse::<Target>().is_err(), "{bad}");
        }
    }
}
