//! A filesystem that runs full.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A small filesystem in memory. It needs root, and is unmounted when the value is dropped.
pub struct Small(PathBuf);

impl Small {
    /// Mounts one at `path` and creates that folder.
    pub fn new(path: PathBuf, size: &str) -> Self {
        std::fs::create_dir_all(&path).unwrap();
        let small = Self(path);
        small.mount(&format!("size={size}"));
        small
    }

    /// Changes its size.
    pub fn resize(&self, size: &str) {
        self.mount(&format!("remount,size={size}"));
    }

    fn mount(&self, options: &str) {
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", options, "tmpfs"])
            .arg(&self.0)
            .status();
        assert!(mount.unwrap().success(), "{options}");
    }
}

impl AsRef<Path> for Small {
    fn as_ref(&self) -> &Path {
        &self.0
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}
