//! A config for Ignition, which sets up a machine at its first boot.
//! <https://coreos.github.io/ignition/>

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::host::fs::file::{self, IoContext as _};

/// A config that was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ignition(Vec<u8>);

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    File(#[from] file::Error),
    #[error("{path} is not an Ignition config: {source}{}", hint(.path))]
    Json {
        path: PathBuf,
        source: serde_json::Error,
    },
}

fn hint(path: &Path) -> &'static str {
    match path.extension().and_then(|e| e.to_str()) {
        Some("bu" | "yaml" | "yml") => "; convert a Butane file with `butane`",
        _ => "",
    }
}

#[derive(Deserialize)]
struct Config {
    #[serde(rename = "ignition")]
    _ignition: Header,
}

#[derive(Deserialize)]
struct Header {
    #[serde(rename = "version")]
    _version: String,
}

impl Ignition {
    /// Reads a config and checks that it is JSON with Ignition's version.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let content = std::fs::read(path).reading(path)?;
        match serde_json::from_slice::<Config>(&content) {
            Ok(_) => Ok(Self(content)),
            Err(source) => Err(Error::Json {
                path: path.to_owned(),
                source,
            }),
        }
    }

    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ignition_configs_are_accepted() {
        let dir = tempfile::tempdir().unwrap();
        let read = |name: &str, text: &str| {
            let path = dir.path().join(name);
            std::fs::write(&path, text).unwrap();
            Ignition::read(&path).map_err(|e| e.to_string())
        };
        let text = r#"{"ignition": {"version": "3.4.0"}, "storage": {}}"#;
        assert_eq!(read("a.ign", text).unwrap().bytes(), text.as_bytes());
        assert!(read("a.ign", "{").unwrap_err().contains("a.ign"));
        assert!(read("a.ign", "{}").unwrap_err().contains("ignition"));
        assert!(
            read("a.ign", r#"{"ignition": {}}"#)
                .unwrap_err()
                .contains("version")
        );
        assert!(
            read("a.bu", "variant: fcos\n")
                .unwrap_err()
                .contains("butane")
        );
        assert!(Ignition::read(&dir.path().join("none")).is_err());
    }
}
