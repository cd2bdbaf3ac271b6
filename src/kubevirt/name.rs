//! Names of a cluster's objects.

use std::fmt;
use std::str::FromStr;

const LENGTH_MAX: usize = 63;

/// A name that all objects of a VM can have: a label of RFC 1035, as a Service needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterName(String);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` can't be a name in a cluster: use at most {LENGTH_MAX} lower-case letters, digits and \
     `-`, and begin with a letter, for example --name my-os"
)]
pub struct InvalidClusterName(String);

impl FromStr for ClusterName {
    type Err = InvalidClusterName;

    fn from_str(text: &str) -> Result<Self, InvalidClusterName> {
        let is_good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let good = text.len() <= LENGTH_MAX
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && !text.ends_with('-')
            && text.chars().all(is_good);
        match good {
            true => Ok(Self(text.to_owned())),
            false => Err(InvalidClusterName(text.to_owned())),
        }
    }
}

impl ClusterName {
    /// Returns the name that an image's reference suggests: the last word of its repository.
    ///
    /// # Errors
    /// A cluster does not accept this name.
    pub fn of_image(reference: &str) -> Result<Self, InvalidClusterName> {
        let last = reference.rsplit('/').next().unwrap_or_default();
        let word = last.split([':', '@']).next().unwrap_or_default();
        word.replace(['.', '_'], "-").parse()
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ClusterName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_rules_of_the_cluster() {
        for good in ["a", "my-os-2", &"x".repeat(63)] {
            assert!(good.parse::<ClusterName>().is_ok(), "{good}");
        }
        for bad in ["", "A", "1a", "a.b", "a_b", "-a", "a-", &"x".repeat(64)] {
            assert!(bad.parse::<ClusterName>().is_err(), "{bad}");
        }
        for (image, name) in [
            ("localhost/my_os.2:v1", "my-os-2"),
            ("quay.io/example/os@sha256:1f", "os"),
            ("os", "os"),
        ] {
            assert_eq!(ClusterName::of_image(image).unwrap().as_str(), name);
        }
        assert!(ClusterName::of_image("localhost/9os").is_err());
    }
}
