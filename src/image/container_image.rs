//! A container image.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The label of every bootable container image.
/// <https://bootc-dev.github.io/bootc/bootc-images.html>
pub const BOOTC_LABEL: &str = "containers.bootc";

/// A container image in podman's storage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// The full name that the user meant, or one made of the ID if the image has no name.
    pub reference: String,
    /// The image ID: the SHA-256 of its configuration, in hex.
    pub id: String,
    /// The manifest digest, with the prefix `sha256:`.
    pub digest: String,
    /// The architecture in OCI's terms: `amd64`, `arm64`.
    pub architecture: String,
    /// Bytes of all layers, uncompressed.
    pub size: u64,
    /// The digests of the layers' contents (diff IDs), the lowest layer first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub layers: Vec<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
}

impl Image {
    /// Returns an image for tests.
    #[doc(hidden)]
    pub fn sample() -> Self {
        Self {
            reference: "localhost/x:latest".into(),
            id: "a".repeat(64),
            digest: "sha256:1".into(),
            architecture: "amd64".into(),
            size: 5,
            layers: vec![],
            labels: Default::default(),
        }
    }

    /// Returns the first twelve digits of the ID, as podman prints them.
    pub fn short_id(&self) -> &str {
        self.id.get(..12).unwrap_or(&self.id)
    }

    /// Returns true if the image has the label of bootable images.
    pub fn has_bootc_label(&self) -> bool {
        self.labels
            .get(BOOTC_LABEL)
            .is_some_and(|value| !matches!(value.as_str(), "" | "0" | "false"))
    }
}
