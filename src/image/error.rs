//! Why an image is not available.

use std::path::PathBuf;

use serde::Deserialize;

use super::other_storages::Elsewhere;
use crate::host::process;

/// An image can't be had.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no podman.
    #[error("podman is not installed, or not on PATH; `podman-bootc doctor` lists what is missing")]
    NoPodman,
    /// A name that no registry serves is not in the storage.
    #[error("no image {name} in {storage}; build it with `{sudo}podman build -t {name} .`{elsewhere}")]
    NotHere {
        /// The image's name as asked for.
        name: String,
        /// The storage that was searched, for people.
        storage: String,
        /// `sudo ` where the storage is root's.
        sudo: &'static str,
        /// Whether the other storage of this host has it, and how to get it from there.
        elsewhere: Elsewhere,
    },
    /// The image is missing, and pulling it is not allowed.
    #[error("no image {name} in {storage}, and `--pull never` forbids to fetch it")]
    NotPulled {
        /// The image's name as asked for.
        name: String,
        /// The storage that was searched, for people.
        storage: String,
    },
    /// It is there, for another architecture.
    #[error("image {name} is for {is}, not for {wanted}{remedy}")]
    OtherArch {
        /// The image's name as asked for.
        name: String,
        /// The architecture that it is for.
        is: String,
        /// The one that was asked for.
        wanted: String,
        /// What keeps the tool from getting that one, or how to get it; empty, or the end of a sentence.
        remedy: String,
    },
    /// On this system images are in the podman machine, and that can't be used.
    #[error(transparent)]
    Machine(#[from] Unusable),
    /// It is not a bootable image.
    #[error(
        "image {0} is not bootable: it has no label containers.bootc=1; \
         build it FROM a bootc base image (see `podman-bootc images`)"
    )]
    NotBootable(String),
    /// podman failed.
    #[error("can't {doing}")]
    Podman {
        /// What was being done.
        doing: String,
        /// podman's own words.
        source: process::Error,
    },
    /// The index of an image that podman saved can't be given a tag.
    #[error("can't tag the saved image in {path}")]
    Index {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The folder of an image can't be linked to where podman is to read it.
    #[error("can't read {image}: can't make the link {link}")]
    Link {
        /// The image.
        image: String,
        /// The link.
        link: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// podman answered something else than expected.
    #[error("can't {doing}: podman's answer is not understood")]
    Answer {
        /// What was being done.
        doing: String,
        /// What is wrong in it.
        source: serde_json::Error,
    },
}

/// The podman machine can't be used as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// There is none.
    #[error("there is no podman machine; `podman machine init --rootful --now` makes one")]
    None,
    /// It is not running.
    #[error("the podman machine {0} is not running; `podman machine start {0}` starts it")]
    Stopped(String),
    /// Its images belong to a user in it.
    #[error(
        "the podman machine {0} is rootless, and `bootc install` needs root in it; `podman machine stop {0}; \
         podman machine set --rootful {0}; podman machine start {0}` changes that (images that were built before \
         have to be built anew)"
    )]
    Rootless(String),
}

/// Reads an answer of podman.
pub(super) fn parse<T: for<'a> Deserialize<'a>>(text: &[u8], doing: &str) -> Result<T, Error> {
    serde_json::from_slice(text).map_err(|source| Error::Answer { doing: doing.to_owned(), source })
}
