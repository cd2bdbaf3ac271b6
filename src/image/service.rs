//! A podman service, which may run on another host, in a machine or for another user.

use std::fmt;

/// A podman service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Service {
    /// The name of a connection (`podman system connection list`).
    Connection(String),
    /// A URL as in `CONTAINER_HOST`.
    Url(String),
}

impl Service {
    /// The environment variables that tell podman its service.
    pub const VARIABLES: [&str; 2] = ["CONTAINER_HOST", "CONTAINER_CONNECTION"];

    /// Returns the user's choice: this connection, or the service in the environment.
    pub fn chosen(connection: Option<&str>) -> Option<Self> {
        let variable = |name| {
            std::env::var(name)
                .ok()
                .filter(|value: &String| !value.is_empty())
        };
        let [url, name] = Self::VARIABLES;
        connection
            .map(str::to_owned)
            .map(Self::Connection)
            .or_else(|| variable(url).map(Self::Url))
            .or_else(|| variable(name).map(Self::Connection))
    }

    /// Returns podman's options for the service.
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
