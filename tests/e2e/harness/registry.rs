//! A registry on loopback with empty images, each for several architectures.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// A registry that serves until the test ends.
pub struct Registry {
    address: String,
}

/// What it serves: media type and content by path.
#[derive(Default)]
struct Content(BTreeMap<String, (&'static str, Vec<u8>)>);

impl Registry {
    /// Serves images with these names and architectures.
    pub fn new(images: &[(&str, &[&str])]) -> Self {
        let mut content = Content::default();
        for (name, architectures) in images {
            content.add_image(name, architectures);
        }
        let content = Arc::new(content);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let content = Arc::clone(&content);
                // A client may disconnect at any time.
                std::thread::spawn(move || content.serve(&stream));
            }
        });
        Self { address }
    }

    /// Returns the full name of one of its images.
    pub fn image(&self, name: &str) -> String {
        format!("{}/{name}", self.address)
    }

    /// Returns settings that make podman trust it; for `CONTAINERS_REGISTRIES_CONF`.
    pub fn write_settings(&self, file: &Path) {
        let settings = format!(
            "[[registry]]\nlocation = \"{}\"\ninsecure = true\n",
            self.address
        );
        std::fs::write(file, settings).unwrap();
    }
}

impl Content {
    fn add_image(&mut self, name: &str, architectures: &[&str]) {
        let layer = tar::Builder::new(Vec::new()).into_inner().unwrap();
        let manifests: Vec<Value> = architectures
            .iter()
            .map(|architecture| {
                let platform = json!({"os": "linux", "architecture": architecture});
                let mut config = platform.clone();
                config["config"] = json!({"Labels": {"containers.bootc": "1"}});
                config["rootfs"] = json!({"type": "layers", "diff_ids": [digest(&layer)]});
                let config = self.add(name, "blobs", CONFIG, config.to_string().into_bytes());
                let layer = self.add(name, "blobs", LAYER, layer.clone());
                let manifest =
                    json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer]});
                let mut manifest = self.add(name, "manifests", MANIFEST, manifest.to_string().into_bytes());
                manifest["platform"] = platform;
                manifest
            })
            .collect();
        let tag = format!("/v2/{name}/manifests/latest");
        let tagged = match &manifests[..] {
            [one] => self.0[&path(name, "manifests", one["digest"].as_str().unwrap())].clone(),
            _ => {
                let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests});
                (INDEX, index.to_string().into_bytes())
            }
        };
        self.0.insert(tag, tagged);
    }

    /// Adds a file and returns its descriptor.
    fn add(&mut self, name: &str, kind: &str, media_type: &'static str, bytes: Vec<u8>) -> Value {
        let digest = digest(&bytes);
        let descriptor = json!({"mediaType": media_type, "digest": digest, "size": bytes.len()});
        self.0
            .insert(path(name, kind, &digest), (media_type, bytes));
        descriptor
    }

    /// Answers one request, but not an attempt at TLS.
    fn serve(&self, mut stream: &TcpStream) -> std::io::Result<()> {
        let mut lines = BufReader::new(stream).lines();
        let request = lines.next().unwrap_or(Ok(String::new()))?;
        let mut words = request.split(' ');
        let (Some("GET" | "HEAD"), Some(path)) = (words.next(), words.next()) else {
            return Ok(());
        };
        for line in lines {
            if line?.is_empty() {
                break;
            }
        }
        let nothing = ("application/json", b"{}".to_vec());
        let (status, (media_type, bytes)) = match (path, self.0.get(path)) {
            ("/v2/", _) => ("200 OK", &nothing),
            (_, Some(found)) => ("200 OK", found),
            (_, None) => ("404 Not Found", &nothing),
        };
        let length = bytes.len();
        let body: &[u8] = if request.starts_with("HEAD") {
            &[]
        } else {
            bytes
        };
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Type: {media_type}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
        );
        stream.write_all(&[head.as_bytes(), body].concat())
    }
}

fn path(name: &str, kind: &str, digest: &str) -> String {
    format!("/v2/{name}/{kind}/{digest}")
}

fn digest(bytes: &[u8]) -> String {
    let hex: String = Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("sha256:{hex}")
}
