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

    /// Returns why this podman's storage is out of reach, if that can be told.
    pub fn out_of_reach(&self) -> Option<OutOfReach> {
        // Elsewhere podman is always a client, of the podman machine.
        if Os::current() != Os::Linux {
            return None;
        }
        let help = process::output(&mut self.without_options().command(["--help"])).ok()?;
        let help = String::from_utf8_lossy(&help);
        let mark = CONTAINER_MARKS.iter().find(|mark| Path::new(mark).exists());
        let Some(mark) = mark else {
            return judge(&help, None);
        };
        let is_here = match self.storage_root() {
            Some(root) if !root.exists() => Some(false),
            _ => self.runs_beside(mark),
        };
        judge(&help, is_here)
    }

    /// Returns true if a program that podman starts sees a file of this system. A toolbox shares the
    /// home folder with the host, and so the storage of the host's podman, but nothing in `/run`.
    fn runs_beside(&self, file: &str) -> Option<bool> {
        // As root, podman starts no program.
        if !self.rootless {
            return None;
        }
        let words = ["unshare", "test", "-e", file];
        match process::output(&mut self.without_options().command(words)) {
            Ok(_) => Some(true),
            Err(process::Error::Failed { status, .. }) if status.code() == Some(1) => Some(false),
            // podman itself failed.
            Err(_) => None,
        }
    }
}

/// `help` lists podman's commands; a client lacks those that need the storage's folders. `is_here`
/// says whether podman runs in this container; it is unknown if podman doesn't tell, or if this is
/// no container.
fn judge(help: &str, is_here: Option<bool>) -> Option<OutOfReach> {
    let commands = || {
        help.lines()
            .filter_map(|line| line.split_whitespace().next())
    };
    // A text that lists no commands says nothing.
    if commands().any(|word| word == "images") && !commands().any(|word| word == "unshare") {
        Some(OutOfReach::Client)
    } else if is_here == Some(false) {
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
        for (help, is_here, expected) in [
            (local, None, None),
            (local, Some(true), None),
            (local, Some(false), Some(OutOfReach::Host)),
            (client, None, Some(OutOfReach::Client)),
            (client, Some(false), Some(OutOfReach::Client)),
            ("", None, None),
        ] {
            assert_eq!(judge(help, is_here), expected, "{help} {is_here:?}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_podman_elsewhere_doesnt_see_the_files_here() {
        let podman = |program: &str, rootless| Podman::at(program.into(), rootless);
        assert_eq!(podman("true", true).runs_beside("/run/x"), Some(true));
        assert_eq!(podman("false", true).runs_beside("/run/x"), Some(false));
        assert_eq!(podman("/nonexistent", true).runs_beside("/run/x"), None);
        assert_eq!(podman("false", false).runs_beside("/run/x"), None);
    }
}
