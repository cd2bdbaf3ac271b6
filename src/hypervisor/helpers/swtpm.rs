//! swtpm: emulates a TPM 2.0. <https://github.com/stefanberger/swtpm>

use std::path::PathBuf;

use crate::hypervisor::Launch;

#[derive(Debug, thiserror::Error)]
#[error("a TPM needs swtpm, which is not installed; install the package swtpm")]
pub struct Missing;

/// Finds the program.
pub fn program() -> Result<PathBuf, Missing> {
    which::which("swtpm").map_err(|_| Missing)
}

/// The command line. The listening control socket is the standard input. The TPM's state is in the
/// working folder, because swtpm can't quote a comma in a path.
pub fn launch(program: PathBuf) -> Launch {
    let args = [
        "socket",
        "--tpm2",
        "--tpmstate",
        "dir=.",
        "--ctrl",
        "type=unixio,fd=0",
        "--terminate",
    ];
    Launch {
        program,
        args: args.map(Into::into).to_vec(),
    }
}
