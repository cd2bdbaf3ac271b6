//! Tells the program its version: `0.1.0 (1a2b3c4d5 2026-08-27)`, with the commit and its date.
//!
//! They come from the environment (`PODMAN_BOOTC_COMMIT`, for builds of packages), from git, or
//! from `.commit`, which `git archive` fills in. A build without any of them has only the version.

use std::path::Path;
use std::process::Command;

/// Names the commit and its date, separated by a blank.
const VARIABLE: &str = "PODMAN_BOOTC_COMMIT";

fn main() {
    // cargo sets these variables for each build script.
    let version = std::env::var("CARGO_PKG_VERSION").unwrap_or_default();
    let folder = std::env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
    let folder = Path::new(&folder);
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=.commit");
    println!("cargo::rerun-if-env-changed={VARIABLE}");
    let given = std::env::var(VARIABLE).ok().filter(|text| !text.is_empty());
    let commit = given
        .or_else(|| from_git(folder))
        .or_else(|| from_archive(folder));
    let whole = match commit {
        Some(commit) => format!("{version} ({})", commit.trim()),
        None => version,
    };
    println!("cargo::rustc-env=PODMAN_BOOTC_VERSION={whole}");
}

/// Returns the commit of the clone in this folder, and watches the files that name it.
fn from_git(folder: &Path) -> Option<String> {
    // Without its own `.git`, a folder may be a part of another project's clone.
    if !folder.join(".git").exists() {
        return None;
    }
    let commit = git(folder, &["log", "-1", "--abbrev=9", "--format=%h %cs"])?;
    // A file that doesn't exist would make cargo run this script at each build.
    let branch = git(folder, &["rev-parse", "--symbolic-full-name", "HEAD"]);
    for name in ["HEAD", "logs/HEAD"].into_iter().chain(branch.as_deref()) {
        let path = git(folder, &["rev-parse", "--git-path", name]);
        let path = path.map(|path| folder.join(path));
        if let Some(path) = path.filter(|path| path.is_file()) {
            println!("cargo::rerun-if-changed={}", path.display());
        }
    }
    Some(commit)
}

fn git(folder: &Path, args: &[&str]) -> Option<String> {
    // A build as root may read a clone of another user.
    let safe = format!("safe.directory={}", folder.display());
    let output = Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(["-c", &safe])
        .args(args)
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let text = text.trim();
    (output.status.success() && !text.is_empty()).then(|| text.to_owned())
}

/// Returns the commit of an archive that git made.
fn from_archive(folder: &Path) -> Option<String> {
    let text = std::fs::read_to_string(folder.join(".commit")).ok()?;
    (!text.contains("Format:")).then(|| text.trim().to_owned())
}
