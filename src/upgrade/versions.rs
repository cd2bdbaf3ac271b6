//! The versions of a VM, and what the host remembers of them.

use super::error::Error;
use super::job::Job;
use super::status::Deployment;
use crate::disk::{Cache, Installed, InstalledLayer};
use crate::image::Image;
use crate::registry::OciFolder;
use crate::vm::events::{Event, Kind};
use crate::vm::spec::Deployed;

/// Deployments that a VM's spec remembers: booted, rollback and staged.
const REMEMBERED: usize = 3;

/// The version that is to boot.
pub enum Version {
    Image(Installed),
    Deployment(Deployment),
}

impl Version {
    pub fn digest(&self) -> &str {
        match self {
            Self::Image(installed) => &installed.manifest,
            Self::Deployment(deployment) => &deployment.digest,
        }
    }

    pub fn is(&self, booted: &Deployment) -> bool {
        match self {
            Self::Image(installed) => is(installed, &booted.digest),
            Self::Deployment(deployment) => deployment.checksum == booted.checksum,
        }
    }
}

impl Job<'_> {
    /// Returns the versions that the VM has or had, as far as the host knows their layers.
    pub(super) fn versions(&self) -> Vec<Deployed> {
        let base = self.vm.spec.base().and_then(|key| {
            let cache = Cache::open(&self.store.dirs().disks()).ok()?;
            let installed = cache.get(key).ok().flatten()?.installed?;
            let image = self.vm.spec.image.clone();
            Some(Deployed { image, installed })
        });
        let deployed = self.vm.spec.deployed.iter().cloned();
        deployed.chain(base).collect()
    }

    /// Returns the name under which the host knows an image's content.
    pub(super) fn known_image(&self, installed: &Installed) -> Option<Image> {
        let mut versions = self.versions().into_iter();
        let known = versions.find(|version| is(&version.installed, &installed.manifest))?;
        known.image
    }

    /// Keeps the layers and the name of the version that runs. `booted` says that this command
    /// booted it; otherwise it may have run all the time.
    pub(super) fn remember(
        &mut self,
        image: Option<Image>,
        installed: Installed,
        booted: bool,
    ) -> Result<(), Error> {
        let is_new = match self.versions().first() {
            Some(before) => !is(&before.installed, &installed.manifest),
            None => booted,
        };
        let version = Deployed { image, installed };
        self.vm.change_spec(|spec| {
            spec.deployed
                .retain(|other| other.installed != version.installed);
            spec.deployed.insert(0, version);
            spec.deployed.truncate(REMEMBERED);
            Ok::<_, Error>(())
        })?;
        if is_new {
            let event = Event::now(Kind::Upgraded, &self.vm.spec, None);
            self.store.events().add(&event);
        }
        Ok(())
    }

    /// The same for a version of which only the digest is known.
    pub(super) fn remember_digest(&mut self, digest: &str, booted: bool) -> Result<(), Error> {
        let mut versions = self.versions().into_iter();
        match versions.find(|version| is(&version.installed, digest)) {
            Some(Deployed { image, installed }) => self.remember(image, installed, booted),
            None => self.remember(
                self.vm
                    .spec
                    .image
                    .clone()
                    .filter(|image| image.digest == digest),
                Installed {
                    manifest: digest.to_owned(),
                    config: String::new(),
                    layers: vec![],
                },
                booted,
            ),
        }
    }
}

/// Returns whether `bootc status` may show this digest for the image.
pub fn is(installed: &Installed, digest: &str) -> bool {
    installed.manifest == digest || installed.config == digest
}

/// Returns the image as the guest gets it.
pub fn installed(folder: &OciFolder) -> Installed {
    let layers = folder.layers().iter().map(|layer| InstalledLayer {
        digest: layer.digest.clone(),
        size: layer.size,
    });
    Installed {
        manifest: folder.manifest().digest.clone(),
        config: folder.config().digest.clone(),
        layers: layers.collect(),
    }
}
