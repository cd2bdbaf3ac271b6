//! The options of commands that use an image.

use crate::hypervisor::Arch;
use crate::image::Pull;
use crate::provision::ImageSource;

/// Where to find an image.
#[derive(Debug, clap::Args)]
pub struct ImageArgs {
    /// Use the images of this podman connection, as with `podman --connection` [default: from
    /// CONTAINER_HOST]
    #[arg(long, value_name = "NAME")]
    connection: Option<String>,
    /// The architecture of the image [default: the local image's, otherwise the host's]
    #[arg(long, value_enum, value_name = "ARCHITECTURE")]
    pub arch: Option<Arch>,
    /// When to pull the image
    #[arg(long, value_enum, default_value_t = Pull::Missing, value_name = "POLICY")]
    pull: Pull,
}

impl ImageArgs {
    pub fn source(&self, name: &str) -> ImageSource {
        ImageSource {
            name: name.to_owned(),
            pull: self.pull,
            arch: self.arch,
            connection: self.connection.clone(),
        }
    }
}
