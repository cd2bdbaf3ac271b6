//! Folders in the build folder.

use std::path::{Path, PathBuf};

/// Returns the build folder, which also holds the large files of tests.
pub fn target() -> PathBuf {
    // target/PROFILE/podman-bootc
    Path::new(env!("CARGO_BIN_EXE_podman-bootc"))
        .ancestors()
        .nth(2)
        .unwrap()
        .to_owned()
}

/// Returns the folder in which the end-to-end tests record the tool's arguments. Each process of a
/// test has a file there, with a JSON array of arguments on each line.
pub fn used_arguments() -> PathBuf {
    target().join("used-arguments")
}
