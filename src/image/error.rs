//! Errors about images.

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
    #[error("image {name} not found in {storage}; {remedy}{others}")]
    NotFound {
        name: String,
        /// The storage in words.
        storage: String,
        /// The command that helps.
        remedy: String,
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
    OutOfReach(#[from] OutOfReach),
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
    #[error(
        "can't store an image in {storage}: write a folder (oci:DIR) instead, and copy it with \
         `skopeo copy oci:DIR docker://NAME`"
    )]
    RemoteStore {
        /// The storage in words.
        storage: String,
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

impl Error {
    /// Returns true if podman's storage lacks the image, and no registry can have it.
    pub fn is_unknown(&self) -> bool {
        matches!(self, Self::NotFound { .. })
    }

    /// Returns true if podman's storage lacks the image, or has it only for another architecture.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::NotPulled { .. } | Self::OtherArch { .. })
    }
}

/// The podman on PATH works on a storage that this system can't see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OutOfReach {
    /// The host has `podman-remote` alone.
    #[error(
        "podman is not installed, only podman-remote, which is a client of another podman; \
         run podman-bootc where that podman runs, or install podman here and name the other one \
         with `--connection NAME` or CONTAINER_HOST, which copies the image"
    )]
    RemoteOnly,
    /// A client without a podman of its own: `podman-remote`, or a script that adds `--remote`.
    #[error(
        "podman here is only a client of another podman, so podman-bootc can't read its images; \
         run podman-bootc where that podman runs, or install podman here and name the other one \
         with `--connection NAME` or CONTAINER_HOST, which copies the image"
    )]
    Client,
    /// A command in a container (a toolbox, a distrobox) that runs the host's podman.
    #[error(
        "podman here is the host's, and its images can't be mounted in this container; \
         run podman-bootc on the host (`flatpak-spawn --host` or `distrobox-host-exec` reach it), or \
         install podman in this container, start podman's socket on the host with `systemctl --user start podman.socket`, \
         and set CONTAINER_HOST=unix://$XDG_RUNTIME_DIR/podman/podman.sock, which copies the image"
    )]
    Host,
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
