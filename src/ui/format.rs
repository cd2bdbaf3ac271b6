//! `--format json|TEMPLATE` for every listing, as podman has it.

use std::io::{self, Write};
use std::str::FromStr;

use serde::Serialize;
use serde_json::Value;

/// The format of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Format {
    /// A JSON array (or object) with stable field names.
    Json,
    /// One line per item. `{{.Field}}` stands for the item's JSON field of that name.
    Template(Vec<Part>),
}

/// A part of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    Text(String),
    /// A field's path in the item.
    Field(Vec<String>),
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    #[error(
        "invalid format `{0}`: expected `json` or a template, for example '{{{{.name}}}} {{{{.state}}}}'"
    )]
    Syntax(String),
    #[error("unknown field `{0}`; `--format json` prints all fields")]
    UnknownField(String),
}

impl FromStr for Format {
    type Err = FormatError;

    fn from_str(text: &str) -> Result<Self, FormatError> {
        if text == "json" {
            return Ok(Self::Json);
        }
        let syntax = || FormatError::Syntax(text.to_owned());
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let (field, after) = after.split_once("}}").ok_or_else(syntax)?;
            let path = field
                .trim()
                .strip_prefix('.')
                .filter(|f| !f.is_empty())
                .ok_or_else(syntax)?;
            parts.push(Part::Text(unescape(before)));
            parts.push(Part::Field(path.split('.').map(str::to_owned).collect()));
            rest = after;
        }
        if parts.is_empty() {
            return Err(syntax());
        }
        parts.push(Part::Text(unescape(rest)));
        Ok(Self::Template(parts))
    }
}

/// Replaces `\t` and `\n`, which shells don't replace, as podman's templates do.
fn unescape(text: &str) -> String {
    text.replace("\\t", "\t").replace("\\n", "\n")
}

/// Prints a listing to standard output. Fails if the template names an unknown field.
pub fn print<T: Serialize>(items: &[T], format: &Format) -> anyhow::Result<()> {
    match format {
        Format::Json => say(serde_json::to_string_pretty(items)? + "\n"),
        Format::Template(parts) => {
            for item in items {
                say(fill(parts, &serde_json::to_value(item)?)? + "\n");
            }
        }
    }
    Ok(())
}

/// Prints to standard output. If its reader is gone, the program exits with the code of a program
/// that SIGPIPE ended.
pub fn say(text: impl std::fmt::Display) {
    /// 128 and SIGPIPE.
    const BROKEN_PIPE: i32 = 141;
    let mut out = io::stdout().lock();
    if write!(out, "{text}").and_then(|()| out.flush()).is_err() {
        std::process::exit(BROKEN_PIPE);
    }
}

/// Prints a line to standard error. If its reader is gone, the program continues.
pub fn tell(text: impl std::fmt::Display) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

fn fill(parts: &[Part], item: &Value) -> Result<String, FormatError> {
    let mut line = String::new();
    for part in parts {
        match part {
            Part::Text(text) => line.push_str(text),
            Part::Field(path) => line.push_str(&field(item, path)?),
        }
    }
    Ok(line)
}

/// The field whose own fields are the user's words. One that is missing has no text.
const FREE: &str = "labels";

/// Returns a field's text. Case and `_` in names don't count, so that podman's `{{.SshPort}}` finds
/// `ssh_port`.
fn field(item: &Value, path: &[String]) -> Result<String, FormatError> {
    let key = |name: &str| name.replace('_', "").to_lowercase();
    let mut value = item;
    let mut names = path.iter();
    while let Some(name) = names.next() {
        // A field of something that doesn't exist.
        if value.is_null() {
            break;
        }
        value = value
            .as_object()
            .and_then(|object| object.iter().find(|(k, _)| key(k) == key(name)))
            .map(|(_, v)| v)
            .ok_or_else(|| FormatError::UnknownField(path.join(".")))?;
        let rest: Vec<&str> = names.as_slice().iter().map(String::as_str).collect();
        if key(name) == FREE && !rest.is_empty() {
            // A label's key may have dots.
            value = value.get(rest.join(".")).unwrap_or(&Value::Null);
            break;
        }
    }
    Ok(match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_filled() {
        let item = serde_json::json!({
            "name": "a", "ssh_port": 22, "image": {"id": "x"}, "end": null,
            "labels": {"env": "test", "com.example.x": "y"},
        });
        for (template, want) in [
            ("{{.Name}}", "a"),
            ("{{ .name }}\\t{{.SshPort}}!", "a\t22!"),
            ("{{.image.id}}{{.end}}", "x"),
            (
                "{{.Labels.env}}{{.labels.com.example.x}}{{.labels.no}}",
                "testy",
            ),
        ] {
            let Format::Template(parts) = template.parse().unwrap() else {
                panic!()
            };
            assert_eq!(fill(&parts, &item).unwrap(), want);
        }
        let Format::Template(parts) = "{{.nope}}".parse().unwrap() else {
            panic!()
        };
        assert!(
            fill(&parts, &item)
                .unwrap_err()
                .to_string()
                .contains("nope")
        );
    }

    #[test]
    fn an_invalid_template_is_an_error() {
        for text in ["", "yaml", "{{name}}", "{{.name", "{{.}}"] {
            assert!(text.parse::<Format>().is_err(), "{text}");
        }
        assert_eq!("json".parse(), Ok(Format::Json));
    }
}
