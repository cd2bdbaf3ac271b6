//! The pull endpoint serves images to skopeo and podman. These tests boot nothing.

use std::path::Path;
use std::process::Command;

use podman_bootc::image::{Image, ImageRequest, Podman, Pull};
use podman_bootc::registry::{Endpoint, OciFolder};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::harness::{Output, Running, SOON, podman};

/// Bytes of a layer's file.
const LAYER: usize = 1 << 20;

/// An image of a few layers without a system.
struct Layered {
    name: String,
    image: Image,
}

impl Layered {
    /// Builds an image with one layer for each seed. Equal seeds at the front make equal layers.
    fn new(name: &str, seeds: &[u64]) -> Self {
        let context = TempDir::new().unwrap();
        let mut file = "FROM scratch\nLABEL containers.bootc=1\n".to_owned();
        for (index, seed) in seeds.iter().enumerate() {
            let bytes = noise(*seed);
            std::fs::write(context.path().join(format!("{index}")), bytes).unwrap();
            file += &format!("COPY {index} /{index}\n");
        }
        std::fs::write(context.path().join("Containerfile"), file).unwrap();
        let name = format!("localhost/podman-bootc-e2e:{name}-{}", std::process::id());
        let folder = context.path().to_str().unwrap();
        podman(
            &[
                "build",
                "--quiet",
                "--layers",
                "--timestamp",
                "1",
                "--tag",
                &name,
                folder,
            ],
            vec![],
        )
        .expect(0);
        let request = ImageRequest {
            name: &name,
            pull: Pull::Never,
            arch: None,
        };
        let image = Podman::find().unwrap().resolve(&request, || {}).unwrap();
        Self { name, image }
    }

    fn save(&self, known: &[(String, u64)], parent: &Path) -> OciFolder {
        let podman = Podman::find().unwrap();
        let known = known.iter().map(|(digest, size)| (digest.as_str(), *size));
        OciFolder::save(&podman, &self.image, known, parent).unwrap()
    }
}

impl Drop for Layered {
    fn drop(&mut self) {
        podman(&["rmi", "--force", &self.name], vec![]);
    }
}

/// Bytes that no compression makes smaller.
fn noise(seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    })
    .take(LAYER / 8)
    .flatten()
    .collect()
}

/// Serves on loopback while the command that `client` returns for its address runs.
fn serve(endpoint: &Endpoint, client: impl FnOnce(&str) -> Command) -> Output {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let command = client(&format!("{address}/{}", endpoint.repository()));
        let client =
            tokio::task::spawn_blocking(|| Running::start(command, Some(vec![])).finish(SOON));
        let (sender, streams) = mpsc::channel(16);
        let accept = async {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                sender.send(stream).await.unwrap();
            }
        };
        tokio::select! {
            output = client => output.unwrap(),
            () = endpoint.serve_all(streams) => unreachable!("the listener lives"),
            () = accept => unreachable!(),
        }
    })
}

fn skopeo(args: &[&str]) -> Command {
    let mut command = Command::new("skopeo");
    command.args(args);
    command
}

#[test]
fn real_clients_pull_from_the_endpoint() {
    let dir = TempDir::new().unwrap();
    let image = Layered::new("clients", &[1, 2]);
    let folder = image.save(&[], dir.path());
    let digest = folder.manifest().digest.clone();
    let endpoint = Endpoint::new(folder, Some("v1"));

    let inspected = serve(&endpoint, |address| {
        skopeo(&[
            "inspect",
            "--tls-verify=false",
            &format!("docker://{address}:v1"),
        ])
    });
    let inspected: serde_json::Value = serde_json::from_str(&inspected.expect(0).text()).unwrap();
    assert_eq!(inspected["Digest"], *digest);
}
