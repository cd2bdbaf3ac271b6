//! Images that the tool puts into podman's storage.

use std::path::Path;

use super::error::cant;
use super::{Error, Podman};
use crate::host::process;

impl Podman {
    /// Stores the image in an OCI folder under this name.
    ///
    /// # Errors
    /// podman can't read the folder, or asks a service on another host.
    pub fn store(&self, folder: &Path, name: &str) -> Result<(), Error> {
        if self.is_remote() {
            return Err(Error::RemoteStore {
                storage: self.storage_name(),
            });
        }
        let doing = format!("store image {name}");
        // podman names an image after its folder, so the folder has a plain name.
        let (above, last) = (folder.parent(), folder.file_name().unwrap_or_default());
        let last = last.to_string_lossy();
        let mut pull = self.command(["pull", "--quiet"]);
        pull.arg(format!("oci:{last}"));
        pull.current_dir(above.unwrap_or(Path::new(".")));
        let id = process::output(&mut pull).map_err(cant(&doing))?;
        let id = String::from_utf8_lossy(&id).trim().to_owned();
        self.run(["tag", &id, name], &doing)?;
        self.run(["untag", &id, &format!("localhost/{last}")], &doing)?;
        Ok(())
    }

    /// Pushes an image of its storage to its registry, with the user's credentials.
    ///
    /// # Errors
    /// The registry refuses it.
    pub fn push(&self, name: &str) -> Result<(), Error> {
        self.run(
            ["push", "--quiet", "--", name],
            &format!("push image {name}"),
        )
        .map(drop)
    }

    /// Returns true if its storage has an image of this name.
    ///
    /// # Errors
    /// podman fails.
    pub fn has(&self, name: &str) -> Result<bool, Error> {
        self.exists(name)
    }
}
