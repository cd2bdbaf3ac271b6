//! Where an image comes from: podman's storage, a registry, a file or another podman.

use super::{Error, Provisioner};
use crate::host::Os;
use crate::hypervisor::Arch;
use crate::image::{Image, ImageRequest, LockedStorage, Podman, Pull, Service, Storage, is_file};
use crate::text::Progress;

/// An image as the user names it.
#[derive(Debug, Clone)]
pub struct ImageSource {
    /// A name, an ID, or a file (`oci:DIR`, `oci-archive:FILE`, `docker-archive:FILE`).
    pub name: String,
    pub pull: Pull,
    pub arch: Option<Arch>,
    /// A podman connection; without one the environment may name a podman service.
    pub connection: Option<String>,
}

/// An image and the podman whose storage contains it.
pub struct FoundImage {
    pub podman: Podman,
    pub image: Image,
    /// A lock on the storage for images from elsewhere. The caller holds it until it has read the
    /// image.
    pub in_use: Option<LockedStorage>,
}

impl Provisioner<'_> {
    /// Finds an image. Pulls it if it is missing, and copies it if another podman has it.
    ///
    /// # Errors
    /// podman is not installed, or the image is not available.
    pub fn find_image(&self, source: &ImageSource) -> Result<FoundImage, Error> {
        self.find_image_here(source)
            .map_err(|error| match (error, Podman::find()) {
                (Error::Image(error), Ok(podman)) => podman.explain(error).into(),
                (error, _) => error,
            })
    }

    fn find_image_here(&self, source: &ImageSource) -> Result<FoundImage, Error> {
        let request = ImageRequest {
            name: &source.name,
            pull: source.pull,
            arch: source.arch.map(Arch::oci_name),
        };
        let mut stage = self.progress.stage("image");
        let connection = source.connection.as_deref();
        let mut pulling = || stage.step("pulling the image");
        let found = if Os::current() != Os::Linux {
            let podman = Podman::for_images(Os::current(), Service::chosen(connection))?;
            if is_file(request.name) {
                return Err(Error::ImageFile);
            }
            FoundImage {
                image: podman.resolve(&request, pulling)?,
                podman,
                in_use: None,
            }
        } else if is_file(request.name) {
            let in_use = self.own_storage(|| stage.step(WAITING))?;
            let podman = Podman::find()?.with_storage(Some(in_use.storage().clone()));
            let image = podman.resolve(&request, || stage.step("reading the image's file"))?;
            FoundImage {
                image,
                podman,
                in_use: Some(in_use),
            }
        } else if let Some(service) = Service::chosen(connection) {
            let other = Podman::find()?.with_service(service);
            let in_use = self.own_storage(|| stage.step(WAITING))?;
            let podman = Podman::find()?.with_storage(Some(in_use.storage().clone()));
            let found = other.resolve(&request, || stage.step("pulling the image"))?;
            stage.step("copying the image (if not cached)");
            let image = podman.copy_from(&other, found, &Storage::of(self.dirs).archive())?;
            FoundImage {
                image,
                podman,
                in_use: Some(in_use),
            }
        } else {
            let podman = Podman::find()?;
            FoundImage {
                image: podman.resolve(&request, &mut pulling)?,
                podman,
                in_use: None,
            }
        };
        let image = &found.image;
        stage.done(&format!("{} ({})", image.reference, image.short_id()));
        note_emulation(image, self.progress);
        Ok(found)
    }

    fn own_storage(&self, waiting: impl FnOnce()) -> Result<LockedStorage, Error> {
        Storage::of(self.dirs).lock(waiting).map_err(Error::Storage)
    }
}

const WAITING: &str = "waiting for another podman-bootc that reads an image from elsewhere";

fn note_emulation(image: &Image, progress: &dyn Progress) {
    if let Some(arch) =
        Arch::from_oci(&image.architecture).filter(|arch| Arch::host() != Some(*arch))
    {
        let (name, arch) = (&image.reference, arch.name());
        progress.note(&format!(
            "image {name} is for {arch}: the VM is emulated, which is slow"
        ));
    }
}
