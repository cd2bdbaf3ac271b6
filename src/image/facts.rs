//! Facts about the system in an image, which its files tell.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The first version of systemd that takes an SSH key from a credential.
pub const KEY_CREDENTIAL: u32 = 252;
/// The first version of systemd that takes units from credentials.
pub const UNIT_CREDENTIALS: u32 = 256;
/// The first version of systemd whose sshd listens on `AF_VSOCK`.
pub const SSHD_ON_VSOCK: u32 = 256;

/// The facts that the tool needs before the system boots.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// [`Self::READER`] of the program that read them.
    #[serde(default)]
    pub reader: u32,
    /// The kernel's release, as `uname -r` prints it.
    pub kernel: String,
    /// What newer kernels lack, which the tool therefore doesn't boot.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skipped_kernels: Vec<String>,
    /// The kernel arguments in the image's `kargs.d`.
    pub kargs: Vec<String>,
    /// True if SELinux is enforcing or permissive.
    pub selinux: bool,
    /// True if the image has an SSH server.
    pub sshd: bool,
    /// systemd's major version, if it is known.
    pub systemd: Option<u32>,
    /// True if the root filesystem can grow to the size of the disk at boot.
    #[serde(default)]
    pub grows: bool,
    /// True if the kernel is a unified kernel image that bootc installs. Its command line is part
    /// of the image.
    #[serde(default)]
    pub uki: bool,
    /// True if the image has bootupd. Without it, bootc can only install systemd-boot.
    #[serde(default)]
    pub bootupd: bool,
    /// The home folder of each user, also of those that systemd-sysusers makes at boot.
    pub homes: BTreeMap<String, String>,
    /// The numeric user and group IDs of each user, if they are known before the boot.
    #[serde(default)]
    pub owners: BTreeMap<String, (u32, u32)>,
    /// The names of the container images that are bound to the system.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bound_images: Vec<String>,
    /// Why bootc can't read which images are bound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bound_problem: Option<String>,
}

impl Facts {
    /// Grows when the tool looks for more facts, so that it reads those of known images again.
    pub const READER: u32 = 1;
}
