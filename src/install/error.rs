//! Why there is no base disk.

use std::path::PathBuf;

use super::size;
use crate::host::fs::file;
use crate::host::process;
use crate::host::process::interrupt::Interrupted;
use crate::hypervisor::accelerator;
use crate::{direct_boot, disk, engine, hypervisor, image};

/// A base disk can't be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The image doesn't fit what its disk is for.
    #[error(transparent)]
    Unfit(Box<dyn std::error::Error + Send + Sync>),
    #[error(transparent)]
    Cache(#[from] disk::Error),
    #[error(transparent)]
    Image(#[from] image::Error),
    #[error("image {image}: {source}")]
    DirectBoot {
        image: String,
        source: direct_boot::Error,
    },
    #[error(transparent)]
    Hypervisor(#[from] hypervisor::FindError),
    #[error(transparent)]
    Accelerator(#[from] accelerator::Unavailable),
    #[error("can't run the install's VM")]
    Machine(#[source] engine::Error),
    #[error("can't use {path}")]
    Io {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error(transparent)]
    File(#[from] file::Error),
    #[error("can't start the install's event loop")]
    EventLoop(#[source] std::io::Error),
    /// `bootc install` failed, or the system that it ran in.
    #[error("installing image {image} failed: {reason}{}\n(the whole log is in {})", quoted(.lines), .log.display())]
    Failed {
        image: String,
        reason: String,
        /// The last lines of the log.
        lines: Vec<String>,
        log: PathBuf,
    },
    #[error(
        "image {image} binds images that podman's storage doesn't have{why}: {missing}; \
         build, pull or copy them (`podman image scp`), or pass --bound-images skip"
    )]
    BoundMissing {
        image: String,
        missing: String,
        why: &'static str,
    },
    #[error("image {image} binds an image that can't be used")]
    Bound { image: String, source: image::Error },
    #[error("image {image} has an invalid bound image: {problem}")]
    BoundFile { image: String, problem: String },
    #[error(
        "no space on the host to install image {image}: {} has {free} free, and the install takes {needed} \
         ({parts}); `podman-bootc system df` shows what can go", .folder.display()
    )]
    NoRoom {
        image: String,
        folder: PathBuf,
        free: String,
        needed: String,
        parts: String,
    },
    #[error("can't pack the bound images")]
    BoundStore(#[source] direct_boot::Error),
    #[error(transparent)]
    Size(#[from] size::TooSmall),
    #[error("another process removed the new base disk; try again")]
    Vanished,
    #[error(
        "image {0} has a unified kernel image, which carries its own command line; leave --karg out, and add the \
         arguments in the image"
    )]
    UkiKargs(String),
    /// A container can't install here, for this reason.
    #[error("--install-in container {0}; leave the flag out to install in a VM")]
    NoContainer(&'static str),
    #[error("{0} is for an install in a VM, and this one runs in a container; leave the flag out")]
    OnlyForVm(&'static str),
    #[error(
        "--install-in vm works on Linux only; leave the flag out to install in the podman machine"
    )]
    NoVm,
    #[error("can't {doing}")]
    PodmanMachine {
        doing: &'static str,
        source: process::Error,
    },
    #[error("image {image} is for {architecture}, which is not supported")]
    Architecture { image: String, architecture: String },
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

fn quoted(lines: &[String]) -> String {
    lines.iter().map(|line| format!("\n  | {line}")).collect()
}

/// A failed install.
pub(super) enum Failure {
    /// `bootc install` failed, or the system that it ran in; `lines` are the end of the log.
    Failed { reason: String, lines: Vec<String> },
    /// The tool failed.
    Error(Box<Error>),
}

impl<E: Into<Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Error(Box::new(error.into()))
    }
}
