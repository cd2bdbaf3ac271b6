//! A flag of `run` that no end-to-end test gives may do nothing at all: this finds such a flag.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::path::Path;

/// All code of the end-to-end tests, without its comments.
fn tests() -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e");
    let mut text = String::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            text.push_str(&std::fs::read_to_string(path).unwrap());
        }
    }
    text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// True when a word of the text is this flag.
fn names(text: &str, flag: &str) -> bool {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').any(|word| word == flag)
}

#[test]
fn each_flag_of_run_is_tested_end_to_end() {
    let tests = tests();
    let command = podman_bootc::cli::command();
    let run = command.find_subcommand("run").unwrap();
    let mut untested = Vec::new();
    for argument in run.get_arguments().filter(|argument| !argument.is_positional()) {
        let mut flags: Vec<String> = argument
            .get_long_and_visible_aliases()
            .into_iter()
            .flatten()
            .map(|long| format!("--{long}"))
            .collect();
        flags.extend(argument.get_short().map(|short| format!("-{short}")));
        if !flags.iter().any(|flag| names(&tests, flag)) {
            untested.push(flags.join("/"));
        }
    }
    assert!(untested.is_empty(), "no end-to-end test gives these flags of `run`: {}", untested.join(", "));
}

#[test]
fn a_flag_is_a_whole_word() {
    assert!(names(r#"&["run", "--nic", "none"]"#, "--nic"));
    assert!(!names(r#""--nic-kind" --nick x-nic"#, "--nic"));
}
