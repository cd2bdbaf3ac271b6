//! Why there is no base disk.

use std::path::PathBuf;

use super::size;
use crate::host::process;
use crate::host::process::interrupt::Interrupted;
use crate::hypervisor::accelerator;
use crate::{direct_boot, disk, engine, hypervisor, image};

/// A base disk can't be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The disk cache fails.
    #[error(transparent)]
    Cache(#[from] disk::Error),
    /// podman fails.
    #[error(transparent)]
    Image(#[from] image::Error),
    /// The image can't be booted directly.
    #[error("image {image}: {source}")]
    Direct {
        /// Its name.
        image: String,
        /// What is missing.
        source: direct_boot::Error,
    },
    /// There is no hypervisor for the VM of the install.
    #[error(transparent)]
    Hypervisor(#[from] hypervisor::FindError),
    /// The accelerator that was asked for is not there.
    #[error(transparent)]
    Accelerator(#[from] accelerator::Unavailable),
    /// The VM of the install can't be run.
    #[error("can't run the VM of the install")]
    Machine(#[source] engine::Error),
    /// A file can't be used.
    #[error("can't use {path}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// `bootc install` failed.
    #[error("installing image {image} failed: {reason}{}\n(the whole log is in {})", quoted(.lines), .log.display())]
    Failed {
        /// The image's name.
        image: String,
        /// What ended it.
        reason: String,
        /// The last lines of its output.
        lines: Vec<String>,
        /// The log's file.
        log: PathBuf,
    },
    /// The disk can't hold the image.
    #[error(transparent)]
    Size(#[from] size::TooSmall),
    /// The disk that was just made is gone.
    #[error("the base disk was removed as soon as it was made; try again")]
    Vanished,
    /// Its kernel can't be given arguments.
    #[error(
        "image {0} has a unified kernel image, whose command line is its own: leave --karg out; arguments go into \
         the image"
    )]
    UkiKargs(String),
    /// The container way is not open here.
    #[error("--install-in container {0}; leave the flag out to install in a VM")]
    NoContainer(&'static str),
    /// The way of a VM is not open here.
    #[error("--install-in vm works on Linux only; leave the flag out to install in the podman machine")]
    NoVm,
    /// What is said of the image in the podman machine is not understood, or its disk can't be had from there.
    #[error("can't {doing}")]
    InMachine {
        /// What was being done.
        doing: &'static str,
        /// What failed.
        source: process::Error,
    },
    /// The image is for another kind of machine.
    #[error("image {image} is for {architecture}, which is not supported")]
    Architecture {
        /// Its name.
        image: String,
        /// Its architecture.
        architecture: String,
    },
    /// The tool was interrupted.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

fn quoted(lines: &[String]) -> String {
    lines.iter().map(|line| format!("\n  | {line}")).collect()
}
