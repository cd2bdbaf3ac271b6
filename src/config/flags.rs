//! The flags of the commands that can be configured, from the definition of the command line.

use std::any::TypeId;
use std::error::Error as _;
use std::path::PathBuf;

use clap::builder::Resettable;
use clap::error::{ContextKind, ContextValue};
use clap::{Arg, ArgAction, Command, value_parser};

use super::Value;
use crate::text::error_chain;

/// The commands that can be configured, which are also the tables of a file.
pub const COMMANDS: [&str; 3] = ["run", "watch", "test"];

/// The flags of one command.
pub struct Flags {
    /// The command alone, with the flags of all commands.
    command: Command,
    tolerant: Command,
}

/// The values that a flag takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Switch,
    /// One value, or none.
    Optional,
    One,
    /// The flag can be repeated.
    Many,
}

impl Flags {
    /// Returns the flags of a command, if the program has it.
    pub fn of(program: &Command, name: &str) -> Option<Self> {
        let globals = program.get_arguments().filter(|arg| arg.is_global_set());
        let command = program.find_subcommand(name)?.clone().args(globals);
        Some(Self {
            tolerant: tolerant(command.clone()),
            command,
        })
    }

    pub fn command(&self) -> &str {
        self.command.get_name()
    }

    /// Returns all arguments, also those that are not flags.
    pub fn arguments(&self) -> impl Iterator<Item = &Arg> {
        self.command.get_arguments()
    }

    /// Returns the flag with this long name or alias.
    pub fn find(&self, name: &str) -> Option<&Arg> {
        self.arguments().find(|arg| {
            arg.get_long() == Some(name)
                || arg
                    .get_all_aliases()
                    .is_some_and(|aliases| aliases.contains(&name))
        })
    }

    /// Returns the long name that is most like this one, as clap suggests it.
    pub fn suggest(&self, name: &str) -> Option<String> {
        let error = self.parse(&format!("--{name}")).err()?;
        suggestion(&error, ContextKind::SuggestedArg).map(|name| name.replace("--", ""))
    }

    /// Checks a value by the flag's own parser.
    ///
    /// # Errors
    /// Says why the parser refuses the value.
    pub fn check(&self, long: &str, value: &str) -> Result<(), String> {
        match self.parse(&format!("--{long}={value}")) {
            Ok(()) => Ok(()),
            Err(error) => Err(reason(&error, value)),
        }
    }

    fn parse(&self, word: &str) -> Result<(), clap::Error> {
        let words = [self.command(), word];
        let parsed = self.tolerant.clone().try_get_matches_from(words);
        parsed.map(drop)
    }

    /// True if the command line can't have both flags.
    pub fn are_exclusive(&self, one: &str, other: &str) -> bool {
        let (Some(one), Some(other)) = (self.find(one), self.find(other)) else {
            return false;
        };
        let names = |from: &Arg, to: &Arg| {
            let mut conflicts = self.command.get_arg_conflicts_with(from).into_iter();
            conflicts.any(|arg| arg.get_id() == to.get_id())
        };
        let in_one_group = || {
            self.command.get_groups().any(|group| {
                let has = |arg: &Arg| group.get_args().any(|id| id == arg.get_id());
                !group.clone().is_multiple() && has(one) && has(other)
            })
        };
        names(one, other) || names(other, one) || in_one_group()
    }
}

pub fn kind(flag: &Arg) -> Kind {
    match flag.get_action() {
        ArgAction::Append => Kind::Many,
        action if !action.takes_values() => Kind::Switch,
        _ if flag.get_num_args().is_some_and(|n| n.min_values() == 0) => Kind::Optional,
        _ => Kind::One,
    }
}

/// True for a flag whose parser makes a path of its value.
pub fn is_path(flag: &Arg) -> bool {
    flag.get_value_parser().type_id() == TypeId::of::<PathBuf>()
}

/// Returns the words that give a flag on the command line.
pub fn words(long: &str, value: &Value) -> Vec<String> {
    match value {
        Value::Off => vec![],
        Value::Bare => vec![format!("--{long}")],
        Value::Given(values) => values.iter().map(|v| format!("--{long}={v}")).collect(),
    }
}

/// Returns the command without the rules that flags contradict or need each other, and with
/// switches that take `=true` and `=false`.
pub fn tolerant(command: Command) -> Command {
    let groups: Vec<_> = command.get_groups().map(|g| g.get_id().clone()).collect();
    let relaxed = command.mut_args(|arg| {
        let arg = arg
            .required(false)
            .required_unless_present(Resettable::Reset)
            .conflicts_with(Resettable::Reset)
            .requires(Resettable::Reset);
        match arg.get_action() {
            ArgAction::SetTrue => arg
                .action(ArgAction::Set)
                .num_args(0..=1)
                .require_equals(true)
                .default_value("false")
                .default_missing_value("true")
                .value_parser(value_parser!(bool)),
            _ => arg,
        }
    });
    groups.into_iter().fold(relaxed, |command, id| {
        command.mut_group(id, |group| group.required(false).multiple(true))
    })
}

/// Returns clap's suggestion in an error.
pub fn suggestion(error: &clap::Error, kind: ContextKind) -> Option<String> {
    match error.get(kind)? {
        ContextValue::String(name) => Some(name.clone()),
        ContextValue::Strings(names) => names.first().cloned(),
        _ => None,
    }
}

fn reason(error: &clap::Error, value: &str) -> String {
    if let Some(source) = error.source() {
        return error_chain(source);
    }
    if let Some(ContextValue::Strings(valid)) = error.get(ContextKind::ValidValue)
        && !valid.is_empty()
    {
        return format!("`{value}` is not one of {}", valid.join(", "));
    }
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    line.trim_start_matches("error: ").to_owned()
}
