//! Joins a command line with the configuration. The result is a command line again, so that a
//! command doesn't know where its flags come from.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches};

use super::flags::{Flags, words};
use super::{Layers, Setting, Source, Value, trust};

/// What a user typed for one command.
#[derive(Debug, Default)]
pub struct Line {
    /// Words by the flag's long name.
    given: BTreeMap<String, Vec<OsString>>,
    /// Switches with `=false`.
    taken_back: BTreeSet<String>,
    /// Flags without a long name.
    short: Vec<OsString>,
    /// What follows the flags.
    tail: Vec<OsString>,
    has_command: bool,
}

/// A rule for two flags that contradict each other by their values only.
struct Rule {
    one: &'static str,
    other: &'static str,
    holds: fn(&View) -> bool,
    /// True if the other flag merely has no effect beside the first one.
    is_needless: bool,
}

const RULES: [Rule; 3] = [
    Rule {
        one: "nic",
        other: "publish",
        holds: |view| view.is("nic", "none"),
        is_needless: false,
    },
    Rule {
        one: "nic",
        other: "ssh",
        holds: |view| view.is("nic", "none") && view.is("ssh", "guest"),
        is_needless: false,
    },
    Rule {
        one: "detach",
        other: "timeout",
        holds: |view| !view.line.has_command && !view.has("wait"),
        is_needless: true,
    },
];

/// The command line and the settings that still count.
struct View<'a> {
    line: &'a Line,
    settings: &'a [&'a Setting],
}

/// The joined command line.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Resolved {
    pub words: Vec<OsString>,
    /// Files of the host that a project's file names.
    pub notes: Vec<String>,
    /// The configured flags that count.
    pub flags: Vec<String>,
}

impl Line {
    /// Reads a parsed command line.
    pub fn read(flags: &Flags, matches: &ArgMatches) -> Self {
        let mut line = Self::default();
        let mut last = vec![];
        let mut positionals: Vec<&Arg> = vec![];
        let is_given = |arg: &Arg| {
            let id = arg.get_id().as_str();
            matches.value_source(id) == Some(ValueSource::CommandLine)
        };
        for arg in flags.arguments().filter(|arg| is_given(arg)) {
            if arg.is_positional() {
                positionals.push(arg);
                continue;
            }
            line.add(arg, matches);
        }
        // clap numbers positional arguments by their order, unless they have a number.
        positionals.sort_by_key(|arg| arg.get_index());
        for arg in positionals {
            let values = matches.get_raw(arg.get_id().as_str()).into_iter().flatten();
            line.has_command |= arg.get_id() == "command";
            let to = match arg.is_last_set() {
                true => &mut last,
                false => &mut line.tail,
            };
            to.extend(values.map(OsStr::to_owned));
        }
        let has_last = flags.arguments().any(Arg::is_last_set);
        match has_last {
            true if last.is_empty() => {}
            true => {
                line.tail.push("--".into());
                line.tail.extend(last);
            }
            false if line.tail.is_empty() => {}
            false => line.tail.insert(0, "--".into()),
        }
        line
    }

    fn add(&mut self, arg: &Arg, matches: &ArgMatches) {
        let id = arg.get_id().as_str();
        let name = |value: Option<&OsStr>| {
            let mut word = match (arg.get_long(), arg.get_short()) {
                (Some(long), _) => OsString::from(format!("--{long}")),
                (None, short) => OsString::from(format!("-{}", short.unwrap_or_default())),
            };
            if let Some(value) = value {
                word.push("=");
                word.push(value);
            }
            word
        };
        let mut words = vec![];
        if matches!(arg.get_action(), ArgAction::SetTrue) {
            if matches
                .get_raw(id)
                .into_iter()
                .flatten()
                .any(|value| value == "false")
            {
                self.taken_back.extend(arg.get_long().map(str::to_owned));
                return;
            }
            words.push(name(None));
        } else if !arg.get_action().takes_values() {
            words.push(name(None));
        } else {
            for values in matches.get_raw_occurrences(id).into_iter().flatten() {
                let values: Vec<&OsStr> = values.collect();
                match values[..] {
                    [] => words.push(name(None)),
                    [value] => words.push(name(Some(value))),
                    _ => {
                        words.push(name(None));
                        words.extend(values.into_iter().map(OsStr::to_owned));
                    }
                }
            }
        }
        match arg.get_long() {
            Some(long) => drop(self.given.insert(long.to_owned(), words)),
            None => self.short.extend(words),
        }
    }

    /// Returns the words with these settings before the user's flags, so that the user's win where
    /// the last one counts.
    fn with(&self, settings: &[&Setting]) -> Vec<OsString> {
        let configured = settings.iter().rev();
        let configured = configured.flat_map(|setting| words(&setting.flag, &setting.value));
        configured
            .map(OsString::from)
            .chain(self.given.values().flatten().cloned())
            .chain(self.short.iter().cloned())
            .chain(self.tail.iter().cloned())
            .collect()
    }
}

impl View<'_> {
    fn has(&self, flag: &str) -> bool {
        self.line.given.contains_key(flag) || self.settings.iter().any(|s| s.flag == flag)
    }

    fn is(&self, flag: &str, value: &str) -> bool {
        let word = format!("--{flag}={value}");
        let given = self.line.given.get(flag);
        let mut configured = self.settings.iter().filter(|s| s.flag == flag);
        given.is_some_and(|words| words.iter().any(|given| *given == *word))
            || configured.any(|s| words(flag, &s.value).contains(&word))
    }

    /// Returns the rank of a flag: 0 on the command line, the least for the weakest layer.
    fn rank(&self, flag: &str) -> usize {
        let kind = |setting: &&&Setting| setting.flag == flag;
        match self.settings.iter().find(kind).map(|s| &s.source) {
            None => 0,
            Some(Source::Environment(_)) => 1,
            Some(Source::Project(_)) => 2,
            Some(Source::User(_)) => 3,
        }
    }

    /// Returns the flag that gives way by a rule.
    fn loser(&self, rule: &Rule) -> Option<&'static str> {
        if !self.has(rule.one) || !self.has(rule.other) || !(rule.holds)(self) {
            return None;
        }
        let (one, other) = (self.rank(rule.one), self.rank(rule.other));
        match one.cmp(&other) {
            _ if rule.is_needless && other > 0 => Some(rule.other),
            std::cmp::Ordering::Less => Some(rule.other),
            std::cmp::Ordering::Greater => Some(rule.one),
            // The command itself tells of it.
            std::cmp::Ordering::Equal => None,
        }
    }
}

/// Joins a command line with the settings that it neither repeats, takes back nor contradicts.
/// `parse` checks whole command lines.
pub fn resolve(
    flags: &Flags,
    line: &Line,
    layers: &Layers,
    parse: &dyn Fn(&[OsString]) -> Result<(), clap::Error>,
) -> Resolved {
    let mut decided: BTreeSet<&str> = line.given.keys().map(String::as_str).collect();
    decided.extend(line.taken_back.iter().map(String::as_str));
    let mut counting: Vec<&str> = line.given.keys().map(String::as_str).collect();
    let mut settings: Vec<&Setting> = vec![];
    for setting in layers.of(flags.command()) {
        if !decided.insert(&setting.flag) || setting.value == Value::Off {
            continue;
        }
        if !counting
            .iter()
            .any(|other| flags.are_exclusive(other, &setting.flag))
        {
            counting.push(&setting.flag);
            settings.push(setting);
        }
    }
    for rule in &RULES {
        let view = View {
            line,
            settings: &settings,
        };
        if let Some(loser) = view.loser(rule) {
            settings.retain(|setting| setting.flag != loser);
        }
    }
    drop_useless(line, &mut settings, parse);
    Resolved {
        words: line.with(&settings),
        notes: notes(line, &settings),
        flags: settings.iter().map(|s| s.flag.clone()).collect(),
    }
}

/// Drops settings that need a flag which is not there.
fn drop_useless(
    line: &Line,
    settings: &mut Vec<&Setting>,
    parse: &dyn Fn(&[OsString]) -> Result<(), clap::Error>,
) {
    let missing = |settings: &[&Setting]| match parse(&line.with(settings)) {
        Err(error) if error.kind() == ErrorKind::MissingRequiredArgument => {
            match error.get(ContextKind::InvalidArg) {
                Some(ContextValue::Strings(names)) => names.len(),
                _ => 1,
            }
        }
        _ => 0,
    };
    let mut now = missing(settings);
    let mut index = 0;
    while now > 0 && index < settings.len() {
        let mut fewer = settings.clone();
        fewer.remove(index);
        let then = missing(&fewer);
        if then < now {
            (*settings, now, index) = (fewer, then, 0);
        } else {
            index += 1;
        }
    }
}

/// Says which files of the host a project's file gives to the guest, unless the user asked for
/// quiet.
fn notes(line: &Line, settings: &[&Setting]) -> Vec<String> {
    let is_project = |setting: &&&Setting| matches!(setting.source, Source::Project(_));
    let mut quiet = settings.iter().filter(|setting| setting.flag == "quiet");
    if line.given.contains_key("quiet") || quiet.any(|s| !is_project(&s)) {
        return vec![];
    }
    let noted = settings.iter().filter(is_project);
    let noted = noted.filter(|setting| trust::is_worth_a_note(&setting.flag));
    noted
        .map(|setting| {
            let words = words(&setting.flag, &setting.value).join(" ");
            let words = match setting.flag.as_str() {
                // The value may be a secret.
                "credential" => "--credential".to_owned(),
                _ => words,
            };
            crate::text::plain(&format!("{} sets {words}", setting.source))
        })
        .collect()
}
