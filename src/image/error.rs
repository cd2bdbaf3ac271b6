//! The errors of the room.

use std::path::PathBuf;

use serde::Deserialize;

use super::other_storages::OtherStorages;
use super::reference::Elsewhere;
use crate::host::process;

/// An image can't be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(
        "podman is not installed, or not on PATH; `podman-bootc doctor` lists the missing programs"
    )]
    NoPodman,
    /// The storage doesn't have the image, and no registry serves an image of that name.
    #[error(
        "image {name} not found in {storage}; build it with `{sudo}podman build -t {name} .`{others}"
    )]
    NotFound {
        name: String,
        /// The storage in words.
        storage: String,
        /// `sudo ` for root's storage.
        sudo: &'static str,
        others: OtherStorages,
    },
    #[error("image {name} not found in {storage}, and `--pull never` is set")]
    NotPulled { name: String, storage: String },
    #[error("image {name} is for {found}, not for {wanted}{remedy}")]
    OtherArch {
        name: String,
        found: String,
        wanted: String,
        /// Why the tool can't get the image for the wanted architecture, or how to get it: the end
        /// of the sentence, or empty.
        remedy: String,
    },
    #[error(transparent)]
    Elsewhere(#[from] Elsewhere),
    #[error(transparent)]
    Machine(#[from] PodmanMachineError),
    #[error(
        "image {0} is not bootable: it has no label containers.bootc=1; \
         build it FROM a bootc base image (`podman-bootc images` lists bootable images)"
    )]
    NotBootable(String),
    #[error("can't {doing}")]
    Podman {
        doing: String,
        source: process::Error,
    },
    /// The index of an image that podman saved can't be changed.
    #[error("can't tag the saved image in {path}")]
    Index {
        path: PathBuf,
        source: std::io::Error,
    },
    /// The folder of an image can't be linked to the place where podman reads it.
    #[error("can't read {image}: can't create the link {link}")]
    Link {
        image: String,
        link: PathBuf,
        source: std::io::Error,
    },
    #[error("can't {doing}: unexpected answer from podman")]
    Answer {
        doing: String,
        source: serde_json::Error,
    },
}

/// The podman machine can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PodmanMachineError {
    #[error("no podman machine exists; create one with `podman machine init --rootful --now`")]
    Missing,
    #[error("the podman machine {0} is not running; start it with `podman machine start {0}`")]
    Stopped(String),
    /// The machine's images belong to an ordinary user in it.
    #[error(
        "the podman machine {0} is rootless, but `bootc install` needs root in it; run `podman machine stop {0}; \
         podman machine set --rootful {0}; podman machine start {0}`, and build your images again"
    )]
    Rootless(String),
}

/// Returns a function that makes a failure of podman an [`Error`]; `doing` follows "can't ".
pub(super) fn cant(doing: impl Into<String>) -> impl FnOnce(process::Error) -> Error {
    |source| Error::Podman {
        doing: doing.into(),
        source,
    }
}

/// Parses an answer of podman; `doing` follows "can't ".
pub(super) fn parse<T: for<'a> Deserialize<'a>>(text: &[u8], doing: &str) -> Result<T, Error> {
    serde_json::from_slice(text).map_err(|source| Error::Answer {
        doing: doing.to_owned(),
        source,
    })
}
