//! `--format json|TEMPLATE`, as podman has it, on every listing.

use std::io::{self, Write};
use std::str::FromStr;

use serde::Serialize;
use serde_json::Value;

/// How a listing is printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Format {
    /// A JSON array (or object) with stable field names.
    Json,
    /// One line per item, `{{.Field}}` replaced by the item's JSON field of that name.
    Template(Vec<Part>),
}

/// A piece of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Text as it stands.
    Text(String),
    /// A field of the item, by its path from the item down.
    Field(Vec<String>),
}

/// A template that can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// It doesn't parse.
    #[error("`{0}` is neither `json` nor a template of the form '{{{{.name}}}} {{{{.state}}}}'")]
    Syntax(String),
    /// It names a field that there is not.
    #[error("there is no field `{0}`; `--format json` shows all fields")]
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
            let path = field.trim().strip_prefix('.').filter(|f| !f.is_empty()).ok_or_else(syntax)?;
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

/// Shells pass `\t` and `\n` on as they stand; podman's templates know them.
fn unescape(text: &str) -> String {
    text.replace("\\t", "\t").replace("\\n", "\n")
}

/// Prints a listing in this format to standard output.
///
/// # Errors
/// A field that there is not.
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

/// Prints to standard output. When nobody reads it any more, the program ends as one that SIGPIPE ends.
pub fn say(text: impl std::fmt::Display) {
    /// 128 and SIGPIPE.
    const BROKEN_PIPE: i32 = 141;
    let mut out = io::stdout().lock();
    if write!(out, "{text}").and_then(|()| out.flush()).is_err() {
        std::process::exit(BROKEN_PIPE);
    }
}

/// Prints a line to standard error. What is under way goes on when nobody reads that any more.
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

/// The field's text; names are compared without case or `_`, so that podman's `{{.SshPort}}` finds `ssh_port`.
fn field(item: &Value, path: &[String]) -> Result<String, FormatError> {
    let key = |name: &str| name.replace('_', "").to_lowercase();
    let mut value = item;
    for name in path {
        value = value
            .as_object()
            .and_then(|object| object.iter().find(|(k, _)| key(k) == key(name)))
            .map(|(_, v)| v)
            .ok_or_else(|| FormatError::UnknownField(path.join(".")))?;
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
        let item = serde_json::json!({"name": "a", "ssh_port": 22, "image": {"id": "x"}, "end": null});
        for (template, want) in
            [("{{.Name}}", "a"), ("{{ .name }}\\t{{.SshPort}}!", "a\t22!"), ("{{.image.id}}{{.end}}", "x")]
        {
            let Format::Template(parts) = template.parse().unwrap() else { panic!() };
            assert_eq!(fill(&parts, &item).unwrap(), want);
        }
        let Format::Template(parts) = "{{.nope}}".parse().unwrap() else { panic!() };
        assert!(fill(&parts, &item).unwrap_err().to_string().contains("nope"));
    }

    #[test]
    fn bad_templates_are_refused() {
        for text in ["", "yaml", "{{name}}", "{{.name", "{{.}}"] {
            assert!(text.parse::<Format>().is_err(), "{text}");
        }
        assert_eq!("json".parse(), Ok(Format::Json));
    }
}
