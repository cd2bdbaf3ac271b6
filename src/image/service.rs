//! A podman service that may be on another host, in a machine, or another user's.

use std::fmt;

/// Which one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Service {
    /// One that podman knows by name (`podman system connection list`).
    Connection(String),
    /// One at a URL, as in `CONTAINER_HOST`.
    Url(String),
}

impl Service {
    /// What podman itself would take its service from.
    pub const VARIABLES: [&str; 2] = ["CONTAINER_HOST", "CONTAINER_CONNECTION"];

    /// The one that the user wants: by name, else by the environment.
    pub fn wanted(connection: Option<&str>) -> Option<Self> {
        let variable = |name| std::env::var(name).ok().filter(|value: &String| !value.is_empty());
        let [url, name] = Self::VARIABLES;
        connection
            .map(str::to_owned)
            .map(Self::Connection)
            .or_else(|| variable(url).map(Self::Url))
            .or_else(|| variable(name).map(Self::Connection))
    }

    /// podman's options for it.
    pub(super) fn args(&self) -> [&str; 3] {
        match self {
            Self::Connection(name) => ["--remote", "--connection", name],
            Self::Url(url) => ["--remote", "--url", url],
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connection(name) => write!(f, "connection {name}"),
            Self::Url(url) => write!(f, "the podman service at {url}"),
        }
    }
}
