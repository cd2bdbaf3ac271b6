//! An image for tests, made without podman.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::error::Error;
use super::oci_folder::OciFolder;
use crate::image;

/// An image with these layers.
#[derive(Clone)]
pub struct Sample {
    pub layers: Vec<Vec<u8>>,
    /// How often it was saved.
    pub saved: Arc<AtomicUsize>,
}

impl Sample {
    pub fn new(layers: &[&[u8]]) -> Self {
        Self {
            layers: layers.iter().map(|layer| layer.to_vec()).collect(),
            saved: Arc::default(),
        }
    }

    /// Returns the digest and the size of a layer.
    pub fn layer(&self, index: usize) -> (String, u64) {
        let bytes = &self.layers[index];
        (digest(bytes), bytes.len() as u64)
    }

    /// Makes its OCI folder, with placeholders for these layers.
    pub fn folder(&self, known: &[usize], parent: &Path) -> Result<OciFolder, Error> {
        let known: Vec<_> = known.iter().map(|index| self.layer(*index)).collect();
        let known = known.iter().map(|(digest, size)| (digest.as_str(), *size));
        let sample = self.clone();
        OciFolder::make(known, parent, Box::new(move |folder| sample.save(folder)))
    }

    /// Writes what is missing, as podman does. A folder with the file `full` is a full disk.
    fn save(&self, folder: &Path) -> Result<(), image::Error> {
        self.saved.fetch_add(1, Ordering::Relaxed);
        if folder
            .parent()
            .is_some_and(|above| above.join("full").exists())
        {
            return Err(image::Error::NoPodman);
        }
        let blobs = folder.join("blobs/sha256");
        let add = |bytes: &[u8], kind: &str| -> Value {
            let digest = digest(bytes);
            let path = blobs.join(&digest["sha256:".len()..]);
            let size = path
                .metadata()
                .map_or(bytes.len() as u64, |found| found.len());
            if !path.exists() {
                std::fs::write(path, bytes).unwrap();
            }
            json!({ "mediaType": format!("application/vnd.oci.image.{kind}"), "digest": digest, "size": size })
        };
        let layers = self.layers.iter();
        let layers: Vec<_> = layers.map(|layer| add(layer, "layer.v1.tar")).collect();
        let config = add(b"{}", "config.v1+json");
        let manifest = json!({ "config": config, "layers": layers }).to_string();
        let manifest = add(manifest.as_bytes(), "manifest.v1+json");
        let index = json!({ "manifests": [manifest] }).to_string();
        std::fs::write(folder.join("index.json"), index).unwrap();
        Ok(())
    }
}

pub fn digest(bytes: &[u8]) -> String {
    let hex = Sha256::digest(bytes);
    let hex: String = hex.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}
