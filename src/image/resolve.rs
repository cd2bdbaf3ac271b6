//! Finding an image: in podman's storage, in a file, or at its registry.

use serde::Deserialize;

use super::container_image::Image;
use super::error::{Error, parse};
use super::other_storages::{self, OtherStorages};
use super::podman::Podman;
use super::reference::{
    completed, is_file, is_local, looks_like_id, without_tag, without_transport,
};

/// When to ask a registry, as podman's `--pull`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Pull {
    /// If the image is not in podman's storage.
    Missing,
    Never,
    /// Each time, so that a moved tag is found.
    Always,
}

/// The image that the user asks for.
#[derive(Debug, Clone, Copy)]
pub struct ImageRequest<'a> {
    /// A name, a short name, an ID or its beginning, or an image in a file as in
    /// containers-transports(5).
    pub name: &'a str,
    pub pull: Pull,
    /// The required architecture in OCI's terms. `None` accepts any, and pulls the host's.
    pub arch: Option<&'a str>,
}

impl ImageRequest<'_> {
    /// Returns true if a registry may have the image, and may be asked.
    pub fn may_pull(&self) -> bool {
        let name = without_transport(self.name).unwrap_or(self.name);
        self.pull != Pull::Never && !is_local(name) && !looks_like_id(name)
    }

    fn accepts(&self, image: &Image) -> bool {
        self.arch.is_none_or(|wanted| image.architecture == wanted)
    }
}

impl Podman {
    /// Finds a bootable image. Calls `pulling` before it pulls the image.
    ///
    /// A name means the image for one architecture at a time. As with podman itself, pulling
    /// another one moves the name.
    pub fn resolve(&self, request: &ImageRequest, pulling: impl FnMut()) -> Result<Image, Error> {
        bootable(self.find_any(request, pulling)?)
    }

    /// Finds an image that needn't be bootable.
    pub fn find_any(
        &self,
        request: &ImageRequest,
        mut pulling: impl FnMut(),
    ) -> Result<Image, Error> {
        let asked = without_transport(request.name)?;
        let request = &ImageRequest {
            name: asked,
            ..*request
        };
        if is_file(asked) {
            pulling();
            let id = self.read_file(asked, request.arch)?;
            return check_arch(request, self.inspect(&id)?, String::new);
        }
        let can_pull = !is_local(asked) && !looks_like_id(asked);
        let mut pull = || {
            pulling();
            self.pull(asked, request.arch)?;
            check_arch(request, self.inspect(asked)?, || {
                ": its registry has no image for that architecture".into()
            })
        };
        if request.pull == Pull::Always && can_pull {
            return pull();
        }
        let found = self.inspect(asked);
        if !found.as_ref().is_ok_and(|image| request.accepts(image))
            && let Some(image) = self.find_in_manifest_list(request)?
        {
            return Ok(image);
        }
        let image = match found {
            Ok(image) if request.accepts(&image) => image,
            Ok(image) if can_pull && !is_local(&image.reference) && request.pull != Pull::Never => {
                pull()?
            }
            Ok(image) => {
                let remedy = self.remedy(request, &image);
                check_arch(request, image, || remedy)?
            }
            Err(error) => {
                if self.exists(asked)? {
                    return Err(error);
                }
                match request.pull {
                    _ if !can_pull => return Err(self.not_found(asked)),
                    Pull::Never => {
                        return Err(Error::NotPulled {
                            name: asked.to_owned(),
                            storage: self.storage_name(),
                        });
                    }
                    Pull::Missing | Pull::Always => pull()?,
                }
            }
        };
        Ok(image)
    }

    /// Returns the image for the wanted architecture from a manifest list, as
    /// `podman build --manifest` makes one. podman itself takes only the image for the host's.
    fn find_in_manifest_list(&self, request: &ImageRequest) -> Result<Option<Image>, Error> {
        #[derive(Deserialize)]
        struct List {
            manifests: Vec<Instance>,
        }
        #[derive(Deserialize)]
        struct Instance {
            digest: String,
            platform: Platform,
        }
        #[derive(Deserialize)]
        struct Platform {
            architecture: String,
        }
        let name = request.name;
        let Some(wanted) = request.arch.filter(|_| !looks_like_id(name)) else {
            return Ok(None);
        };
        let doing = format!("inspect the manifest list {name}");
        // podman fails for an image that isn't a list.
        if self
            .run(["manifest", "exists", "--", name], &doing)
            .is_err()
        {
            return Ok(None);
        }
        let list: List = parse(
            &self.run(["manifest", "inspect", "--", name], &doing)?,
            &doing,
        )?;
        let Some(instance) = list
            .manifests
            .into_iter()
            .find(|one| one.platform.architecture == wanted)
        else {
            return Ok(None);
        };
        let image = self.inspect(&format!("{}@{}", without_tag(name), instance.digest))?;
        Ok(Some(Image {
            reference: completed(name),
            ..image
        }))
    }

    fn not_found(&self, asked: &str) -> Error {
        let others = match self.service {
            Some(_) => OtherStorages::NotFound,
            None => other_storages::search(asked, self.rootless),
        };
        let sudo = self.sudo();
        // No build gives an image a certain ID or digest.
        let remedy = match looks_like_id(asked) || asked.contains('@') {
            true => format!("`{sudo}podman images --digests` lists the images there"),
            false => format!("build it with `{sudo}podman build -t {asked} .`"),
        };
        Error::NotFound {
            name: asked.to_owned(),
            storage: self.storage_name(),
            remedy,
            others,
        }
    }

    /// Returns the end of the error for an image that exists only for another architecture.
    fn remedy(&self, request: &ImageRequest, image: &Image) -> String {
        match (request.arch, is_local(&image.reference)) {
            _ if looks_like_id(request.name) => String::new(),
            (Some(wanted), true) => {
                let (sudo, name) = (self.sudo(), request.name);
                format!(
                    "; build it for {wanted} with `{sudo}podman build --arch {wanted} -t {name} .`"
                )
            }
            _ => format!(" in {}, and `--pull never` is set", self.storage_name()),
        }
    }

    /// Returns the beginning of a user's command that works on the same storage.
    fn sudo(&self) -> &'static str {
        if self.rootless || self.service.is_some() {
            ""
        } else {
            "sudo "
        }
    }
}

fn check_arch(
    request: &ImageRequest,
    image: Image,
    remedy: impl FnOnce() -> String,
) -> Result<Image, Error> {
    match request.arch {
        Some(wanted) if !request.accepts(&image) => Err(Error::OtherArch {
            name: request.name.to_owned(),
            found: image.architecture,
            wanted: wanted.to_owned(),
            remedy: remedy(),
        }),
        _ => Ok(image),
    }
}

fn bootable(image: Image) -> Result<Image, Error> {
    if image.has_bootc_label() {
        Ok(image)
    } else {
        Err(Error::NotBootable(image.reference))
    }
}
