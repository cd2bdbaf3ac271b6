//! The hostname of a guest.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::hypervisor::Credential;

/// Linux's limit, in bytes. All valid characters are ASCII.
const MAX: usize = 64;

/// A hostname, with or without a domain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Hostname(String);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "invalid hostname `{0}`: expected labels of letters, digits and hyphens, joined by dots, at most {MAX} characters"
)]
pub struct InvalidHostname(String);

impl FromStr for Hostname {
    type Err = InvalidHostname;

    fn from_str(text: &str) -> Result<Self, InvalidHostname> {
        let label = |label: &str| {
            !label.is_empty()
                && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        let good = text.len() <= MAX && text.split('.').all(label);
        if good {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidHostname(text.to_owned()))
        }
    }
}

impl TryFrom<String> for Hostname {
    type Error = InvalidHostname;

    fn try_from(text: String) -> Result<Self, InvalidHostname> {
        text.parse()
    }
}

impl From<Hostname> for String {
    fn from(name: Hostname) -> Self {
        name.0
    }
}

impl fmt::Display for Hostname {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Hostname {
    /// Sets the hostname at boot (systemd 254 and newer, unless the image has an `/etc/hostname`).
    pub fn credential(&self) -> Credential {
        Credential {
            name: "system.hostname".into(),
            value: self.0.clone().into_bytes(),
        }
    }

    /// Returns a shell line that corrects the hostname of a running guest, and prints only errors.
    pub fn shell_line(&self) -> String {
        let sudo = "$([ \"$(id -u)\" = 0 ] || echo sudo -n)";
        // hostnamectl needs D-Bus; without it, the kernel's hostname must do.
        format!(
            "[ \"$(uname -n)\" = {0} ] || {sudo} hostnamectl set-hostname {0} 2>/dev/null || {sudo} hostname {0} 2>&1",
            self.0
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_valid_hostnames_are_accepted() {
        for good in ["web", "web-1.example.com", "1", "A"] {
            assert_eq!(good.parse::<Hostname>().unwrap().to_string(), good);
        }
        for bad in [
            "",
            "-a",
            "a-",
            "a..b",
            ".",
            "a_b",
            "a b",
            "$(reboot)",
            "ä",
            &"a".repeat(65),
        ] {
            assert!(bad.parse::<Hostname>().is_err(), "{bad}");
        }
        assert!(
            serde_json::from_str::<Hostname>("\"$(reboot)\"").is_err(),
            "a state file can't bring in an invalid one"
        );
    }
}
