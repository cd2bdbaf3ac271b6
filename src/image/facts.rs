//! What an image's files tell about the system in it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What the tool has to know of a system before it boots.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// The kernel's version.
    pub kernel: String,
    /// Kernel arguments that the image asks for.
    pub kargs: Vec<String>,
    /// SELinux is enforcing or permissive in it.
    pub selinux: bool,
    /// It has an SSH server.
    pub sshd: bool,
    /// systemd's major version, where it could be told.
    pub systemd: Option<u32>,
    /// Its root filesystem can be made to grow with the disk at boot.
    #[serde(default)]
    pub grows: bool,
    /// Its kernel is a unified kernel image, as bootc installs one: its command line is its own.
    #[serde(default)]
    pub uki: bool,
    /// It has bootupd, without which bootc can only install systemd-boot.
    #[serde(default)]
    pub bootupd: bool,
    /// Home folders by user.
    pub homes: BTreeMap<String, String>,
    /// Numbers of user and group by user.
    #[serde(default)]
    pub owners: BTreeMap<String, (u32, u32)>,
}
