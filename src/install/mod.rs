//! Makes base disks: each image's own `bootc install` runs once, in a VM or in a privileged container.

mod channel;
mod in_container;
mod in_vm;
mod podman_machine;
mod size;
mod to_disk;

use std::cell::Cell;
use std::path::PathBuf;

pub use size::{TooSmall, default_disk_size};

use channel::Config;

use crate::direct_boot;
use crate::disk::{self, BaseDisk, Cache, Claim, InUse, Key, Options, Partial};
use crate::engine::console_text;
use crate::host::fs::dirs::Dirs;
use crate::host::fs::file;
use crate::host::process::interrupt::Interrupted;
use crate::host::{Os, fault, process};
use crate::hypervisor::{self, accelerator};
use crate::image::{self, Facts, Image, Podman, StorageInUse};
use crate::text::format_size;
use crate::text::{Progress, Stage};
use crate::vm::Store;

/// The root filesystem of an image that names none.
pub const DEFAULT_FILESYSTEM: &str = "ext4";

/// Where `bootc install` runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Place {
    /// In a VM, booted directly from the image: needs nothing of the host's kernel, and no root.
    #[default]
    Vm,
    /// In a privileged container: needs root and loop devices.
    Container,
}

impl Place {
    /// Where it is done unless the user says otherwise: on other systems than Linux images are in the podman
    /// machine, and so is all that an install needs.
    pub fn usual(os: Os) -> Self {
        match os {
            Os::Linux => Self::Vm,
            Os::Macos | Os::Windows => Self::Container,
        }
    }
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
    /// Base disks that are not used go when all take more bytes than this.
    pub cache_limit: Option<u64>,
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
    Machine(#[source] crate::engine::Error),
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
    /// It can't be told which base disks VMs stand on.
    #[error(transparent)]
    Store(#[from] crate::vm::store::Error),
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

/// What a base disk is wanted for.
#[derive(Debug)]
pub struct Wanted<'a> {
    /// The image.
    pub image: &'a Image,
    /// The install options.
    pub options: Options,
    /// Where to install, if need be.
    pub place: Place,
    /// A disk that is there already won't do.
    pub anew: bool,
    /// A smaller disk will do, if the system on it grows with the disk.
    pub growable: bool,
    /// The storage that the image is in, if it is not podman's usual one; let go as soon as nothing more is read.
    pub in_use: Option<StorageInUse>,
    /// That of the kernel arguments which the user has not asked for.
    pub console: Option<String>,
}

/// Returns the base disk of this image with these options, and makes it first when it is not there.
///
/// # Errors
/// It can't be made.
pub fn ensure(host: &Host, wanted: Wanted, progress: &dyn Progress) -> Result<InUse, Error> {
    let Wanted { image, options, place, mut anew, growable, in_use, console } = wanted;
    size::check(image, &options)?;
    let key = Key::new(image, &options);
    let cache = Cache::open(&host.dirs.disks())?;
    cache.sweep();
    if !anew {
        if let Some(disk) = cache.hold(&key)? {
            return Ok(disk);
        }
        if growable && let Some(disk) = find_growable(&cache, image, &options)? {
            return Ok(disk);
        }
    }
    in_vm::sweep(&host.dirs, &cache);
    let mut stage = progress.stage("install");
    let partial = loop {
        match cache.claim(&key, anew)? {
            // Removed by someone in between: made once more.
            Claim::Ready(_) => match cache.hold(&key)? {
                Some(disk) => return Ok(disk),
                None => continue,
            },
            Claim::Ours(partial) => break partial,
            Claim::Taken => {
                stage.step(&format!("another podman-bootc installs {}; waiting for it", image.reference));
                cache.wait(&key)?;
                // What it made is newer than our wish.
                anew = false;
            }
        }
    };
    let in_use = Cell::new(in_use);
    let console = console.as_deref();
    let install = Install { host, image, options: &options, console, partial: &partial, in_use };
    let made = install.run(place, &mut *stage);
    fault::point("install-done");
    let facts = match made {
        Ok(facts) => facts,
        Err(Unfinished::Failed { reason, lines }) => {
            let log = partial.keep_log();
            return Err(Error::Failed { image: image.reference.clone(), reason, lines, log });
        }
        Err(Unfinished::Error(error)) => return Err(*error),
    };
    let disk = partial.finish(BaseDisk {
        key: key.clone(),
        image: image.clone(),
        options,
        facts,
        created: jiff::Timestamp::now(),
        file: PathBuf::new(),
    })?;
    let held = cache.hold(&disk.key)?.ok_or(Error::Vanished)?;
    stage.done(&format!("{} on a disk of {}", disk.image.reference, format_size(disk.options.disk_size)));
    if let Err(error) = tidy(host, &cache, &disk.key, progress) {
        tracing::warn!(error = crate::text::error_chain(&error), "old base disks stay");
    }
    Ok(held)
}

/// The largest smaller disk, of the same image and otherwise the same options, whose system grows by itself.
fn find_growable(cache: &Cache, image: &Image, options: &Options) -> Result<Option<InUse>, Error> {
    let alike = |disk: &BaseDisk| {
        let size = disk.options.disk_size;
        let grows = disk.facts.grows && size < options.disk_size;
        grows
            && disk.key.content()
                == Key::new(image, &Options { disk_size: size, ..options.clone() }).content()
    };
    let best = cache.list()?.into_iter().filter(alike).max_by_key(|disk| disk.options.disk_size);
    Ok(best.map(|disk| cache.hold(&disk.key)).transpose()?.flatten())
}

/// Removes what the new disk replaces, and what is beyond the limit.
fn tidy(host: &Host, cache: &Cache, new: &Key, progress: &dyn Progress) -> Result<(), Error> {
    let store = Store::new(&host.dirs);
    let used = |key: &Key| -> Result<bool, Error> { Ok(store.uses(key)?) };
    disk::remove_superseded(cache, new, used)?;
    if let Some(limit) = host.cache_limit {
        for cached in disk::trim(cache, limit, used)? {
            let (name, size) = (cached.disk.image.reference, format_size(cached.size));
            progress.note(&format!("removed the base disk of {name} ({size}): the cache is over its limit"));
        }
    }
    Ok(())
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
    console: Option<&'a str>,
    partial: &'a Partial,
    in_use: Cell<Option<StorageInUse>>,
}

impl Install<'_> {
    fn run(&self, place: Place, stage: &mut dyn Stage) -> Result<Facts, Unfinished> {
        let disk = self.partial.disk();
        file::create_sparse(&disk, self.options.disk_size)
            .map_err(|source| Error::Io { path: disk, source })?;
        match (place, Os::current()) {
            (Place::Vm, Os::Linux) => in_vm::install(self, stage),
            (Place::Vm, _) => Err(Error::NoVm.into()),
            (Place::Container, os) => in_container::install(self, os, stage),
        }
    }

    /// Refuses what can't be installed of this image.
    fn check(&self, facts: &Facts) -> Result<(), Error> {
        if facts.uki && self.options.kargs.iter().any(|karg| Some(karg.as_str()) != self.console) {
            return Err(Error::UkiKargs(self.image.reference.clone()));
        }
        let composefs =
            self.options.composefs || to_disk::needs_composefs(facts, self.options.bootloader.as_deref());
        Ok(size::check(self.image, &Options { composefs, ..self.options.clone() })?)
    }

    /// The command line up to where it installs to; what is not as the user might expect is said.
    fn command(&self, facts: &Facts, config: &Config, stage: &dyn Stage) -> Vec<String> {
        let (options, notes) = to_disk::fit(self.options, self.console, &self.image.reference, facts, config);
        notes.iter().for_each(|note| stage.note(note));
        to_disk::to_disk(&options)
    }

    fn direct_error(&self, error: direct_boot::Error) -> Unfinished {
        match error {
            direct_boot::Error::Interrupted(signal) => signal.into(),
            source => Error::Direct { image: self.image.reference.clone(), source }.into(),
        }
    }

    fn failed(&self, reason: impl Into<String>) -> Unfinished {
        const LINES: usize = 15;
        let (mut reason, lines) = (reason.into(), console_text::last_words(&self.partial.log(), LINES));
        // What it says last is the cause, and the rest is talk of the programs that it calls.
        if let Some(cause) = lines.iter().rev().find_map(|line| line.strip_prefix("error: ")) {
            reason = format!("{reason}: {}", crate::text::plain(cause));
        }
        Unfinished::Failed { reason, lines }
    }
}
