//! `podman-bootc config`

use std::ffi::OsString;

use anyhow::{Result, anyhow};
use clap::CommandFactory;
use serde::Serialize;

use super::line;
use crate::config::{COMMANDS, Files, Flags, Line, Setting, Source, Value, resolve};
use crate::text::plain;
use crate::ui::{self, Format, Table, say};

/// Show the configured defaults of run, watch and test
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    Show(ShowArgs),
}

/// Show each flag that has a value without the command line, and where the value comes from
///
/// A flag on the command line counts first, then a variable such as PODMAN_BOOTC_MEMORY, then
/// .podman-bootc.toml of the current folder or the nearest of its parents, then config.toml in your
/// folder of configurations, then the flag's own default. `--FLAG=false` takes a switch back.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example of a file:
  [run]
  memory = \"4G\"
  ephemeral = true
  publish = [\"8080:80\"]")]
pub struct ShowArgs {
    /// Show only this command [default: all]
    #[arg(value_name = "COMMAND", value_parser = COMMANDS)]
    command: Option<String>,
    /// Print JSON, or one line per flag by a template such as '{{.flag}} {{.value}}'
    #[arg(long, value_name = "json|TEMPLATE")]
    format: Option<Format>,
}

/// One flag of one command.
#[derive(Debug, Serialize)]
struct Row {
    command: String,
    flag: String,
    /// A boolean, a text, or a list of texts.
    value: serde_json::Value,
    /// `environment`, `project`, `user` or `default`.
    source: &'static str,
    variable: Option<String>,
    file: Option<String>,
    line: Option<usize>,
    /// False if another flag makes this one useless.
    counts: bool,
}

impl Command {
    pub(super) fn run(self) -> Result<()> {
        let Self::Show(args) = self;
        let program = super::Cli::command();
        let files = Files::find();
        let layers = line::load(&program, &files, &line::variable)
            .map_err(|error| anyhow!(line::explain(&error)))?;
        let wanted = |name: &&str| args.command.as_deref().is_none_or(|only| only == *name);
        let commands = COMMANDS.into_iter().filter(wanted);
        let mut rows = vec![];
        for flags in commands.filter_map(|name| Flags::of(&program, name)) {
            let settings: Vec<&Setting> = layers.of(flags.command()).collect();
            let check = |rest: &[OsString]| {
                let begin = [super::PROGRAM, flags.command()].map(OsString::from);
                let words = begin.iter().chain(rest);
                program.clone().try_get_matches_from(words).map(drop)
            };
            let counting = resolve(&flags, &Line::default(), &layers, &check).flags;
            rows.extend(
                flags
                    .arguments()
                    .filter_map(|arg| row(&flags, arg, &settings, &counting)),
            );
        }
        match &args.format {
            Some(format) => ui::print(&rows, format)?,
            None => {
                tell_files(&files);
                say(table(&rows));
            }
        }
        Ok(())
    }
}

fn row(flags: &Flags, arg: &clap::Arg, settings: &[&Setting], counting: &[String]) -> Option<Row> {
    let flag = arg.get_long()?;
    let setting = settings.iter().find(|setting| setting.flag == flag);
    let row = Row {
        command: flags.command().to_owned(),
        flag: flag.to_owned(),
        value: serde_json::Value::Null,
        source: "default",
        variable: None,
        file: None,
        line: None,
        counts: true,
    };
    let Some(setting) = setting else {
        let values = arg.get_default_values();
        let values = values
            .iter()
            .map(|value| value.to_string_lossy().into_owned());
        let value = values.collect::<Vec<_>>().join(" ");
        return (!value.is_empty()).then(|| Row {
            value: value.into(),
            ..row
        });
    };
    let is_list = matches!(arg.get_action(), clap::ArgAction::Append);
    let value = match &setting.value {
        Value::Bare => true.into(),
        Value::Off if is_list => serde_json::Value::Array(vec![]),
        Value::Off => false.into(),
        Value::Given(values) if is_list => values.iter().map(|v| masked(flag, v)).collect(),
        Value::Given(values) => values.join(" ").into(),
    };
    let (source, variable, place) = match &setting.source {
        Source::Environment(name) => ("environment", Some(name.clone()), None),
        Source::Project(place) => ("project", None, Some(place)),
        Source::User(place) => ("user", None, Some(place)),
    };
    Some(Row {
        value,
        source,
        variable,
        file: place.map(|place| place.file.display().to_string()),
        line: place.map(|place| place.line),
        counts: setting.value == Value::Off || counting.iter().any(|name| name == flag),
        ..row
    })
}

/// Hides the value of a credential, which may be a secret.
fn masked(flag: &str, value: &str) -> String {
    match value.split_once('=') {
        Some((name, value)) if flag == "credential" && !value.starts_with('@') => {
            format!("{name}=***")
        }
        _ => value.to_owned(),
    }
}

fn table(rows: &[Row]) -> Table {
    let mut table = Table::new(&["COMMAND", "FLAG", "VALUE", "SOURCE"]);
    for row in rows {
        let text = |value: &serde_json::Value| match value {
            serde_json::Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let value = match &row.value {
            serde_json::Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(" "),
            other => text(other),
        };
        let mut source = match (&row.variable, &row.file, row.line) {
            (Some(variable), ..) => variable.clone(),
            (None, Some(file), Some(line)) => format!("{file}:{line}"),
            _ => row.source.to_owned(),
        };
        if !row.counts {
            source.push_str(" (no effect: another flag excludes it, or is missing)");
        }
        table.row(vec![
            row.command.clone(),
            row.flag.clone(),
            plain(&value),
            plain(&source),
        ]);
    }
    table
}

fn tell_files(files: &Files) {
    let tell = |kind: &str, text: String| ui::tell(plain(&format!("{kind}: {text}")));
    let project = files
        .project
        .as_ref()
        .map(|file| file.display().to_string());
    tell("project file", project.unwrap_or_else(|| "none".to_owned()));
    if let Some(file) = &files.foreign {
        tell(
            "ignored, because it belongs to another user",
            file.display().to_string(),
        );
    }
    if let Some(file) = &files.user {
        let missing = if file.exists() { "" } else { " (missing)" };
        tell("user file", format!("{}{missing}", file.display()));
    }
}
