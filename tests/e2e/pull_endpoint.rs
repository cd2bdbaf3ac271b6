//! The pull endpoint serves images to skopeo, podman and a guest.

use std::path::Path;
use std::process::Command;

use podman_bootc::host::fs::dirs::Dirs;
use podman_bootc::image::{Image, ImageRequest, Podman, Pull};
use podman_bootc::registry::{Endpoint, OciFolder};
use podman_bootc::vm::boot::Wanted;
use podman_bootc::vm::ready::{Condition, forward_from_guest, wait_until};
use podman_bootc::vm::{Store, lifecycle};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::harness::{
    BOOT, Output, Running, SOON, Sandbox, Small, containers_conf, podman, shared,
};

/// Bytes of a layer's file.
const LAYER: usize = 1 << 20;

/// An image of a few layers without a system.
struct Layered {
    name: String,
    image: Image,
}

impl Layered {
    /// Makes an image with one layer for each seed. Equal seeds make equal layers.
    fn new(name: &str, seeds: &[u64]) -> Self {
        let folder = TempDir::new().unwrap();
        let blobs = folder.path().join("blobs/sha256");
        std::fs::create_dir_all(&blobs).unwrap();
        let add = |kind: &str, bytes: Vec<u8>| {
            let hex: String = Sha256::digest(&bytes)
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();
            std::fs::write(blobs.join(&hex), &bytes).unwrap();
            json!({
                "mediaType": format!("application/vnd.oci.image.{kind}"),
                "digest": format!("sha256:{hex}"),
                "size": bytes.len(),
            })
        };
        let layers: Vec<Value> = seeds
            .iter()
            .map(|seed| add("layer.v1.tar", layer(*seed)))
            .collect();
        let digests: Vec<&Value> = layers.iter().map(|layer| &layer["digest"]).collect();
        let config = json!({
            "os": "linux",
            "architecture": if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" },
            "config": { "Labels": { "containers.bootc": "1", "test": name } },
            "rootfs": { "type": "layers", "diff_ids": digests },
        });
        let config = add("config.v1+json", config.to_string().into_bytes());
        let manifest = json!({ "schemaVersion": 2, "config": config, "layers": layers });
        let manifest = add("manifest.v1+json", manifest.to_string().into_bytes());
        let index = json!({ "schemaVersion": 2, "manifests": [manifest] }).to_string();
        std::fs::write(folder.path().join("index.json"), index).unwrap();
        let layout = json!({ "imageLayoutVersion": "1.0.0" }).to_string();
        std::fs::write(folder.path().join("oci-layout"), layout).unwrap();

        let name = format!("localhost/podman-bootc-e2e:{name}-{}", std::process::id());
        let from = format!("oci:{}", folder.path().display());
        let to = format!("containers-storage:{name}");
        Running::start(skopeo(&["copy", "--quiet", &from, &to]), None)
            .finish(SOON)
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

/// Returns an archive with a file that no compression makes smaller.
fn layer(seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    })
    .take(LAYER / 8)
    .flatten()
    .collect();
    let mut header = tar::Header::new_gnu();
    header.set_size(noise.len() as u64);
    header.set_mode(0o644);
    let mut archive = tar::Builder::new(Vec::new());
    let name = format!("file-{seed}");
    archive.append_data(&mut header, name, &noise[..]).unwrap();
    archive.into_inner().unwrap()
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

/// Returns the layers' digests and sizes.
fn layers(folder: &OciFolder) -> Vec<(String, u64)> {
    let layers = folder.layers().iter();
    layers
        .map(|layer| (layer.digest.clone(), layer.size))
        .collect()
}

/// Copies the image into an OCI folder, which stands for a guest that keeps the layers it has.
fn copy(endpoint: &Endpoint, guest: &Path) -> Output {
    serve(endpoint, |address| {
        let from = format!("docker://{address}:v1");
        let to = format!("oci:{}:v1", guest.display());
        skopeo(&[
            "copy",
            "--preserve-digests",
            "--src-tls-verify=false",
            &from,
            &to,
        ])
    })
}

/// Returns how many layers were asked for, and checks that none was asked for twice.
fn asked(endpoint: &Endpoint) -> usize {
    let requests = endpoint.counts().requests;
    let layers = endpoint.folder().layers().iter();
    layers
        .filter_map(|layer| requests.get(&layer.digest))
        .inspect(|count| assert_eq!(**count, 1))
        .count()
}

#[test]
fn real_clients_pull_from_the_endpoint() {
    let dir = TempDir::new().unwrap();
    let image = Layered::new("clients", &[1, 2]);
    let folder = image.save(&[], dir.path());
    let digest = folder.manifest().digest.clone();
    let endpoint = Endpoint::new(folder, Some("v1"));

    let inspected = serve(&endpoint, |address| {
        let from = format!("docker://{address}:v1");
        skopeo(&["inspect", "--tls-verify=false", &from])
    });
    let inspected: Value = serde_json::from_str(&inspected.expect(0).text()).unwrap();
    assert_eq!(inspected["Digest"], *digest);
    assert_eq!(inspected["RepoTags"], json!(["v1"]));

    let guest = dir.path().join("guest");
    copy(&endpoint, &guest).expect(0);
    let index = std::fs::read(guest.join("index.json")).unwrap();
    let index: Value = serde_json::from_slice(&index).unwrap();
    assert_eq!(index["manifests"][0]["digest"], *digest);

    let pulled = serve(&endpoint, |address| {
        let name = format!("{address}@{digest}");
        let mut pull = Command::new("podman");
        pull.args(["pull", "--quiet", "--tls-verify=false", &name]);
        pull.env("CONTAINERS_CONF", containers_conf());
        pull
    });
    assert_eq!(pulled.expect(0).text().trim(), image.image.id);
    let missing = serve(&endpoint, |address| {
        let from = format!("docker://{address}:v2");
        skopeo(&["inspect", "--tls-verify=false", &from])
    });
    missing.expect(1).says("manifest unknown");
}

#[test]
fn an_edit_costs_what_it_changed() {
    /// One layer of 1 MiB, its archive, and 64 KiB for the manifest and the headers.
    const ONE: u64 = (11 << 20) / 10 + (64 << 10);
    let dir = TempDir::new().unwrap();
    let (guest, empty) = (dir.path().join("guest"), dir.path().join("empty"));
    let parent = dir.path().join("host");
    let old = Layered::new("old", &[1, 2, 3, 4]);
    let one = Layered::new("one", &[1, 2, 3, 9]);
    let three = Layered::new("three", &[1, 7, 8, 9]);

    let endpoint = Endpoint::new(old.save(&[], &parent), Some("v1"));
    copy(&endpoint, &guest).expect(0);
    assert_eq!(asked(&endpoint), 4);
    let known = layers(endpoint.folder());
    drop(endpoint);

    for (image, changed) in [(&one, 1), (&three, 3)] {
        let guest_before = dir.path().join(format!("before-{changed}"));
        let mut copied = Command::new("cp");
        copied.arg("-r").args([&guest, &guest_before]);
        assert!(copied.status().unwrap().success());
        let endpoint = Endpoint::new(image.save(&known, &parent), Some("v1"));
        assert!(endpoint.folder().size_on_disk() < changed * ONE);
        copy(&endpoint, &guest_before).expect(0);
        assert_eq!(asked(&endpoint), changed as usize);
        let counts = endpoint.counts();
        assert!(counts.sent + counts.received < changed * ONE, "{counts:?}");
        assert!(endpoint.folder().size_on_disk() < changed * ONE);
    }

    // A guest that has lost its layers gets them although the host doesn't expect it. skopeo
    // checks their digests.
    let endpoint = Endpoint::new(one.save(&known, &parent), Some("v1"));
    copy(&endpoint, &empty).expect(0);
    assert_eq!(asked(&endpoint), 4);
    assert!(endpoint.failure().is_none());
    drop(endpoint);
    assert_eq!(std::fs::read_dir(&parent).unwrap().count(), 0);
}

#[test]
fn a_fault_of_the_host_reaches_the_client_as_an_error() {
    let dir = TempDir::new().unwrap();
    let image = Layered::new("faults", &[1, 2]);
    let guest = dir.path().join("guest");
    let small = Small::new(dir.path().join("small"), "1M");
    let podman = Podman::find().unwrap();
    let error = OciFolder::save(&podman, &image.image, [], small.as_ref()).err();
    let error = format!("{:#}", anyhow::Error::from(error.unwrap()));
    assert!(error.contains("no space left on device"), "{error}");
    assert_eq!(std::fs::read_dir(small.as_ref()).unwrap().count(), 0);

    // There is room for one layer, and the guest wants two.
    small.resize("8M");
    let known = layers(&image.save(&[], small.as_ref()));
    let folder = image.save(&known[..1], small.as_ref());
    small.resize("1500K");
    let endpoint = Endpoint::new(folder, Some("v1"));
    copy(&endpoint, &guest).expect(1);
    let failure = anyhow::Error::from(endpoint.failure().unwrap());
    assert!(
        format!("{failure:#}").contains("no space left on device"),
        "{failure:#}"
    );
    drop(endpoint);
    assert_eq!(std::fs::read_dir(small.as_ref()).unwrap().count(), 0);

    let endpoint = Endpoint::new(image.save(&[], &dir.path().join("host")), Some("v1"));
    corrupt(&dir.path().join("host"), &known[1].0);
    let refused = copy(&endpoint, &dir.path().join("other"));
    refused.expect(1).says("Digest did not match");
}

/// Changes a byte in the middle of a blob.
fn corrupt(parent: &Path, digest: &str) {
    let folders = std::fs::read_dir(parent).unwrap().flatten();
    let folder = folders.map(|entry| entry.path()).find(|path| path.is_dir());
    let blob = folder.unwrap().join("blobs").join(digest.replace(':', "/"));
    let mut bytes = std::fs::read(&blob).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&blob, bytes).unwrap();
}

#[test]
fn a_guest_pulls_over_its_ssh_session_and_nothing_listens_on_the_host() {
    let sandbox = Sandbox::new("pull");
    let image = shared("latest");
    let name = ["--name", "pull"];
    let run = [&["run", "--ephemeral", "--detach"], &name[..], &[&image]].concat();
    sandbox.run(&run).expect(0);
    let dirs = Dirs {
        cache: sandbox.cache(),
        data: sandbox.data(),
        runtime: sandbox.runtime(),
    };
    let host = TempDir::new().unwrap();
    let layered = Layered::new("guest", &[5]);
    let endpoint = Endpoint::new(layered.save(&[], host.path()), Some("v1"));
    let layer = &endpoint.folder().layers()[0];
    let (digest, path) = (&layer.digest, format!("/v2/image/blobs/{}", layer.digest));

    let store = Store::new(&dirs);
    let vm = store.find("pull").unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        // The guest's own sshd forbids it the second time.
        for (is_second, prepare) in [
            (false, "true"),
            (
                true,
                "echo DisableForwarding yes >/etc/ssh/sshd_config.d/00-no-forwarding.conf && \
                 systemctl reload-or-restart ssh",
            ),
        ] {
            let session = || async {
                let mut client = lifecycle::attach(&vm, &store).await.unwrap();
                let (wanted, condition) = (Wanted::Any, Condition::Ssh);
                let time = Some(BOOT);
                let ready =
                    wait_until(&mut client, &vm, "root", time, None, &wanted, &condition).await;
                (client, ready.unwrap_or_else(|error| panic!("{error}")))
            };
            let (_, ready) = session().await;
            let (code, output) = ready.session.capture(prepare).await.unwrap();
            assert_eq!(code, 0, "{output}");
            let (client, ready) = session().await;
            let port = forward_from_guest(&client, &vm, "root", &ready.session)
                .await
                .unwrap();
            assert_eq!(port.second.is_some(), is_second);
            let get = format!(
                "exec 3<>/dev/tcp/127.0.0.1/{}; printf 'GET {path} HTTP/1.1\\r\\nHost: x\\r\\n\
                 Connection: close\\r\\n\\r\\n' >&3; sed '1,/^\\r$/d' <&3 | sha256sum",
                port.port
            );
            let get = format!("bash -c \"{get}\"", get = get.replace('$', "\\$"));
            let (code, output) = tokio::select! {
                answer = ready.session.capture(&get) => answer.unwrap(),
                () = endpoint.serve_all(port.streams) => panic!("the session ended"),
            };
            assert_eq!(code, 0, "{output}");
            let sum = output
                .split_whitespace()
                .next()
                .map(|sum| format!("sha256:{sum}"));
            assert_eq!(sum.as_ref(), Some(digest), "{output}");
            assert!(!listens(), "this process listens");
        }
    });
    assert_eq!(endpoint.counts().requests[digest], 2);
    sandbox.run(&["rm", "--force", "pull"]).expect(0);
    sandbox.assert_clean(&[]);
}

/// Returns true if a socket of this process accepts TCP connections.
fn listens() -> bool {
    let links = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
    let ours: Vec<String> = links
        .filter_map(|link| std::fs::read_link(link.path()).ok())
        .filter_map(|target| {
            let inode = target.to_str()?.strip_prefix("socket:[")?;
            Some(inode.strip_suffix(']')?.to_owned())
        })
        .collect();
    ["/proc/self/net/tcp", "/proc/self/net/tcp6"]
        .iter()
        .filter_map(|table| std::fs::read_to_string(table).ok())
        .any(|table| {
            table.lines().any(|line| {
                let fields: Vec<&str> = line.split_whitespace().collect();
                // The state LISTEN, and the socket's inode.
                fields.get(3) == Some(&"0A")
                    && fields
                        .get(9)
                        .is_some_and(|inode| ours.iter().any(|own| own == inode))
            })
        })
}
