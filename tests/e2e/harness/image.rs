//! Images for the tests.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::program::{Output, Running};

/// Time limit for a build, which installs packages the first time.
const BUILD: Duration = Duration::from_secs(15 * 60);
const PODMAN: Duration = Duration::from_secs(120);

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("vm-assets/test-image")
}

/// Returns the file of podman's settings for the tests.
pub fn containers_conf() -> PathBuf {
    folder().join("containers.conf")
}

/// Builds a variant of the test image if it changed, and returns its name; see
/// `vm-assets/test-image/README.md`.
pub fn shared(variant: &str) -> String {
    let mut build = Command::new(folder().join("build.sh"));
    build.arg(variant);
    Running::start(build, Some(vec![])).finish(BUILD).expect(0);
    format!("localhost/podman-bootc-test:{variant}")
}

/// An image that only this test uses, so that its mounts belong to the test. It is removed when the
/// value is dropped.
pub struct Own {
    pub name: String,
    id: String,
}

impl Own {
    /// Adds one file to a variant of the test image: podman counts mounts by the uppermost layer.
    pub fn of(variant: &str, test: &str) -> Self {
        Self::with(variant, test, "")
    }

    /// Like [`Self::of`], with what this shell script makes.
    pub fn with(variant: &str, test: &str, script: &str) -> Self {
        let name = format!("localhost/podman-bootc-e2e:{test}-{}", std::process::id());
        let script = format!("echo {name} >/usr/lib/own-image\n{script}");
        // podman before version 5 reads no scripts of several lines.
        let file = format!(
            "FROM {}\nRUN echo {} | base64 -d | sh -e\n",
            shared(variant),
            STANDARD.encode(script)
        );
        Self::build(name, file)
    }

    /// An image that this Containerfile makes. Each `RUN` is a layer.
    pub fn from_file(file: String, test: &str) -> Self {
        let name = format!("localhost/podman-bootc-e2e:{test}-{}", std::process::id());
        Self::build(name, file)
    }

    fn build(name: String, file: String) -> Self {
        let build = ["build", "--quiet", "--network", "none", "--tag", &name, "-"];
        let id = podman(&build, file.into_bytes())
            .expect(0)
            .text()
            .trim()
            .to_owned();
        Self { name, id }
    }

    /// An image to which the container image `app` is bound, on top of a variant of the test image.
    pub fn binding(app: &str, variant: &str, test: &str) -> Self {
        let script = format!(
            "cd /usr/lib/bootc; mkdir -p bound-images.d ../app; \
             printf '[Image]\\nImage={app}\\n' >../app/app.image; \
             ln -s ../../app/app.image bound-images.d/"
        );
        Self::with(variant, test, &script)
    }

    /// Returns true while podman has containers of it.
    pub fn has_containers(&self) -> bool {
        let filter = format!("ancestor={}", self.id);
        !podman(&["ps", "--all", "--quiet", "--filter", &filter], vec![])
            .expect(0)
            .text()
            .is_empty()
    }

    /// Returns true while podman has it mounted.
    pub fn is_mounted(&self) -> bool {
        podman(&["image", "mount", "--format", "json"], vec![])
            .expect(0)
            .text()
            .contains(&self.id)
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        let mounted = self.is_mounted();
        podman(&["rmi", "--force", &self.id], vec![]);
        assert!(
            !mounted || std::thread::panicking(),
            "image {} was left mounted",
            self.name
        );
    }
}

/// A container image with one file. It is removed when the value is dropped.
pub struct App {
    pub name: String,
    pub id: String,
}

impl App {
    pub fn build(test: &str) -> Self {
        let name = format!("localhost/podman-bootc-app:{test}-{}", std::process::id());
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("app"), "an app\n").unwrap();
        let file = folder.path().join("Containerfile");
        std::fs::write(&file, "FROM scratch\nCOPY app /\n").unwrap();
        let folder = folder.path().display().to_string();
        let build = [
            "build",
            "--quiet",
            "--network",
            "none",
            "--tag",
            &name,
            &folder,
        ];
        let id = podman(&build, vec![]).expect(0).text().trim().to_owned();
        Self { name, id }
    }
}

impl Drop for App {
    fn drop(&mut self) {
        podman(&["rmi", "--force", &self.id], vec![]);
    }
}

/// Runs podman with the settings for the tests.
pub fn podman(args: &[&str], input: Vec<u8>) -> Output {
    let mut command = Command::new("podman");
    command.args(args).env("CONTAINERS_CONF", containers_conf());
    Running::start(command, Some(input)).finish(PODMAN)
}
