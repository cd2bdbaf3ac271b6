//! The description of a base disk.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{InstallOptions, Key};
use crate::image::{Facts, Image};

/// The immutable disk that was made from one image with one set of install options.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaseDisk {
    pub key: Key,
    pub image: Image,
    pub options: InstallOptions,
    pub facts: Facts,
    /// The time when the disk was finished.
    pub created: jiff::Timestamp,
    /// The raw disk image. The cache sets this path when it reads the description.
    #[serde(skip)]
    pub file: PathBuf,
}
