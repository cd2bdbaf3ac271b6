//! A flag of `run` that no end-to-end test gives may do nothing at all: this finds such a flag.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeSet;
use std::path::Path;

/// All code of the end-to-end tests that boot something, without its comments.
fn tests() -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e");
    let mut text = String::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("cli.rs") {
            text.push_str(&std::fs::read_to_string(path).unwrap());
        }
    }
    text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// The words of all lists that begin with `run`, but for those that are to be refused.
fn words_of_runs(text: &str) -> BTreeSet<String> {
    let mut words = BTreeSet::new();
    for (place, _) in text.match_indices("\"run\"").filter(|(at, _)| text[..*at].trim_end().ends_with('[')) {
        let (list, rest) = list(&text[place..]);
        let statement = rest.split(';').next().unwrap_or_default();
        if !statement.contains("expect(125)") {
            words.extend(list);
        }
    }
    words
}

/// The string literals up to the end of this list, and what comes after it.
fn list(text: &str) -> (Vec<String>, &str) {
    let (mut words, mut depth) = (Vec::new(), 1);
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '[' => depth += 1,
            ']' => depth -= 1,
            '"' => {
                let mut word = String::new();
                while let Some((_, letter)) = letters.next().filter(|(_, letter)| *letter != '"') {
                    word.push(letter);
                    if letter == '\\' {
                        word.extend(letters.next().map(|(_, letter)| letter));
                    }
                }
                words.push(word);
            }
            _ => {}
        }
        if depth == 0 {
            return (words, &text[at + 1..]);
        }
    }
    panic!("a list without an end: {text:.80}");
}

#[test]
fn each_flag_of_run_is_tested_end_to_end() {
    let given = words_of_runs(&tests());
    let command = podman_bootc::cli::command();
    let run = command.find_subcommand("run").unwrap();
    let mut untested = Vec::new();
    for argument in run.get_arguments().filter(|argument| !argument.is_positional()) {
        let long = |name: &str| format!("--{name}");
        let short = |letter: char| format!("-{letter}");
        // What takes the place of another tool's flag has to be given as it is there.
        let aliases: Vec<String> = argument.get_visible_aliases().into_iter().flatten().map(long).collect();
        let shorts = argument.get_visible_short_aliases().into_iter().flatten().map(short);
        let aliases: Vec<String> = aliases.into_iter().chain(shorts).collect();
        let names = argument.get_long().map(long).into_iter().chain(argument.get_short().map(short));
        let names: Vec<String> = names.collect();
        if !names.iter().chain(&aliases).any(|flag| given.contains(flag)) {
            untested.push(names.join("/"));
        }
        untested.extend(aliases.into_iter().filter(|flag| !given.contains(flag)));
    }
    assert!(untested.is_empty(), "no end-to-end test gives these flags of `run`: {}", untested.join(", "));
}

#[test]
fn only_what_run_is_given_counts() {
    let text = r#"
        sandbox.ok(&["run", "--nic", "a [ \" ]", &["--tpm"][..], "-d"]);
        sandbox.run(&[
            "run", "--gui",
        ]).expect(125);
        podman(&["build", "--quiet"]); let run = ["run"]; "--rm"
    "#;
    let words: Vec<String> = words_of_runs(text).into_iter().collect();
    assert_eq!(words, ["--nic", "--tpm", "-d", r#"a [ \" ]"#, "run"]);
}
