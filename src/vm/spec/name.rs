//! Names of VMs and of their snapshots.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The name of a VM, which is also the name of its folder and the host in SSH commands, or of a
/// snapshot.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(String);

/// A text that is not a valid name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "invalid name `{0}`: use at most {LENGTH_MAX} letters, digits, `.`, `_` and `-`, and begin with a letter or digit"
)]
pub struct InvalidName(String);

const LENGTH_MAX: usize = 63;

impl Name {
    /// Returns a readable name, the same one for the same random number.
    pub fn generate(random: u32) -> Self {
        let pick = |words: &[&'static str], n: u32| words[n as usize % words.len()];
        Self(format!(
            "{}-{}",
            pick(&ADJECTIVES, random & 0xffff),
            pick(&ANIMALS, random >> 16)
        ))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let first = text
            .chars()
            .next()
            .is_some_and(|c| c.is_ascii_alphanumeric());
        let rest = text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
        if first && rest && text.len() <= LENGTH_MAX {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidName(text.to_owned()))
        }
    }
}

impl TryFrom<String> for Name {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, InvalidName> {
        text.parse()
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

const ADJECTIVES: [&str; 48] = [
    "amber", "ancient", "bold", "brave", "bright", "brisk", "calm", "clever", "cosy", "crisp",
    "curious", "dapper", "eager", "early", "fair", "fancy", "fearless", "fresh", "gentle", "glad",
    "golden", "happy", "hardy", "honest", "jolly", "keen", "kind", "lively", "lucky", "mellow",
    "merry", "mighty", "modest", "nimble", "noble", "patient", "plucky", "proud", "quick", "quiet",
    "rapid", "sharp", "silent", "steady", "sunny", "swift", "tidy", "witty",
];

const ANIMALS: [&str; 48] = [
    "badger", "bear", "beaver", "bison", "cat", "crane", "crow", "deer", "dolphin", "duck",
    "eagle", "falcon", "ferret", "finch", "fox", "gecko", "goose", "hare", "hawk", "hedgehog",
    "heron", "ibex", "jackdaw", "kestrel", "lark", "lemur", "lynx", "magpie", "marten", "mole",
    "newt", "otter", "owl", "panda", "puffin", "raven", "robin", "salmon", "seal", "sparrow",
    "squirrel", "stork", "swan", "tapir", "toad", "turtle", "wolf", "wren",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked() {
        for good in ["a", "swift-heron", "My_OS.2", "0"] {
            assert!(good.parse::<Name>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "-a",
            ".",
            "..",
            "a/b",
            "a b",
            "ä",
            "a\n",
            &"x".repeat(64),
        ] {
            assert!(bad.parse::<Name>().is_err(), "{bad}");
        }
    }

    #[test]
    fn generated_names_are_valid() {
        for random in [0, 1, 0x0001_0000, u32::MAX, 123_456_789] {
            let name = Name::generate(random);
            assert!(name.as_str().parse::<Name>().is_ok(), "{name}");
        }
        assert_ne!(Name::generate(0), Name::generate(1));
        assert_ne!(Name::generate(0), Name::generate(1 << 16));
    }
}
