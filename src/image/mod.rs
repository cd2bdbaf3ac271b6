//! The container engine: images by name, their facts and their content.

mod error;
mod facts;
mod mount;
mod other_storages;
mod podman;
mod podman_machine;
mod reference;
mod resolve;
mod service;
mod storage;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use error::{Error, Unusable};
pub use facts::Facts;
pub use mount::{Held, Mounted};
pub use other_storages::Elsewhere;
pub use podman::{Listed, Podman};
pub use reference::is_file;
pub use resolve::{Pull, Request};
pub use service::Service;
pub use storage::{Storage, StorageInUse};

/// Label of every bootable container image.
/// <https://bootc-dev.github.io/bootc/bootc-images.html>
pub const BOOTC_LABEL: &str = "containers.bootc";

/// A container image in podman's storage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// The name it was asked for by, in full; a name made of its ID when it has none.
    pub reference: String,
    /// Image ID: SHA-256 of its configuration, in hex.
    pub id: String,
    /// Manifest digest, with its `sha256:`.
    pub digest: String,
    /// Architecture in OCI's terms: `amd64`, `arm64`.
    pub architecture: String,
    /// Bytes of all layers, uncompressed.
    pub size: u64,
    /// Digests of its layers' contents (diff IDs), the lowest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub layers: Vec<String>,
    /// Labels of its configuration.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
}

impl Image {
    /// An image for tests.
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

    /// The first twelve digits of the ID, as podman prints them.
    pub fn short_id(&self) -> &str {
        self.id.get(..12).unwrap_or(&self.id)
    }

    /// True when its label says that it is bootable.
    pub fn has_bootc_label(&self) -> bool {
        self.labels.get(BOOTC_LABEL).is_some_and(|value| !matches!(value.as_str(), "" | "0" | "false"))
    }
}
