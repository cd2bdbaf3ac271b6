//! Reads one file.

use std::path::Path;

use clap::error::ContextKind;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::flags::{COMMANDS, Flags, Kind, is_path, kind, suggestion};
use super::{Error, Place, Setting, Source, Value, trust};

/// A larger file is not a configuration.
const MAX: u64 = 1 << 20;

/// The rules for a file.
pub struct File<'a> {
    pub path: &'a Path,
    /// True for a project's file.
    pub is_project: bool,
    pub home: Option<&'a Path>,
    /// The user's file, for errors.
    pub user_file: Option<&'a Path>,
}

/// The settings of one table.
pub type Table = (String, Vec<Setting>);

impl File<'_> {
    /// Reads the file's tables.
    ///
    /// # Errors
    /// The file is unreadable, or has anything that no command understands.
    pub fn read(&self, commands: &[Flags]) -> Result<Vec<Table>, Error> {
        let path = || self.path.to_owned();
        let read = |source| Error::Read {
            path: path(),
            source,
        };
        // Not a pipe, which would never end.
        let metadata = self.path.metadata().map_err(read)?;
        if !metadata.is_file() || metadata.len() > MAX {
            return Err(Error::NotAFile(path()));
        }
        let text = std::fs::read_to_string(self.path).map_err(read)?;
        self.parse(&text, commands)
    }

    pub fn parse(&self, text: &str, commands: &[Flags]) -> Result<Vec<Table>, Error> {
        let reader = Reader { file: self, text };
        let document = DeTable::parse(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            let message = error.message().lines().collect::<Vec<_>>().join("; ");
            Error::Syntax(reader.place(at), message)
        })?;
        let tables = document.get_ref().iter();
        tables
            .map(|(name, value)| reader.table(name, value, commands))
            .collect()
    }

    /// Returns the folder at which relative paths begin.
    fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("."))
    }
}

struct Reader<'a> {
    file: &'a File<'a>,
    text: &'a str,
}

impl Reader<'_> {
    fn place(&self, at: usize) -> Place {
        let before = self.text.as_bytes().iter().take(at);
        Place {
            file: self.file.path.to_owned(),
            line: 1 + before.filter(|byte| **byte == b'\n').count(),
        }
    }

    fn table(
        &self,
        name: &Spanned<std::borrow::Cow<str>>,
        value: &Spanned<DeValue>,
        commands: &[Flags],
    ) -> Result<Table, Error> {
        let table = name.get_ref().to_string();
        let place = self.place(name.span().start);
        let Some(flags) = commands.iter().find(|flags| flags.command() == table) else {
            return Err(match value.get_ref().as_table() {
                Some(_) => unknown_table(place, table, commands),
                None => Error::Outside {
                    place,
                    key: table,
                    expected: expected(commands),
                },
            });
        };
        let Some(keys) = value.get_ref().as_table() else {
            return Err(Error::NotATable { place, table });
        };
        let mut settings: Vec<Setting> = vec![];
        for (key, value) in keys {
            let place = self.place(key.span().start);
            let setting = self.setting(key.get_ref(), value.get_ref(), &place, flags)?;
            if settings.iter().any(|other| other.flag == setting.flag) {
                return Err(Error::Twice {
                    place,
                    command: table,
                    flag: setting.flag,
                });
            }
            settings.push(setting);
        }
        Ok((table, settings))
    }

    fn setting(
        &self,
        key: &str,
        value: &DeValue,
        place: &Place,
        flags: &Flags,
    ) -> Result<Setting, Error> {
        let command = || flags.command().to_owned();
        let found = flags.find(key);
        let Some((flag, long)) = found.and_then(|flag| Some((flag, flag.get_long()?))) else {
            let suggestion = flags.suggest(key);
            return Err(Error::Key {
                place: place.clone(),
                table: command(),
                key: key.to_owned(),
                suggestion: suggestion
                    .map(|name| format!("; did you mean `{name}`?"))
                    .unwrap_or_default(),
            });
        };
        let source = match self.file.is_project {
            true => Source::Project(place.clone()),
            false => Source::User(place.clone()),
        };
        let invalid = |reason| Error::Value {
            at: source.clone(),
            command: command(),
            flag: long.to_owned(),
            reason,
        };
        let (is_path, folder) = (is_path(flag), self.file.folder());
        let mut value = convert(value, kind(flag)).map_err(invalid)?;
        if let Value::Given(values) = &mut value {
            for value in values {
                flags.check(long, value).map_err(invalid)?;
                *value = trust::absolute(long, is_path, value, folder, self.file.home);
            }
        }
        if self.file.is_project {
            self.check_trust(long, is_path, &value)
                .map_err(|reason| Error::Untrusted {
                    place: place.clone(),
                    command: command(),
                    flag: long.to_owned(),
                    reason,
                    remedy: self.remedy(long),
                })?;
        }
        Ok(Setting {
            flag: long.to_owned(),
            value,
            source,
        })
    }

    fn check_trust(&self, flag: &str, is_path: bool, value: &Value) -> Result<(), String> {
        let folder = self.file.folder();
        match value {
            Value::Off => Ok(()),
            Value::Bare => trust::check(flag, is_path, "", folder),
            Value::Given(values) => values.iter().try_for_each(|value| {
                trust::check(flag, is_path, value, folder)?;
                trust::check_files(flag, value, folder)
            }),
        }
    }

    fn remedy(&self, flag: &str) -> String {
        match self.file.user_file {
            Some(file) => format!("set it in {} or pass --{flag}", file.display()),
            None => format!("pass --{flag}"),
        }
    }
}

/// Returns the names of the tables.
fn names(commands: &[Flags]) -> impl Iterator<Item = &'static str> {
    let exists = |name: &&str| commands.iter().any(|flags| flags.command() == *name);
    COMMANDS.into_iter().filter(exists)
}

fn expected(commands: &[Flags]) -> String {
    let lists: Vec<String> = names(commands).map(|name| format!("[{name}]")).collect();
    match &lists[..] {
        [first @ .., last] if !first.is_empty() => format!("{} or {last}", first.join(", ")),
        lists => lists.concat(),
    }
}

fn unknown_table(place: Place, table: String, commands: &[Flags]) -> Error {
    let inner = clap::Command::new("").subcommands(names(commands).map(clap::Command::new));
    let error = inner.try_get_matches_from(["", &table]).err();
    let like = error.and_then(|error| suggestion(&error, ContextKind::SuggestedSubcommand));
    let suggestion = like.map(|name| format!("; did you mean [{name}]?"));
    Error::Table {
        place,
        table,
        expected: expected(commands),
        suggestion: suggestion.unwrap_or_default(),
    }
}

/// Makes a flag's value of a value of TOML.
fn convert(value: &DeValue, kind: Kind) -> Result<Value, String> {
    match (value, kind) {
        (DeValue::Boolean(true), Kind::Switch | Kind::Optional) => Ok(Value::Bare),
        (DeValue::Boolean(false), Kind::Switch | Kind::Optional) => Ok(Value::Off),
        (_, Kind::Switch) => Err(format!("expected true or false, not {}", name(value))),
        (DeValue::Array(items), Kind::Many) if items.is_empty() => Ok(Value::Off),
        (DeValue::Array(items), Kind::Many) => {
            let texts = items.iter().map(|item| text(item.get_ref()));
            Ok(Value::Given(texts.collect::<Result<_, _>>()?))
        }
        (DeValue::Array(_), _) => Err("expected one value, not a list".to_owned()),
        (value, _) => Ok(Value::Given(vec![text(value)?])),
    }
}

fn text(value: &DeValue) -> Result<String, String> {
    match value {
        DeValue::String(text) => Ok(text.to_string()),
        DeValue::Integer(number) => i128::from_str_radix(number.as_str(), number.radix())
            .map(|number| number.to_string())
            .map_err(|_| format!("invalid number `{}`", number.as_str())),
        DeValue::Float(number) => Ok(number.as_str().to_owned()),
        _ => Err(format!("expected text or a number, not {}", name(value))),
    }
}

fn name(value: &DeValue) -> &'static str {
    match value {
        DeValue::String(_) => "text",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
