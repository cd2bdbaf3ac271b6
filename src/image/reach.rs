//! podman's storage in words, and whether it is within reach: the tool reads layers from its
//! folders.

use std::path::{Path, PathBuf};

use super::error::{Error, OutOfReach};
use super::podman::Podman;
use crate::host::{Os, process};

/// Files that container tools put into each of their containers.
const CONTAINER_MARKS: [&str; 2] = ["/run/.containerenv", "/run/.toolboxenv"];

impl Podman {
    /// Returns the storage in words.
    pub(super) fn storage_name(&self) -> String {
        if let Some(service) = &self.service {
            return format!("the storage of {service}");
        }
        let kind = if self.rootless { "rootless" } else { "rootful" };
        match self.storage_root() {
            Some(root) => format!("podman's {kind} storage ({})", root.display()),
            None => format!("podman's {kind} storage"),
        }
    }

    fn storage_root(&self) -> Option<PathBuf> {
        let text = self
            .run(
                ["info", "--format", "{{.Store.GraphRoot}}"],
                "get podman's storage",
            )
            .ok()?;
        Some(String::from_utf8_lossy(&text).trim().into())
    }

    /// Explains an error by a storage that is out of reach, where that is the cause. Costs nothing
    /// unless something failed.
    pub fn explain<E: From<Error>>(&self, error: E) -> E {
        match self.out_of_reach() {
            Some(cause) => Error::OutOfReach(cause).into(),
            None => error,
        }
    }

    fn out_of_reach(&self) -> Option<OutOfReach> {
        // Elsewhere podman is always a client, of the podman machine.
        if Os::current() != Os::Linux {
            return None;
        }
        let help = process::output(&mut self.without_options().command(["--help"])).ok()?;
        let in_container = CONTAINER_MARKS.iter().any(|mark| Path::new(mark).exists());
        judge(
            &String::from_utf8_lossy(&help),
            in_container,
            self.storage_root().as_deref().map(Path::exists),
        )
    }
}

/// `help` lists podman's commands; a client lacks those that need the storage's folders.
/// `has_storage` is unknown if podman doesn't tell its folder.
fn judge(help: &str, in_container: bool, has_storage: Option<bool>) -> Option<OutOfReach> {
    let commands = || {
        help.lines()
            .filter_map(|line| line.split_whitespace().next())
    };
    // A text that lists no commands says nothing.
    if commands().any(|word| word == "images") && !commands().any(|word| word == "unshare") {
        Some(OutOfReach::Client)
    } else if in_container && has_storage == Some(false) {
        Some(OutOfReach::Host)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_and_the_hosts_podman_are_told_apart_from_a_local_one() {
        let local = "Available Commands:\n  images      List\n  unshare     Run\n";
        let client = "Available Commands:\n  images      List\n";
        for (help, in_container, has_storage, expected) in [
            (local, false, Some(true), None),
            (local, true, Some(true), None),
            (local, true, None, None),
            // A storage that nobody has used yet.
            (local, false, Some(false), None),
            (local, true, Some(false), Some(OutOfReach::Host)),
            (client, false, Some(true), Some(OutOfReach::Client)),
            (client, true, None, Some(OutOfReach::Client)),
            ("", false, None, None),
        ] {
            assert_eq!(
                judge(help, in_container, has_storage),
                expected,
                "{help} {in_container} {has_storage:?}"
            );
        }
    }
}
