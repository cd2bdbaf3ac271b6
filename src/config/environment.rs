//! Variables with the defaults of flags: `PODMAN_BOOTC_MEMORY` for `--memory`.

use super::flags::{Flags, Kind, kind};
use super::{Error, Setting, Source, Value};

/// Returns the name of a flag's variable.
pub fn variable(flag: &str) -> String {
    format!("PODMAN_BOOTC_{}", flag.replace('-', "_").to_uppercase())
}

/// Returns the settings of a command in the environment. An empty variable sets nothing.
///
/// # Errors
/// A flag's parser refuses a value.
pub fn settings(
    flags: &Flags,
    get: &dyn Fn(&str) -> Option<String>,
) -> Result<Vec<Setting>, Error> {
    let mut settings = vec![];
    for flag in flags.arguments() {
        let Some(long) = flag.get_long() else {
            continue;
        };
        let name = variable(long);
        let Some(text) = get(&name).filter(|text| !text.is_empty()) else {
            continue;
        };
        let source = Source::Environment(name);
        let invalid = |reason| Error::Value {
            at: source.clone(),
            command: flags.command().to_owned(),
            flag: long.to_owned(),
            reason,
        };
        let value = value(kind(flag), &text).map_err(invalid)?;
        if let Value::Given(values) = &value {
            for value in values {
                flags.check(long, value).map_err(invalid)?;
            }
        }
        settings.push(Setting {
            flag: long.to_owned(),
            value,
            source,
        });
    }
    Ok(settings)
}

fn value(kind: Kind, text: &str) -> Result<Value, String> {
    let is_true = matches!(text, "1" | "true" | "yes" | "on");
    let is_false = matches!(text, "0" | "false" | "no" | "off");
    Ok(match kind {
        Kind::Switch if is_true => Value::Bare,
        Kind::Switch if is_false => Value::Off,
        Kind::Switch => return Err(format!("`{text}` is not one of true, false, 1, 0")),
        Kind::Optional if text == "true" => Value::Bare,
        Kind::Optional if text == "false" => Value::Off,
        Kind::Optional | Kind::One => Value::Given(vec![text.to_owned()]),
        // A value may contain any character that a path or a kernel argument has.
        Kind::Many => Value::Given(text.lines().map(str::to_owned).collect()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_has_one_value_on_each_line() {
        let given = |words: &[&str]| Value::Given(words.iter().map(|w| (*w).to_owned()).collect());
        for (kind, text, wanted) in [
            (Kind::Switch, "1", Some(Value::Bare)),
            (Kind::Switch, "off", Some(Value::Off)),
            (Kind::Switch, "maybe", None),
            (Kind::Optional, "true", Some(Value::Bare)),
            (Kind::Optional, "never", Some(given(&["never"]))),
            (Kind::One, "4G", Some(given(&["4G"]))),
            (Kind::Many, "a b,c", Some(given(&["a b,c"]))),
            (Kind::Many, "a\nb\n", Some(given(&["a", "b"]))),
        ] {
            assert_eq!(value(kind, text).ok(), wanted, "{text}");
        }
        assert_eq!(variable("install-memory"), "PODMAN_BOOTC_INSTALL_MEMORY");
    }
}
