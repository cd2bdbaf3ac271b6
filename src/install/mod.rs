//! Makes base disks: each image's own `bootc install` runs once, in a VM or in a privileged container.

mod command;
mod container;
mod machine;
mod protocol;

use std::path::PathBuf;

use crate::direct;
use crate::disk::{self, BaseDisk, Cache, Claim, Key, Options, Partial};
use crate::host::dirs::Dirs;
use crate::host::file;
use crate::host::interrupt::Interrupted;
use crate::hypervisor::accelerator;
use crate::hypervisor::qemu;
use crate::image::{self, Facts, Image, Podman};
use crate::ui::{Progress, Stage, format_size};
use crate::vm::console;

/// The root filesystem of an image that names none.
pub const DEFAULT_FILESYSTEM: &str = "ext4";
/// The smallest disk that is made unless another size is asked for. Bytes.
const SMALLEST_DEFAULT: u64 = 10 << 30;

/// Where `bootc install` runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Place {
    /// In a VM, booted directly from the image: needs nothing of the host's kernel, and no root.
    #[default]
    Vm,
    /// In a privileged container: needs root and loop devices.
    Container,
}

/// What installs need of the host.
#[derive(Debug, Clone)]
pub struct Host {
    /// The tool's folders.
    pub dirs: Dirs,
    /// The container engine.
    pub podman: Podman,
    /// What to run the VM's code with.
    pub accelerator: accelerator::Choice,
}

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
        source: direct::Error,
    },
    /// There is no QEMU.
    #[error(transparent)]
    Qemu(#[from] qemu::FindError),
    /// The accelerator that was asked for is not there.
    #[error(transparent)]
    Accelerator(#[from] accelerator::Unavailable),
    /// The VM of the install can't be run.
    #[error("can't run the VM of the install")]
    Machine(#[source] crate::vm::engine::Error),
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
    /// The disk is too small.
    #[error(
        "a disk of {} can't hold image {image}, which takes {} unpacked; pass a larger --disk-size",
        format_size(*.disk),
        format_size(*.needed)
    )]
    TooSmall {
        /// The image's name.
        image: String,
        /// The disk's size in bytes.
        disk: u64,
        /// The image's size in bytes.
        needed: u64,
    },
    /// The container way is not open here.
    #[error("--install-in container {0}; leave the flag out to install in a VM")]
    NoContainer(&'static str),
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

/// The disk's size when none is asked for: twice the image, but not below 10 GiB.
pub fn default_disk_size(image: &Image) -> u64 {
    const MIB: u64 = 1 << 20;
    (image.size * 2).max(SMALLEST_DEFAULT).next_multiple_of(MIB)
}

/// Returns the base disk of this image with these options, and makes it first when it is not there.
///
/// # Errors
/// It can't be made.
pub fn ensure(
    host: &Host,
    image: &Image,
    options: Options,
    place: Place,
    progress: &Progress,
) -> Result<BaseDisk, Error> {
    let key = Key::new(image, &options);
    let cache = Cache::open(&host.dirs.disks())?;
    if let Some(disk) = cache.find(&key)? {
        return Ok(disk);
    }
    if options.disk_size < image.size {
        let image_name = image.reference.clone();
        return Err(Error::TooSmall { image: image_name, disk: options.disk_size, needed: image.size });
    }
    cache.sweep();
    machine::sweep(&host.dirs, &cache);
    let mut stage = progress.stage("install");
    let partial = loop {
        match cache.claim(&key)? {
            Claim::Ready(disk) => return Ok(*disk),
            Claim::Ours(partial) => break partial,
            Claim::Taken => {
                stage.step(&format!("another podman-bootc installs {}; waiting for it", image.reference));
                cache.wait(&key)?;
            }
        }
    };
    let made = Install { host, image, options: &options, partial: &partial }.run(place, &mut stage);
    let facts = match made {
        Ok(facts) => facts,
        Err(Unfinished::Failed { reason, lines }) => {
            let log = partial.keep_log();
            return Err(Error::Failed { image: image.reference.clone(), reason, lines, log });
        }
        Err(Unfinished::Error(error)) => return Err(*error),
    };
    let disk = partial.finish(BaseDisk {
        key,
        image: image.clone(),
        options,
        facts,
        created: jiff::Timestamp::now(),
        file: PathBuf::new(),
    })?;
    stage.done(&format!("{} on a disk of {}", disk.image.reference, format_size(disk.options.disk_size)));
    Ok(disk)
}

/// Why an install came to no good end.
enum Unfinished {
    /// `bootc install`, or the system that it ran in, failed.
    Failed { reason: String, lines: Vec<String> },
    /// Something of ours failed.
    Error(Box<Error>),
}

impl<E: Into<Error>> From<E> for Unfinished {
    fn from(error: E) -> Self {
        Self::Error(Box::new(error.into()))
    }
}

/// One install under way.
struct Install<'a> {
    host: &'a Host,
    image: &'a Image,
    options: &'a Options,
    partial: &'a Partial,
}

impl Install<'_> {
    fn run(&self, place: Place, stage: &mut Stage) -> Result<Facts, Unfinished> {
        let disk = self.partial.disk();
        file::create_sparse(&disk, self.options.disk_size)
            .map_err(|source| Error::Io { path: disk, source })?;
        match place {
            Place::Vm => machine::install(self, stage),
            Place::Container => container::install(self, stage),
        }
    }

    fn direct_error(&self, error: direct::Error) -> Unfinished {
        match error {
            direct::Error::Interrupted(signal) => signal.into(),
            source => Error::Direct { image: self.image.reference.clone(), source }.into(),
        }
    }

    fn failed(&self, reason: impl Into<String>) -> Unfinished {
        const LINES: usize = 15;
        Unfinished::Failed { reason: reason.into(), lines: console::last_words(&self.partial.log(), LINES) }
    }
}
