//! A registry on loopback: it has empty images, each for several architectures, and takes others.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};

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

/// What it serves: media type and content by path. Uploads have a path, too, until they are blobs.
#[derive(Default)]
struct Content(BTreeMap<String, (String, Vec<u8>)>);

/// A client's request.
struct Request {
    method: String,
    path: String,
    media_type: String,
    body: Vec<u8>,
}

impl Registry {
    /// Serves images with these names and architectures.
    pub fn new(images: &[(&str, &[&str])]) -> Self {
        let mut content = Content::default();
        for (name, architectures) in images {
            content.add_image(name, architectures);
        }
        let content = Arc::new(Mutex::new(content));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let content = Arc::clone(&content);
                // A client may disconnect at any time.
                std::thread::spawn(move || serve(&content, &stream));
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
                (INDEX.to_owned(), index.to_string().into_bytes())
            }
        };
        self.0.insert(tag, tagged);
    }

    /// Adds a file and returns its descriptor.
    fn add(&mut self, name: &str, kind: &str, media_type: &'static str, bytes: Vec<u8>) -> Value {
        let digest = digest(&bytes);
        let descriptor = json!({"mediaType": media_type, "digest": digest, "size": bytes.len()});
        self.0
            .insert(path(name, kind, &digest), (media_type.to_owned(), bytes));
        descriptor
    }

    /// Returns the answer: a status, headers and the body.
    fn answer(&mut self, request: Request) -> (&'static str, String, Vec<u8>) {
        let Request {
            method,
            path: at,
            media_type,
            body,
        } = request;
        let location = |at: &str| format!("Location: {at}\r\n");
        let created = |digest: &str| format!("Docker-Content-Digest: {digest}\r\n");
        let upload = at.split_once("/blobs/uploads/");
        match (method.as_str(), upload) {
            ("GET" | "HEAD", None) if at == "/v2/" => ("200 OK", String::new(), b"{}".to_vec()),
            ("GET" | "HEAD", None) => match self.0.get(&at) {
                Some((media_type, bytes)) => {
                    let headers = format!("Content-Type: {media_type}\r\n");
                    ("200 OK", headers + &created(&digest(bytes)), bytes.clone())
                }
                None => ("404 Not Found", String::new(), b"{}".to_vec()),
            },
            ("POST", Some((name, _))) => {
                let at = format!("{name}/blobs/uploads/{}", self.0.len());
                self.0.insert(at.clone(), Default::default());
                ("202 Accepted", location(&at), vec![])
            }
            ("PATCH", Some(_)) => {
                let (_, bytes) = self.0.entry(at.clone()).or_default();
                bytes.extend(body);
                let range = format!("Range: 0-{}\r\n", bytes.len().saturating_sub(1));
                ("202 Accepted", location(&at) + &range, vec![])
            }
            ("PUT", Some((name, rest))) => {
                let (_, query) = rest.split_once("?digest=").unwrap_or_default();
                let wanted = query.replace("%3A", ":");
                let uploaded = self.0.remove(at.split('?').next().unwrap());
                let (_, mut bytes) = uploaded.unwrap_or_default();
                bytes.extend(body);
                match digest(&bytes) == wanted {
                    true => {
                        let at = format!("{name}/blobs/{wanted}");
                        self.0.insert(at, (LAYER.to_owned(), bytes));
                        ("201 Created", created(&wanted), vec![])
                    }
                    false => ("400 Bad Request", String::new(), vec![]),
                }
            }
            ("PUT", None) => {
                let digest = digest(&body);
                let (folder, _) = at.rsplit_once('/').unwrap();
                let by_digest = format!("{folder}/{digest}");
                self.0.insert(by_digest, (media_type.clone(), body.clone()));
                self.0.insert(at, (media_type, body));
                ("201 Created", created(&digest), vec![])
            }
            _ => ("405 Method Not Allowed", String::new(), vec![]),
        }
    }
}

/// Answers one request, but not an attempt at TLS.
fn serve(content: &Mutex<Content>, mut stream: &TcpStream) -> io::Result<()> {
    let Some(request) = read(&mut BufReader::new(stream))? else {
        return Ok(());
    };
    let is_head = request.method == "HEAD";
    let (status, headers, body) = content.lock().unwrap().answer(request);
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    let body: &[u8] = if is_head { &[] } else { &body };
    stream.write_all(&[head.as_bytes(), body].concat())
}

/// Reads a request with its body. Returns none for anything but HTTP.
fn read(reader: &mut impl BufRead) -> io::Result<Option<Request>> {
    let line = |reader: &mut dyn BufRead| -> io::Result<String> {
        let mut line = Vec::new();
        reader.take(64 << 10).read_until(b'\n', &mut line)?;
        Ok(String::from_utf8_lossy(&line).trim_end().to_owned())
    };
    let first = line(reader)?;
    let [method, path, "HTTP/1.1"] = first.split(' ').collect::<Vec<_>>()[..] else {
        return Ok(None);
    };
    let mut headers = BTreeMap::new();
    while let Some((name, value)) = line(reader)?.split_once(": ") {
        headers.insert(name.to_lowercase(), value.to_owned());
    }
    let header = |name: &str| headers.get(name).cloned().unwrap_or_default();
    let mut body = Vec::new();
    if header("transfer-encoding") == "chunked" {
        loop {
            let size = u64::from_str_radix(&line(reader)?, 16).map_err(io::Error::other)?;
            reader.by_ref().take(size).read_to_end(&mut body)?;
            line(reader)?;
            if size == 0 {
                break;
            }
        }
    } else {
        let length = header("content-length").parse().unwrap_or(0);
        reader.by_ref().take(length).read_to_end(&mut body)?;
    }
    Ok(Some(Request {
        method: method.to_owned(),
        path: path.to_owned(),
        media_type: header("content-type"),
        body,
    }))
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
