//! Returns the base disk of an image from the cache, or makes it.

use std::cell::Cell;
use std::path::PathBuf;

use super::error::Error;
use super::job::{Check, Failure, Host, Install, Made};
use super::{in_container, in_vm, size};
use crate::disk::{self, BaseDisk, Cache, Claim, InstallOptions, Key, Lease};
use crate::host::fs::file;
use crate::host::{Os, fault};
use crate::image::{Image, LockedStorage};
use crate::text::{Progress, Stage, format_size};

/// The place where `bootc install` runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Place {
    /// A VM, booted directly from the image. It needs neither root nor features of the host's
    /// kernel.
    #[default]
    Vm,
    /// A privileged container. It needs root and loop devices.
    Container,
}

impl Place {
    /// The default. On macOS and Windows the podman machine has the images, and everything that an
    /// install needs.
    pub fn default_on(os: Os) -> Self {
        match os {
            Os::Linux => Self::Vm,
            Os::Macos | Os::Windows => Self::Container,
        }
    }

    /// A container shares the memory of its host.
    fn check_memory(self, memory_mib: Option<u64>) -> Result<(), Error> {
        match (self, memory_mib) {
            (Self::Container, Some(_)) => Err(Error::MemoryOfContainer),
            _ => Ok(()),
        }
    }
}

/// A request for the base disk of one image.
#[derive(Debug)]
pub struct BaseDiskRequest<'a> {
    pub image: &'a Image,
    pub options: InstallOptions,
    /// Where to install, if the disk doesn't exist.
    pub place: Place,
    /// Install again, although the disk exists.
    pub rebuild: bool,
    /// A smaller disk is good enough, if the system on it grows with the disk.
    pub growable: bool,
    /// A lock on the storage of an image from elsewhere; released as soon as the image has been
    /// read.
    pub in_use: Option<LockedStorage>,
    /// The kernel argument among the options that the tool added itself.
    pub console: Option<String>,
    /// The memory of the install's VM in MiB. The host decides an unset one.
    pub memory_mib: Option<u64>,
}

/// Tells whether a VM uses a base disk. An error keeps the disk.
pub type Used<'a> = &'a dyn Fn(&Key) -> Result<bool, AnyError>;
type AnyError = Box<dyn std::error::Error + Send + Sync>;

/// Returns the base disk of an image, and makes it first when it doesn't exist. `fits` is called
/// before the install.
///
/// # Errors
/// The disk can't be made.
pub fn ensure(
    host: &Host,
    request: BaseDiskRequest,
    used: Used,
    fits: Check,
    progress: &dyn Progress,
) -> Result<Lease, Error> {
    let BaseDiskRequest {
        image,
        options,
        place,
        mut rebuild,
        growable,
        in_use,
        console,
        memory_mib,
    } = request;
    place.check_memory(memory_mib)?;
    size::check(image, &options)?;
    let key = Key::new(image, &options);
    let cache = Cache::open(&host.dirs.disks())?;
    cache.sweep();
    if !rebuild {
        if let Some(disk) = cache.lease(&key)? {
            return Ok(disk);
        }
        if growable && let Some(disk) = find_growable(&cache, image, &options)? {
            return Ok(disk);
        }
    }
    in_vm::sweep(&host.dirs, &cache);
    let mut stage = progress.stage("install");
    let partial = loop {
        match cache.claim(&key, rebuild)? {
            // Another process removed it in between.
            Claim::Ready(_) => match cache.lease(&key)? {
                Some(disk) => return Ok(disk),
                None => continue,
            },
            Claim::Ours(partial) => break partial,
            Claim::Taken => {
                stage.step(&format!(
                    "waiting for another podman-bootc that installs {}",
                    image.reference
                ));
                cache.wait(&key)?;
                // The other process has just made it.
                rebuild = false;
            }
        }
    };
    let in_use = Cell::new(in_use);
    let console = console.as_deref();
    let install = Install {
        host,
        image,
        options: &options,
        console,
        partial: &partial,
        memory_mib,
        in_use,
        check: fits,
    };
    let made = run(&install, place, &mut *stage).and_then(|made| check(&install, made));
    fault::point("install-done");
    let Made { facts, installed } = match made {
        Ok(made) => made,
        Err(Failure::Failed { reason, lines }) => {
            let log = partial.keep_log();
            return Err(Error::Failed {
                image: image.reference.clone(),
                reason,
                lines,
                log,
            });
        }
        Err(Failure::Error(error)) => return Err(*error),
    };
    let disk = partial.finish(BaseDisk {
        key: key.clone(),
        image: image.clone(),
        options,
        facts,
        installed,
        created: jiff::Timestamp::now(),
        file: PathBuf::new(),
    })?;
    let lease = cache.lease(&disk.key)?.ok_or(Error::Vanished)?;
    stage.done(&format!(
        "{} on a disk of {}",
        disk.image.reference,
        format_size(disk.options.disk_size)
    ));
    if let Err(error) = tidy(host, &cache, &disk.key, used, progress) {
        tracing::warn!(
            error = crate::text::error_chain(error.as_ref()),
            "can't remove old base disks"
        );
    }
    Ok(lease)
}

fn run(install: &Install, place: Place, stage: &mut dyn Stage) -> Result<Made, Failure> {
    let disk = install.partial.disk();
    file::create_sparse(&disk, install.options.disk_size)
        .map_err(|source| Error::Io { path: disk, source })?;
    match (place, Os::current()) {
        (Place::Vm, Os::Linux) => in_vm::install(install, stage),
        (Place::Vm, _) => Err(Error::NoVm.into()),
        (Place::Container, os) => in_container::install(install, os, stage),
    }
}

/// A program that says that it succeeded proves little: the disk must have all its parts.
fn check(install: &Install, made: Made) -> Result<Made, Failure> {
    let file = install.partial.disk();
    match disk::check(&file) {
        Ok(()) => Ok(made),
        Err(error) => {
            let (file, why) = (file.display(), crate::text::error_chain(&error));
            Err(install.failed(format!(
                "bootc install succeeded, but {file} is not whole: {why}"
            )))
        }
    }
}

/// Returns the largest smaller disk of the same image and otherwise the same options whose system
/// grows by itself.
fn find_growable(
    cache: &Cache,
    image: &Image,
    options: &InstallOptions,
) -> Result<Option<Lease>, Error> {
    let alike = |disk: &BaseDisk| {
        let size = disk.options.disk_size;
        let grows = disk.facts.grows && size < options.disk_size;
        grows
            && disk.key.content()
                == Key::new(
                    image,
                    &InstallOptions {
                        disk_size: size,
                        ..options.clone()
                    },
                )
                .content()
    };
    let best = cache
        .list()?
        .into_iter()
        .filter(alike)
        .max_by_key(|disk| disk.options.disk_size);
    Ok(best
        .map(|disk| cache.lease(&disk.key))
        .transpose()?
        .flatten())
}

/// Removes the disks that the new one replaces, and the least recently used ones over the limit.
fn tidy(
    host: &Host,
    cache: &Cache,
    new: &Key,
    used: Used,
    progress: &dyn Progress,
) -> Result<(), AnyError> {
    disk::remove_superseded(cache, new, used)?;
    if let Some(limit) = host.cache_limit {
        for cached in disk::trim(cache, limit, used)? {
            let (name, size) = (cached.disk.image.reference, format_size(cached.size));
            progress.note(&format!(
                "removed the base disk of {name} ({size}): the cache exceeds its limit"
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_takes_no_memory_from_the_user() {
        let error = Place::Container.check_memory(Some(2048)).unwrap_err();
        assert!(matches!(error, Error::MemoryOfContainer), "{error}");
        Place::Container.check_memory(None).unwrap();
        Place::Vm.check_memory(Some(2048)).unwrap();
    }
}
