//! The output of `bootc status --format=json --format-version=1`, of both backends.

use serde::Deserialize;

/// A guest's deployments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// The image that the guest follows: its next `bootc upgrade` pulls this one.
    pub follows: Option<Reference>,
    pub booted: Deployment,
    pub staged: Option<Deployment>,
    pub rollback: Option<Deployment>,
}

/// The name of an image, as bootc keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Reference {
    pub image: String,
    pub transport: String,
}

/// A system that the guest can boot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployment {
    /// The manifest digest; with composefs and bootc before 1.16.4 the configuration's.
    pub digest: String,
    /// Ostree's commit, or composefs' digest of the root. It identifies the deployment.
    pub checksum: String,
    pub soft_reboot: bool,
    /// The backend is composefs.
    pub composefs: bool,
}

/// A guest whose bootc says nothing of use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("can't understand `bootc status` in the guest: {0}")]
    Syntax(String),
    #[error("bootc doesn't manage the guest's system: `bootc status` names no booted image")]
    NotManaged,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Host {
    spec: Spec,
    status: HostStatus,
}

#[derive(Deserialize)]
struct Spec {
    image: Option<Reference>,
}

#[derive(Deserialize)]
struct HostStatus {
    booted: Option<Entry>,
    staged: Option<Entry>,
    rollback: Option<Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    image: Option<EntryImage>,
    #[serde(default)]
    soft_reboot_capable: bool,
    ostree: Option<Ostree>,
    composefs: Option<Composefs>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EntryImage {
    image_digest: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Ostree {
    checksum: String,
    #[serde(default)]
    deploy_serial: u64,
}

#[derive(Deserialize)]
struct Composefs {
    verity: String,
}

impl Status {
    /// Reads the output.
    ///
    /// # Errors
    /// It is not what bootc prints, or bootc didn't boot the system.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let host: Host =
            serde_json::from_str(text).map_err(|error| Error::Syntax(error.to_string()))?;
        let HostStatus {
            booted,
            staged,
            rollback,
        } = host.status;
        Ok(Self {
            follows: host.spec.image,
            booted: booted
                .and_then(Entry::deployment)
                .ok_or(Error::NotManaged)?,
            staged: staged.and_then(Entry::deployment),
            rollback: rollback.and_then(Entry::deployment),
        })
    }

    /// Returns the digests of all deployments that are on the disk for good.
    pub fn digests(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.booted)
            .chain(&self.rollback)
            .map(|deployment| deployment.digest.as_str())
    }
}

impl Entry {
    /// Returns none for a deployment that is not of an image.
    fn deployment(self) -> Option<Deployment> {
        let composefs = self.composefs.is_some();
        let checksum = match (self.ostree, self.composefs) {
            (Some(ostree), _) => format!("{}.{}", ostree.checksum, ostree.deploy_serial),
            (None, Some(composefs)) => composefs.verity,
            (None, None) => String::new(),
        };
        Some(Deployment {
            digest: self.image?.image_digest,
            checksum,
            soft_reboot: self.soft_reboot_capable,
            composefs,
        })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// An entry as bootc 1.16.9 prints it.
    pub fn entry(digest: &str, checksum: &str, composefs: bool) -> String {
        let backend = match composefs {
            true => format!(
                r#""ostree":null,"store":null,"composefs":{{"bootDigest":"f6b0","bootType":"Bls",
                "bootloader":"systemd","missingVerityAllowed":false,"verity":"{checksum}"}}"#
            ),
            false => format!(
                r#""ostree":{{"checksum":"{checksum}","deploySerial":0,"stateroot":"default"}},
                "store":"ostreeContainer","composefs":null"#
            ),
        };
        format!(
            r#"{{"cachedUpdate":null,"downloadOnly":false,"image":{{"architecture":"amd64",
            "image":{{"image":"localhost/os:latest","transport":"registry"}},
            "imageDigest":"sha256:{digest}","timestamp":"2025-01-01T00:00:00Z","version":null}},
            "incompatible":false,"pinned":false,"softRebootCapable":false,{backend}}}"#
        )
    }

    /// A whole output; an empty digest is an empty slot.
    pub fn output([booted, staged, rollback]: [&str; 3], composefs: bool) -> String {
        let slot = |digest: &str| match digest {
            "" => "null".to_owned(),
            digest => entry(digest, &format!("sum-{digest}"), composefs),
        };
        format!(
            r#"{{"apiVersion":"org.containers.bootc/v1","kind":"BootcHost","metadata":{{"name":"host"}},
            "spec":{{"bootOrder":"default","image":{{"image":"localhost/os:latest","transport":"registry"}}}},
            "status":{{"booted":{},"staged":{},"rollback":{},"readOnly":false,"rollbackQueued":false,
            "type":"bootcHost","usrOverlay":null}}}}"#,
            slot(booted),
            slot(staged),
            slot(rollback)
        )
    }

    #[test]
    fn both_backends_tell_their_deployments() {
        for (composefs, suffix) in [(true, ""), (false, ".0")] {
            let deployment = |digest: &str| Deployment {
                digest: format!("sha256:{digest}"),
                checksum: format!("sum-{digest}{suffix}"),
                soft_reboot: false,
                composefs,
            };
            let status = Status::parse(&output(["a", "b", ""], composefs)).unwrap();
            let wanted = Status {
                follows: Some(Reference {
                    image: "localhost/os:latest".into(),
                    transport: "registry".into(),
                }),
                booted: deployment("a"),
                staged: Some(deployment("b")),
                rollback: None,
            };
            assert_eq!(status, wanted);
        }
    }

    #[test]
    fn a_system_that_bootc_does_not_manage_is_told_from_an_unknown_output() {
        for text in [
            output(["", "", ""], true),
            // `podman run IMAGE bootc status`
            r#"{"spec":{"image":null},"status":{"booted":null,"staged":null,"rollback":null}}"#
                .into(),
        ] {
            assert_eq!(Status::parse(&text), Err(Error::NotManaged));
        }
        // An ostree deployment that is not of an image.
        let text = output(["a", "", ""], false).replace("\"image\":{\"arch", "\"x\":{\"arch");
        assert_eq!(Status::parse(&text), Err(Error::NotManaged));
        for text in ["", "{", "[]", "status: null", r#"{"status":3}"#] {
            assert!(matches!(Status::parse(text), Err(Error::Syntax(_))));
        }
    }
}
