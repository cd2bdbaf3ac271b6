//! The description of a base disk.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{InstallOptions, Installed, Key};
use crate::image::{Facts, Image};

/// The immutable disk that was made from one image with one set of install options.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaseDisk {
    pub key: Key,
    pub image: Image,
    pub options: InstallOptions,
    pub facts: Facts,
    /// The image as bootc got it. `None` if the tool doesn't know: bootc read the image from
    /// podman's storage itself (an install in a container), or an earlier version of the tool made
    /// the disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub installed: Option<Installed>,
    /// The time when the disk was finished.
    pub created: jiff::Timestamp,
    /// The raw disk image. The cache sets this path when it reads the description.
    #[serde(skip)]
    pub file: PathBuf,
}
