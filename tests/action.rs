//! The script of the GitHub Action, in an imitation of a runner with a program that records its
//! arguments. `tests/recipes.sh` runs it with the real program.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// A runner: its folder, and the variables that the action sets.
struct Runner {
    root: tempfile::TempDir,
}

impl Runner {
    /// `program` is the rest of a shell script in place of podman-bootc.
    fn new(program: &str) -> Self {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("podman-bootc");
        fs::write(
            &path,
            format!("#!/bin/sh\nprintf '%s\\n' \"$@\" >arguments\n{program}\n"),
        )
        .unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        Self { root }
    }

    /// Runs the action's script and returns its exit code.
    fn run(&self, inputs: &[(&str, &str)]) -> Option<i32> {
        let folder = self.root.path();
        let path = std::env::var("PATH").unwrap();
        Command::new(Path::new(ROOT).join("contrib/action/test.sh"))
            .current_dir(folder)
            .env("PATH", format!("{}:{path}", folder.display()))
            .env("GITHUB_STEP_SUMMARY", folder.join("summary"))
            .env("GITHUB_OUTPUT", folder.join("output"))
            .envs(inputs.iter().copied())
            .status()
            .unwrap()
            .code()
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.root.path().join(name)).unwrap()
    }
}

#[test]
fn inputs_are_arguments_and_the_report_is_the_summary() {
    let runner = Runner::new("echo '## report' >out/of/it/summary.md; exit 1");
    let code = runner.run(&[
        ("INPUT_IMAGE", "localhost/a\r\nlocalhost/b\n"),
        ("INPUT_CHECKS", "my checks"),
        ("INPUT_COMMANDS", "test -e '/a b'\n\n  \n$(reboot) \"x\"\n"),
        ("INPUT_ARGS", "--ephemeral\n--timeout=10m"),
        ("INPUT_ARTIFACTS", "out/of/it"),
    ]);
    assert_eq!(code, Some(1));
    let wanted = [
        "test",
        "--junit",
        "out/of/it/junit.xml",
        "--markdown",
        "out/of/it/summary.md",
        "--artifacts",
        "out/of/it",
        "--checks",
        "my checks",
        "--cmd",
        "test -e '/a b'",
        "--cmd",
        "$(reboot) \"x\"",
        "--ephemeral",
        "--timeout=10m",
        "--",
        "localhost/a",
        "localhost/b",
    ];
    assert_eq!(runner.read("arguments").lines().collect::<Vec<_>>(), wanted);
    assert_eq!(runner.read("summary"), "## report\n");
    assert_eq!(runner.read("output"), "name=out-of-it\n");
}

#[test]
fn a_program_without_a_report_leaves_a_summary_and_its_exit_code() {
    let runner = Runner::new("exit 125");
    assert_eq!(runner.run(&[("INPUT_IMAGE", "x")]), Some(125));
    assert!(runner.read("summary").contains("exit code 125"));
    assert_eq!(runner.run(&[("INPUT_IMAGE", " ")]), Some(125));
}

#[test]
fn the_scripts_read_the_inputs_that_the_action_has() {
    let action = fs::read_to_string(Path::new(ROOT).join("action.yml")).unwrap();
    let page = fs::read_to_string(Path::new(ROOT).join("docs/recipes.md")).unwrap();
    let inputs = action
        .split("inputs:\n")
        .nth(1)
        .unwrap()
        .split("\nruns:")
        .next()
        .unwrap();
    let names = inputs
        .lines()
        .filter_map(|line| line.strip_prefix("  ")?.strip_suffix(':'))
        .filter(|name| !name.starts_with(' '));
    for name in names {
        let passed = format!("INPUT_{}: ${{{{ inputs.{name} }}}}", name.to_uppercase());
        assert!(action.contains(&passed), "{passed}");
        assert!(page.contains(&format!("| `{name}` |")), "{name}");
    }
}
