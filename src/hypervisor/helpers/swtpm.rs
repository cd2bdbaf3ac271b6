//! swtpm: plays a TPM 2.0 for a guest. <https://github.com/stefanberger/swtpm>

use std::path::PathBuf;

use crate::hypervisor::Launch;

/// There is no swtpm.
#[derive(Debug, thiserror::Error)]
#[error(
    "swtpm is not installed (package swtpm); it gives a VM its TPM. `podman-bootc doctor` lists what is missing"
)]
pub struct Missing;

/// The program's path.
///
/// # Errors
/// It is not installed.
pub fn program() -> Result<PathBuf, Missing> {
    which::which("swtpm").map_err(|_| Missing)
}

/// The command line; the listening control socket is its standard input, and the TPM's state is kept in its
/// working folder: it has no way to quote a comma in a path.
pub fn launch(program: PathBuf) -> Launch {
    let args = ["socket", "--tpm2", "--tpmstate", "dir=.", "--ctrl", "type=unixio,fd=0", "--terminate"];
    Launch { program, args: args.map(Into::into).to_vec() }
}
