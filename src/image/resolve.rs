//! Finding an image: in podman's storage, in a file, or at its registry.

use serde::Deserialize;

use super::error::parse;
use super::other_storages;
use super::other_storages::Elsewhere;
use super::reference::{is_file, is_local, looks_like_id, without_tag};
use super::{Error, Image, Podman};

/// When to ask a registry, as podman's `--pull`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Pull {
    /// When the image is not in podman's storage.
    Missing,
    /// Never.
    Never,
    /// Each time, so that a moved tag is seen.
    Always,
}

/// Which image is wanted.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// A name, short name, ID or beginning of an ID; or an image in a file, by containers-transports(5).
    pub name: &'a str,
    /// When to ask a registry.
    pub pull: Pull,
    /// The architecture that it has to be for, in OCI's terms; else any, and the host's when it is pulled.
    pub arch: Option<&'a str>,
}

impl Request<'_> {
    fn accepts(&self, image: &Image) -> bool {
        self.arch.is_none_or(|wanted| image.architecture == wanted)
    }
}

impl Podman {
    /// Finds a bootable image; pulls it when the request says so, and calls `pulling` before.
    ///
    /// A name stands for one architecture's image at a time: pulling another one's moves it, as it does for podman.
    ///
    /// # Errors
    /// Not found, not bootable, for another architecture, or podman fails.
    pub fn resolve(&self, request: &Request, mut pulling: impl FnMut()) -> Result<Image, Error> {
        let asked = request.name;
        if is_file(asked) {
            pulling();
            let id = self.read_file(asked, request.arch)?;
            return bootable(fitting(request, self.inspect(&id)?, String::new)?);
        }
        let can_pull = !is_local(asked) && !looks_like_id(asked);
        let mut pull = || {
            pulling();
            self.pull(asked, request.arch)?;
            fitting(request, self.inspect(asked)?, || ": its registry has no other".into())
        };
        if request.pull == Pull::Always && can_pull {
            return bootable(pull()?);
        }
        let found = self.inspect(asked);
        if !found.as_ref().is_ok_and(|image| request.accepts(image))
            && let Some(image) = self.in_list(request)?
        {
            return bootable(image);
        }
        let image = match found {
            Ok(image) if request.accepts(&image) => image,
            Ok(image) if can_pull && !is_local(&image.reference) && request.pull != Pull::Never => pull()?,
            Ok(image) => {
                let remedy = self.remedy(request, &image);
                fitting(request, image, || remedy)?
            }
            Err(error) => {
                if self.exists(asked)? {
                    return Err(error);
                }
                match request.pull {
                    _ if !can_pull => return Err(self.not_here(asked)),
                    Pull::Never => {
                        return Err(Error::NotPulled { name: asked.to_owned(), storage: self.storage() });
                    }
                    Pull::Missing | Pull::Always => pull()?,
                }
            }
        };
        bootable(image)
    }

    /// The image for the wanted architecture in a list of images, as `podman build --manifest` makes them: podman
    /// itself looks only for that of the host's.
    fn in_list(&self, request: &Request) -> Result<Option<Image>, Error> {
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
        let Some(wanted) = request.arch.filter(|_| !looks_like_id(name)) else { return Ok(None) };
        let doing = format!("inspect the list of images {name}");
        // Of an image that is no list, this is an error to podman.
        if self.run(["manifest", "exists", "--", name], &doing).is_err() {
            return Ok(None);
        }
        let list: List = parse(&self.run(["manifest", "inspect", "--", name], &doing)?, &doing)?;
        let Some(instance) = list.manifests.into_iter().find(|one| one.platform.architecture == wanted)
        else {
            return Ok(None);
        };
        let image = self.inspect(&format!("{}@{}", without_tag(name), instance.digest))?;
        Ok(Some(Image { reference: name.to_owned(), ..image }))
    }

    fn not_here(&self, asked: &str) -> Error {
        let elsewhere = match self.service {
            Some(_) => Elsewhere::Nowhere,
            None => other_storages::look(asked, self.rootless),
        };
        Error::NotHere { name: asked.to_owned(), storage: self.storage(), sudo: self.sudo(), elsewhere }
    }

    /// What keeps the tool from getting an image for the architecture that was asked for, when it is there for
    /// another one.
    fn remedy(&self, request: &Request, image: &Image) -> String {
        match (request.arch, is_local(&image.reference)) {
            _ if looks_like_id(request.name) => String::new(),
            (Some(wanted), true) => {
                let (sudo, name) = (self.sudo(), request.name);
                format!("; build that one with `{sudo}podman build --arch {wanted} -t {name} .`")
            }
            _ => format!(" in {}, and `--pull never` forbids to fetch that one", self.storage()),
        }
    }

    /// How the user's own commands begin that work on the same storage.
    fn sudo(&self) -> &'static str {
        if self.rootless || self.service.is_some() { "" } else { "sudo " }
    }
}

/// The image, if it is for the architecture that was asked for.
fn fitting(request: &Request, image: Image, remedy: impl FnOnce() -> String) -> Result<Image, Error> {
    match request.arch {
        Some(wanted) if !request.accepts(&image) => Err(Error::OtherArch {
            name: request.name.to_owned(),
            is: image.architecture,
            wanted: wanted.to_owned(),
            remedy: remedy(),
        }),
        _ => Ok(image),
    }
}

fn bootable(image: Image) -> Result<Image, Error> {
    if image.has_bootc_label() { Ok(image) } else { Err(Error::NotBootable(image.reference)) }
}
