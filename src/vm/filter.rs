//! Filters with podman's words, which choose among VMs and among what happened to them.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use regex::Regex;

use super::State;
use crate::image;

/// A label on the command line: a key and its value, which may be empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    pub key: String,
    pub value: String,
}

/// A text is not a label or not a filter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidFilter {
    #[error("invalid label `{0}`: expected KEY or KEY=VALUE, for example env=test")]
    Label(String),
    #[error("invalid filter `{0}`: expected {1}")]
    Form(String, &'static str),
    #[error("invalid filter `{0}`: expected one of {1}")]
    Word(String, String),
}

impl FromStr for Label {
    type Err = InvalidFilter;

    fn from_str(text: &str) -> Result<Self, InvalidFilter> {
        let (key, value) = text.split_once('=').unwrap_or((text, ""));
        match key {
            "" => Err(InvalidFilter::Label(text.to_owned())),
            key => Ok(Self {
                key: key.to_owned(),
                value: value.to_owned(),
            }),
        }
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.key, self.value)
    }
}

/// One condition.
#[derive(Debug, Clone)]
pub enum Filter {
    /// A label with this key, and with this value if the user names one.
    Label(String, Option<String>),
    /// A name in which the expression matches.
    Name(Regex),
    /// An image: a name or the end of one, with or without its tag, or the beginning of an ID.
    Image(String),
    /// One of these states or events.
    Word(Vec<&'static str>),
}

/// The form of a filter for VMs.
pub const VM_FORM: &str = "label=KEY[=VALUE], name=REGEX, status=STATE or image=IMAGE";

/// The form of a filter for events.
const EVENT_FORM: &str = "label=KEY[=VALUE], name=REGEX, event=EVENT or image=IMAGE";

impl Filter {
    /// Parses a filter for VMs. podman's `exited` means each end.
    ///
    /// # Errors
    /// The text is not one.
    pub fn of_vms(text: &str) -> Result<Self, InvalidFilter> {
        Self::parse(text, VM_FORM, "status", &State::NAMES, |word| match word {
            "exited" => vec!["stopped", "suspended", "crashed"],
            _ => vec![],
        })
    }

    /// Parses a filter for events with these names.
    ///
    /// # Errors
    /// The text is not one.
    pub fn of_events(text: &str, names: &[&'static str]) -> Result<Self, InvalidFilter> {
        Self::parse(text, EVENT_FORM, "event", names, |_| vec![])
    }

    fn parse(
        text: &str,
        form: &'static str,
        word_key: &str,
        words: &[&'static str],
        others: impl Fn(&str) -> Vec<&'static str>,
    ) -> Result<Self, InvalidFilter> {
        let invalid = || InvalidFilter::Form(text.to_owned(), form);
        let (key, value) = text.split_once('=').ok_or_else(invalid)?;
        match (key, value) {
            (_, "") => Err(invalid()),
            ("label", value) => {
                let label: Label = value.parse()?;
                let wanted = value.contains('=').then_some(label.value);
                Ok(Self::Label(label.key, wanted))
            }
            ("name", value) => Ok(Self::Name(Regex::new(value).map_err(|_| invalid())?)),
            // podman's own word.
            ("image" | "ancestor", value) => Ok(Self::Image(value.to_owned())),
            (key, value) if key == word_key => {
                let mut found = others(value);
                found.extend(words.iter().find(|word| **word == value));
                match found.is_empty() {
                    true => Err(InvalidFilter::Word(text.to_owned(), words.join(", "))),
                    false => Ok(Self::Word(found)),
                }
            }
            _ => Err(invalid()),
        }
    }

    fn matches(&self, subject: &Subject) -> bool {
        match self {
            Self::Label(key, value) => subject
                .labels
                .and_then(|labels| labels.get(key))
                .is_some_and(|found| value.as_ref().is_none_or(|value| value == found)),
            Self::Name(expression) => expression.is_match(subject.name),
            Self::Image(wanted) => {
                subject
                    .image
                    .is_some_and(|name| image::ends_with(name, wanted))
                    || subject
                        .image_id
                        .is_some_and(|id| image::begins_with(id, wanted))
            }
            Self::Word(words) => words.contains(&subject.word),
        }
    }
}

/// What a filter looks at.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    pub name: &'a str,
    pub labels: Option<&'a BTreeMap<String, String>>,
    pub image: Option<&'a str>,
    pub image_id: Option<&'a str>,
    /// The VM's state, or the event.
    pub word: &'a str,
}

/// Returns true if the filters let this pass, as podman combines them: all labels must be there,
/// and one of the others of each kind.
pub fn pass(filters: &[Filter], subject: &Subject) -> bool {
    let kinds = [
        |filter: &&Filter| matches!(filter, Filter::Name(_)),
        |filter: &&Filter| matches!(filter, Filter::Image(_)),
        |filter: &&Filter| matches!(filter, Filter::Word(_)),
    ];
    let has_one = |is_kind: &fn(&&Filter) -> bool| {
        let mut of_kind = filters.iter().filter(is_kind).peekable();
        of_kind.peek().is_none() || of_kind.any(|filter| filter.matches(subject))
    };
    let is_label = |filter: &&Filter| matches!(filter, Filter::Label(..));
    filters
        .iter()
        .filter(is_label)
        .all(|filter| filter.matches(subject))
        && kinds.iter().all(has_one)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_combine_as_podmans_do() {
        let labels = BTreeMap::from([
            ("env".to_owned(), "test".to_owned()),
            ("flag".to_owned(), String::new()),
        ]);
        let subject = Subject {
            name: "web-1",
            labels: Some(&labels),
            image: Some("quay.io/example/os:v2"),
            image_id: Some("0123456789abcdef"),
            word: "stopped",
        };
        let passes = |texts: &[&str]| {
            let filters: Vec<_> = texts
                .iter()
                .map(|text| Filter::of_vms(text).unwrap())
                .collect();
            pass(&filters, &subject)
        };
        for (texts, expected) in [
            (&[][..], true),
            (&["label=env"], true),
            (&["label=env=test", "label=flag"], true),
            (&["label=env=test", "label=other"], false),
            (&["label=flag="], true),
            (&["label=env="], false),
            (&["name=web"], true),
            (&["name=^web$"], false),
            (&["name=^web$", "name=1$"], true),
            (&["status=stopped", "name=db"], false),
            (&["status=running", "status=stopped"], true),
            (&["status=running"], false),
            (&["status=exited"], true),
            (&["image=os"], true),
            (&["image=example/os:v2"], true),
            (&["ancestor=quay.io/example/os"], true),
            (&["image=example/os:v1"], false),
            (&["image=s:v2"], false),
            (&["image=sha256:012345"], true),
            (&["image=123456"], false),
        ] {
            assert_eq!(passes(texts), expected, "{texts:?}");
        }
    }

    #[test]
    fn an_invalid_filter_is_told() {
        for (text, word) in [
            ("label", "label=KEY"),
            ("label=", "label=KEY"),
            ("label==x", "KEY=VALUE"),
            ("name=(", "name=REGEX"),
            (
                "status=gone",
                "creating, running, stopped, suspended, crashed",
            ),
            ("event=started", "status=STATE"),
        ] {
            let error = Filter::of_vms(text).unwrap_err().to_string();
            assert!(error.contains(word), "{text}: {error}");
        }
        let label = |text: &str| text.parse::<Label>().map(|label| label.to_string());
        assert_eq!(label("a=b=c").unwrap(), "a=b=c");
        assert_eq!(label("a").unwrap(), "a=");
        assert!(label("=b").is_err());
    }
}
