//! `--version`, and the build script that finds the commit.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::path::{Path, PathBuf};
use std::process::Command;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn text(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn git(folder: &Path, args: &[&str]) -> String {
    let mut git = Command::new("git");
    for name in ["AUTHOR", "COMMITTER"] {
        git.env(format!("GIT_{name}_NAME"), "x");
        git.env(format!("GIT_{name}_EMAIL"), "x@localhost");
        git.env(format!("GIT_{name}_DATE"), "2026-02-03T04:05:06Z");
    }
    text(git.arg("-C").arg(folder).args(args)).trim().to_owned()
}

#[test]
fn the_version_names_the_commit_and_its_date() {
    let said = text(Command::new(env!("CARGO_BIN_EXE_podman-bootc")).arg("--version"));
    let version = env!("CARGO_PKG_VERSION");
    let wanted = if Path::new(ROOT).join(".git").exists() {
        let args = ["log", "-1", "--abbrev=9", "--format=(%h %cs)"];
        format!("podman-bootc {version} {}\n", git(Path::new(ROOT), &args))
    } else {
        format!("podman-bootc {version}\n")
    };
    assert_eq!(said, wanted);
}

/// The build script, in folders of the test.
struct Script {
    folder: tempfile::TempDir,
}

impl Script {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".into());
        let mut compile = Command::new(rustc);
        compile.args(["--edition", "2024", "-o"]);
        compile.arg(folder.path().join("script"));
        text(compile.arg(Path::new(ROOT).join("build.rs")));
        Self { folder }
    }

    fn project(&self, name: &str) -> PathBuf {
        let project = self.folder.path().join(name);
        std::fs::create_dir_all(&project).unwrap();
        std::fs::write(project.join(".commit"), "$Format:%h %cs$\n").unwrap();
        std::fs::write(project.join("build.rs"), "").unwrap();
        project
    }

    /// Returns the version for a project, and the files that bring the script to run again.
    fn run(&self, project: &Path, given: Option<&str>) -> (String, Vec<PathBuf>) {
        let mut script = Command::new(self.folder.path().join("script"));
        script
            .current_dir(project)
            .env("CARGO_MANIFEST_DIR", project);
        script.env("CARGO_PKG_VERSION", "1.2.3");
        script.env("PODMAN_BOOTC_COMMIT", given.unwrap_or_default());
        let said = text(&mut script);
        let after = |name: &'static str| {
            let lines = said.lines();
            lines
                .filter_map(move |line| line.strip_prefix(name))
                .map(str::to_owned)
        };
        let version = after("cargo::rustc-env=PODMAN_BOOTC_VERSION=")
            .next()
            .unwrap();
        let files = after("cargo::rerun-if-changed=").map(|file| project.join(file));
        (version, files.collect())
    }
}

#[test]
fn the_commit_comes_from_the_environment_git_or_the_archive() {
    let script = Script::new();
    let clone = script.project("clone");
    std::fs::write(clone.join(".gitattributes"), ".commit export-subst\n").unwrap();
    git(&clone, &["init", "--quiet"]);
    git(&clone, &["add", "."]);
    git(&clone, &["commit", "--quiet", "--message", "x"]);
    let commit = git(&clone, &["rev-parse", "--short=9", "HEAD"]);
    let (version, files) = script.run(&clone, None);
    assert_eq!(version, format!("1.2.3 ({commit} 2026-02-03)"));
    // cargo runs the script at each build if a file doesn't exist.
    assert!(files.iter().all(|file| file.is_file()), "{files:?}");
    assert!(files.iter().any(|file| file.ends_with("logs/HEAD")));

    // The source archive of a release, also inside of another project's clone.
    git(
        &clone,
        &["archive", "--prefix=inner/", "--output=inner.tar", "HEAD"],
    );
    text(
        Command::new("tar")
            .current_dir(&clone)
            .args(["-xf", "inner.tar"]),
    );
    let (version, _) = script.run(&clone.join("inner"), None);
    assert!(version.starts_with("1.2.3 (") && version.ends_with(" 2026-02-03)"));

    // A copy without git.
    let copy = script.project("copy");
    assert_eq!(script.run(&copy, None).0, "1.2.3");
    assert_eq!(
        script.run(&copy, Some("abc 2026-01-01")).0,
        "1.2.3 (abc 2026-01-01)"
    );
}
