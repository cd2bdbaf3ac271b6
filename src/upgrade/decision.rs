//! The work that brings an image into a guest, as the guest's deployments decide it.

use super::status::{Deployment, Status};

/// The image that a guest shall run.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// The manifest and the configuration as the guest gets them, and the manifest in podman's storage,
    /// from which bootc installs in a container.
    pub digests: [&'a str; 3],
    /// The reference that the guest shall follow; none for the one that it follows already.
    pub reference: Option<&'a str>,
}

/// The work. bootc refuses, or does nothing, where an image is there already, so that only the
/// last two pull.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// The image runs.
    None,
    /// The image is staged.
    Reboot,
    /// The image is staged, but bootc shall not boot it yet.
    Unlock,
    /// The image is the one that `bootc rollback` makes the next.
    Rollback,
    /// The image is the newest of the reference that the guest follows.
    Upgrade,
    /// The guest shall follow another reference.
    Switch,
}

/// References of other transports than this one are not pulled from a registry.
const REGISTRY: &str = "registry";

impl Target<'_> {
    pub fn is(&self, deployment: &Deployment) -> bool {
        self.digests.contains(&deployment.digest.as_str())
    }

    /// Returns the work for a guest in this state.
    pub fn action(&self, status: &Status) -> Action {
        if self.is(&status.booted) {
            return Action::None;
        }
        if let Some(staged) = status.staged.as_ref().filter(|staged| self.is(staged)) {
            return match staged.download_only {
                true => Action::Unlock,
                false => Action::Reboot,
            };
        }
        let rollback = status.rollback.as_ref();
        if rollback.is_some_and(|rollback| self.is(rollback)) {
            return Action::Rollback;
        }
        let follows = status.follows.as_ref();
        let same = follows.is_some_and(|follows| {
            follows.transport == REGISTRY
                && self.reference.is_none_or(|wanted| wanted == follows.image)
        });
        match same {
            true => Action::Upgrade,
            false => Action::Switch,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::status::tests::output;
    use super::*;

    #[test]
    fn the_deployments_decide() {
        let (own, other) = (None, Some("localhost/other:latest"));
        let same = Some("localhost/os:latest");
        for (slots, reference, action) in [
            (["new", "", ""], own, Action::None),
            (["config", "", ""], own, Action::None),
            (["new", "x", "y"], other, Action::None),
            (["old", "new", ""], own, Action::Reboot),
            (["old", "new", "new"], own, Action::Reboot),
            (["old", "", "new"], own, Action::Rollback),
            (["old", "x", "config"], other, Action::Rollback),
            (["old", "", ""], own, Action::Upgrade),
            (["old", "", ""], same, Action::Upgrade),
            (["old", "x", "y"], own, Action::Upgrade),
            (["old", "", ""], other, Action::Switch),
        ] {
            for composefs in [false, true] {
                let status = Status::parse(&output(slots, composefs)).unwrap();
                let target = Target {
                    digests: ["sha256:new", "sha256:config", "sha256:stored"],
                    reference,
                };
                assert_eq!(target.action(&status), action, "{slots:?} {reference:?}");
            }
        }
        let text = output(["old", "new", ""], true);
        let status = Status::parse(&text.replace("Only\":false", "Only\":true")).unwrap();
        let target = Target {
            digests: ["sha256:new", "sha256:config", "sha256:stored"],
            reference: None,
        };
        assert_eq!(target.action(&status), Action::Unlock);
        // An image that was installed from a file.
        let text = output(["old", "", ""], true).replacen("registry", "oci", 1);
        let status = Status::parse(&text).unwrap();
        assert_eq!(target.action(&status), Action::Switch);
    }
}
