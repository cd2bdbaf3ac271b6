//! Folders in the build folder.

use std::path::{Path, PathBuf};

/// Returns the build folder, which also holds the large files of tests.
pub fn target() -> PathBuf {
    // target/PROFILE/podman-bootc
    Path::new(env!("CARGO_BIN_EXE_podman-bootc")).ancestors().nth(2).unwrap().to_owned()
}
