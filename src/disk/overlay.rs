//! A VM's own layer over a base disk.

use std::path::Path;
use std::process::Command;

use crate::host::process;

/// The overlay can't be made.
#[derive(Debug, thiserror::Error)]
pub enum OverlayError {
    /// There is no `qemu-img`.
    #[error("qemu-img is not installed, or not on PATH; `podman-bootc doctor` lists what is missing")]
    NoQemuImg,
    /// It failed.
    #[error("can't make the VM's disk")]
    Create(#[source] process::Error),
}

/// Makes an empty qcow2 overlay over a raw base disk; under 1 MiB, in milliseconds.
///
/// # Errors
/// There is no `qemu-img`, or it fails.
pub fn create(base: &Path, overlay: &Path) -> Result<(), OverlayError> {
    let program = which::which("qemu-img").map_err(|_| OverlayError::NoQemuImg)?;
    // The base as JSON: a path with a comma or a colon stays one.
    let backing = serde_json::json!({
        "driver": "raw",
        "file": {"driver": "file", "filename": base},
    });
    let mut command = Command::new(program);
    command
        .args(["create", "-q", "-f", "qcow2", "-F", "raw", "-b"])
        .arg(format!("json:{backing}"))
        .arg(overlay);
    process::output(&mut command).map(drop).map_err(OverlayError::Create)
}
