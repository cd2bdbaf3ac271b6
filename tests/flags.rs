//! A flag that no end-to-end test gives may do nothing at all. The end-to-end tests record the
//! arguments that the tool accepted, and `e2e.sh` has this compare the record with the tool's
//! commands and with the flags of `run`.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "common"]
mod common {
    pub mod target;
}

use std::collections::BTreeSet;

use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command};

/// A flag, by the names of which a test must give one.
struct Wanted {
    id: String,
    names: Vec<String>,
}

/// Returns what the tests must give: each flag, and each visible alias of a flag, which takes the
/// place of another tool's flag.
fn wanted(run: &Command) -> Vec<Wanted> {
    let of = |flag: &Arg| {
        let long = |name: &str| format!("--{name}");
        let short = |letter: char| format!("-{letter}");
        let aliases = flag.get_visible_aliases().into_iter().flatten().map(long);
        let shorts = flag
            .get_visible_short_aliases()
            .into_iter()
            .flatten()
            .map(short);
        let aliases: Vec<String> = aliases.chain(shorts).collect();
        let own = flag
            .get_long()
            .map(long)
            .into_iter()
            .chain(flag.get_short().map(short));
        let names = own.chain(aliases.iter().cloned()).collect();
        let id = flag.get_id().to_string();
        let aliases = aliases.into_iter().map(|name| Wanted {
            id: flag.get_id().to_string(),
            names: vec![name],
        });
        std::iter::once(Wanted { id, names })
            .chain(aliases)
            .collect::<Vec<_>>()
    };
    // Those that print help count as errors.
    let is_help = |argument: &&Arg| argument.get_id().as_str().starts_with("help");
    run.get_arguments()
        .filter(|argument| !argument.is_positional() && !is_help(argument))
        .flat_map(of)
        .collect()
}

/// Returns the commands and the flags of `run` that no line of the record uses.
fn unused(record: &[Vec<String>]) -> Vec<String> {
    let command = podman_bootc::cli::command();
    let mut commands = BTreeSet::new();
    add_names(&command, "", &mut commands);
    let mut flags = wanted(command.find_subcommand("run").unwrap());
    for line in record {
        let words = std::iter::once("podman-bootc").chain(line.iter().map(String::as_str));
        // `--help` and `--version` count as errors.
        let Ok(matches) = command.clone().try_get_matches_from(words) else {
            continue;
        };
        let (path, matches) = innermost(&matches);
        commands.remove(&path);
        if path == "run" {
            let is_given = |flag: &Wanted| {
                matches.value_source(&flag.id) == Some(ValueSource::CommandLine)
                    && flag
                        .names
                        .iter()
                        .any(|name| line.iter().any(|word| spells(word, name)))
            };
            flags.retain(|flag| !is_given(flag));
        }
    }
    commands
        .into_iter()
        .chain(
            flags
                .into_iter()
                .map(|flag| format!("run {}", flag.names[0])),
        )
        .collect()
}

/// Adds the names of all commands that have no commands of their own, as a user types them.
fn add_names(command: &Command, before: &str, names: &mut BTreeSet<String>) {
    for inner in command.get_subcommands() {
        let name = format!("{before}{}", inner.get_name());
        if inner.has_subcommands() {
            add_names(inner, &format!("{name} "), names);
        } else {
            names.insert(name);
        }
    }
}

/// Returns the name of the command that was given, and its arguments.
fn innermost(matches: &ArgMatches) -> (String, &ArgMatches) {
    let (mut path, mut at) = (vec![], matches);
    while let Some((name, inner)) = at.subcommand() {
        path.push(name);
        at = inner;
    }
    (path.join(" "), at)
}

/// True for `--flag`, `--flag=value`, `-f` and `-fvalue`.
fn spells(word: &str, name: &str) -> bool {
    let rest = word.strip_prefix(name);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('=') || !name.starts_with("--"))
}

#[test]
#[ignore = "needs the record of all end-to-end tests"]
fn the_end_to_end_tests_use_each_command_and_each_flag_of_run() {
    let mut record = Vec::new();
    let folder = common::target::used_arguments();
    for file in
        std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
    {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        record.extend(text.lines().map(|line| serde_json::from_str(line).unwrap()));
    }
    let unused = unused(&record);
    assert!(
        unused.is_empty(),
        "no end-to-end test uses: {}",
        unused.join(", ")
    );
}

#[test]
fn only_arguments_of_the_tool_count() {
    let line = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let record = [
        line("--log-level debug run --tpm --memory=3G -B image command --gui"),
        line("run --journal --no-such-flag image"),
        line("snapshot create vm name"),
    ];
    let unused = unused(&record);
    for (name, is_used) in [
        ("run", true),
        ("snapshot create", true),
        ("snapshot list", false),
        ("run --tpm", true),
        ("run --memory", true),
        ("run -B", true),
        ("run --detach", true),
        ("run --background", false),
        ("run --gui", false),
        ("run --journal", false),
    ] {
        assert_eq!(
            !unused.iter().any(|unused| unused == name),
            is_used,
            "{name}: {unused:?}"
        );
    }
}
