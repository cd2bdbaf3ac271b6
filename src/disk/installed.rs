//! The image as `bootc install` got it.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// The content that an install put on a disk, as the OCI folder that bootc read names it.
///
/// podman's own digest of an image may differ: for one that was pulled or built in docker's format,
/// podman makes a new manifest when it saves the image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Installed {
    /// The digest of the manifest, which `bootc status` shows in the guest.
    pub manifest: String,
    /// The digest of the configuration.
    pub config: String,
    /// The lowest layer first.
    pub layers: Vec<InstalledLayer>,
}

/// A layer on a disk. It is uncompressed, so its digest is also the layer's diff ID.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstalledLayer {
    pub digest: String,
    /// Bytes.
    pub size: u64,
}

/// The parts of an OCI index and of a manifest that matter here.
/// <https://github.com/opencontainers/image-spec/blob/main/manifest.md>
#[derive(Deserialize)]
struct Index {
    manifests: Vec<Descriptor>,
}

#[derive(Deserialize)]
struct Manifest {
    config: Descriptor,
    layers: Vec<InstalledLayer>,
}

#[derive(Deserialize)]
struct Descriptor {
    digest: String,
}

impl Installed {
    /// Reads an OCI folder with one image.
    pub fn read(folder: &Path) -> io::Result<Self> {
        let index: Index = json(&folder.join("index.json"))?;
        let manifest = match &index.manifests[..] {
            [one] => one.digest.clone(),
            other => {
                let count = other.len();
                return Err(io::Error::other(format!(
                    "the index lists {count} manifests, not one"
                )));
            }
        };
        let Manifest { config, layers } = json(&blob(folder, &manifest))?;
        Ok(Self {
            manifest,
            config: config.digest,
            layers,
        })
    }
}

/// Returns the file of a blob in an OCI folder.
fn blob(folder: &Path, digest: &str) -> PathBuf {
    folder.join("blobs").join(digest.replace(':', "/"))
}

fn json<T: for<'a> Deserialize<'a>>(file: &Path) -> io::Result<T> {
    Ok(serde_json::from_slice(&std::fs::read(file)?)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_oci_folder_tells_its_digests() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let file = dir.path().join(name);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, text).unwrap();
        };
        let read = || Installed::read(dir.path()).map_err(|error| error.to_string());
        assert!(read().is_err());
        write("index.json", r#"{"manifests":[{"digest":"sha256:aa"}]}"#);
        assert!(read().is_err(), "the manifest is missing");
        write(
            "blobs/sha256/aa",
            r#"{"config":{"digest":"sha256:bb","size":9},
                "layers":[{"digest":"sha256:cc","size":1024,"mediaType":"x"},{"digest":"sha256:dd","size":7}]}"#,
        );
        let layer = |digest: &str, size| InstalledLayer {
            digest: digest.into(),
            size,
        };
        let want = Installed {
            manifest: "sha256:aa".into(),
            config: "sha256:bb".into(),
            layers: vec![layer("sha256:cc", 1024), layer("sha256:dd", 7)],
        };
        assert_eq!(read(), Ok(want));
        write("index.json", r#"{"manifests":[]}"#);
        assert!(read().unwrap_err().contains("0 manifests"));
    }
}
