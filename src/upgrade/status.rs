//! The output of `bootc status --format=json --format-version=1`, of both backends.

use serde::Deserialize;

/// The boot type of a unified kernel image.
const UKI: &str = "Uki";

/// A guest's deployments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// The image that the guest follows: its next `bootc upgrade` pulls this one.
    pub follows: Option<Reference>,
    pub booted: Deployment,
    pub staged: Option<Deployment>,
    pub rollback: Option<Deployment>,
    /// The rollback is the next to boot: `bootc rollback` would make the booted one the next.
    pub rollback_queued: bool,
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
    /// It was staged by `bootc upgrade --download-only`: no reboot boots it.
    pub download_only: bool,
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
#[serde(rename_all = "camelCase")]
struct HostStatus {
    booted: Option<Entry>,
    staged: Option<Entry>,
    rollback: Option<Entry>,
    #[serde(default)]
    rollback_queued: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    image: Option<EntryImage>,
    #[serde(default)]
    soft_reboot_capable: bool,
    #[serde(default)]
    download_only: bool,
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
#[serde(rename_all = "camelCase")]
struct Composefs {
    verity: String,
    #[serde(default)]
    boot_type: String,
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
            rollback_queued,
        } = host.status;
        let is_uki = |entry: &Entry| {
            let composefs = entry.composefs.as_ref();
            composefs.is_some_and(|composefs| composefs.boot_type == UKI)
        };
        Ok(Self {
            // A staged deployment goes first; `bootc rollback` drops it. Up to bootc 1.16.9, the
            // field has the opposite value for unified kernel images under systemd-boot:
            // https://github.com/bootc-dev/bootc/issues/2405
            rollback_queued: rollback_queued
                && staged.is_none()
                && !booted.as_ref().is_some_and(is_uki),
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
            download_only: self.download_only,
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
                download_only: false,
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
                rollback_queued: false,
            };
            assert_eq!(status, wanted);
        }
    }

    #[test]
    fn a_rollback_is_queued_where_bootc_can_tell() {
        for (slots, composefs, kind, queued) in [
            (["a", "", "b"], true, "Bls", true),
            (["a", "", "b"], false, "Bls", true),
            (["a", "c", "b"], false, "Bls", false),
            (["a", "", "b"], true, "Uki", false),
        ] {
            let text = output(slots, composefs)
                .replace("\"rollbackQueued\":false", "\"rollbackQueued\":true")
                .replace("Bls", kind);
            assert_eq!(
                Status::parse(&text).unwrap().rollback_queued,
                queued,
                "{text}"
            );
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
