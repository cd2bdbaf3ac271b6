//! Returns the base disk of an image from the cache, or makes it.

use std::cell::Cell;
use std::path::{Path, PathBuf};

use super::bound::{self, BoundChoice};
use super::error::{Error, Failure};
use super::job::{Check, Host, Install, InstallVm, Made, Place};
use super::{in_container, in_vm, podman_machine, room, size};
use crate::direct_boot::{BootCache, Transport};
use crate::disk::{self, BaseDisk, Cache, Claim, InstallOptions, Key, Lease};
use crate::host::fs::file;
use crate::host::{Os, fault};
use crate::image::{Facts, Image, LockedStorage, Podman, Pull};
use crate::text::{Progress, Stage, format_size};
use crate::warm::Templates;

impl Place {
    /// The default. On macOS and Windows the podman machine has the images, and everything that an
    /// install needs.
    pub fn default_on(os: Os) -> Self {
        match os {
            Os::Linux => Self::Vm,
            Os::Macos | Os::Windows => Self::Container,
        }
    }

    /// A container shares the memory and the processors of its host.
    fn check(self, vm: InstallVm) -> Result<(), Error> {
        let InstallVm {
            memory_mib,
            cpus,
            timeout,
        } = vm;
        let flag = match self {
            Self::Vm => None,
            Self::Container => memory_mib
                .map(|_| "--install-memory")
                .or(cpus.map(|_| "--install-cpus"))
                .or(timeout.map(|_| "--install-timeout")),
        };
        flag.map_or(Ok(()), |flag| Err(Error::OnlyForVm(flag)))
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
    pub vm: InstallVm,
    pub bound: BoundChoice,
    /// The disk may be larger, because the user chose no size.
    pub any_size: bool,
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
        mut options,
        place,
        mut rebuild,
        growable,
        in_use,
        console,
        vm,
        bound,
        any_size,
    } = request;
    place.check(vm)?;
    size::check(image, &[], &options)?;
    let cache = Cache::open(&host.dirs.disks())?;
    cache.sweep(|partial| bound::remove_copies(&host.podman, partial));
    let mut stage = progress.stage("install");
    let facts = match known_facts(&cache, image)? {
        Some(facts) => facts,
        None => {
            room::check(
                &host.dirs.disks(),
                place,
                image,
                &[],
                has_roots(host, image),
            )?;
            read_facts(host, image, place, &mut *stage)?
        }
    };
    let bound = bound::find(&host.podman, image, &facts, &options, bound, &mut |name| {
        stage.step(&format!("pulling the bound image {name}"))
    })?;
    add_bound(&mut options, image, &bound, any_size);
    size::check(image, &bound, &options)?;
    let key = Key::new(image, &options);
    if !rebuild {
        if let Some(disk) = cache.lease(&key)? {
            return Ok(disk);
        }
        if growable
            && let Some(disk) = find_growable(&cache, image, &options)?
            && let Some(disk) = cache.lease(&disk.key)?
        {
            return Ok(disk);
        }
    }
    room::check(&host.dirs.disks(), place, image, &bound, true)?;
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
        bound: &bound,
        vm,
        in_use,
        needs_loader: Cell::new(true),
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

/// Returns the base disk that [`ensure`] would return without an install. Makes nothing.
///
/// # Errors
/// The disk can't have this size, or the cache can't be read.
pub fn cached(
    folder: &Path,
    podman: &Podman,
    request: &BaseDiskRequest,
) -> Result<Option<BaseDisk>, Error> {
    let BaseDiskRequest { image, options, .. } = request;
    request.place.check(request.vm)?;
    size::check(image, &[], options)?;
    if request.rebuild || !folder.exists() {
        return Ok(None);
    }
    let cache = Cache::open(folder)?;
    // What an earlier version of the tool didn't look for, its disks don't have.
    let known = known_facts(&cache, image)?;
    let Some(facts) = known.or(facts_of_disks(&cache, image)?.next()) else {
        return Ok(None);
    };
    let mut options = options.clone();
    let choice = BoundChoice {
        pull: Pull::Never,
        ..request.bound
    };
    match bound::find(podman, image, &facts, &options, choice, &mut |_| {}) {
        Err(Error::BoundMissing { .. }) => return Ok(None),
        bound => add_bound(&mut options, image, &bound?, request.any_size),
    }
    match cache.find(&Key::new(image, &options))? {
        None if request.growable => find_growable(&cache, image, &options),
        found => Ok(found),
    }
}

/// Returns the facts of an image that has a disk in the cache, unless an earlier version of the
/// tool read them, which looked for less.
fn known_facts(cache: &Cache, image: &Image) -> Result<Option<Facts>, Error> {
    Ok(facts_of_disks(cache, image)?.find(|facts| facts.reader == Facts::READER))
}

/// Returns the facts of each disk of this image in the cache.
fn facts_of_disks(cache: &Cache, image: &Image) -> Result<impl Iterator<Item = Facts>, Error> {
    let same = |disk: &BaseDisk| {
        disk.image.digest == image.digest && disk.image.architecture == image.architecture
    };
    let disks = cache.list()?.into_iter();
    Ok(disks.filter(move |disk| same(disk)).map(|disk| disk.facts))
}

/// Reads the facts of an image that has no disk yet.
fn read_facts(
    host: &Host,
    image: &Image,
    place: Place,
    stage: &mut dyn Stage,
) -> Result<Facts, Error> {
    match (place, Os::current()) {
        (Place::Vm, Os::Linux) => Ok(in_vm::prepare(host, image, stage)?.0.facts),
        (Place::Vm, _) => Err(Error::NoVm),
        (Place::Container, _) if host.podman.is_remote() => {
            podman_machine::facts(&host.podman, image)
        }
        (Place::Container, _) => in_container::facts(host, image),
    }
}

/// Returns true if the cache has block images of the image's layers.
fn has_roots(host: &Host, image: &Image) -> bool {
    let looked = BootCache::look(&host.dirs.roots(), image, Transport::Erofs);
    looked.is_ok_and(|(boot, _)| boot.roots().any(|(_, file)| file.exists()))
}

fn add_bound(options: &mut InstallOptions, image: &Image, bound: &[Image], any_size: bool) {
    options.bound_images = bound::identities(bound);
    if any_size {
        options.disk_size = options.disk_size.max(size::default_for(image, bound));
    }
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
    match disk::check(&file, install.needs_loader.get()) {
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
) -> Result<Option<BaseDisk>, Error> {
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
    let disks = cache.list()?.into_iter().filter(alike);
    Ok(disks.max_by_key(|disk| disk.options.disk_size))
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
    let Some(limit) = host.cache_limit else {
        return Ok(());
    };
    // Templates first: a boot makes them again.
    let disks: u64 = cache.contents()?.iter().map(|cached| cached.size).sum();
    let templates = Templates::open(&host.dirs.templates())?;
    for template in templates.trim(limit.saturating_sub(disks)) {
        let (name, size) = (template.origin, format_size(template.size));
        progress.note(&format!(
            "removed a template of {name} ({size}): the cache exceeds its limit"
        ));
    }
    let templates: u64 = templates.list().iter().map(|template| template.size).sum();
    for cached in disk::trim(cache, limit.saturating_sub(templates), used)? {
        let (name, size) = (cached.disk.image.reference, format_size(cached.size));
        progress.note(&format!(
            "removed the base disk of {name} ({size}): the cache exceeds its limit"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_takes_nothing_that_is_for_a_vm() {
        let vm = InstallVm {
            cpus: Some(2),
            ..InstallVm::default()
        };
        let error = Place::Container.check(vm).unwrap_err().to_string();
        assert!(error.starts_with("--install-cpus is for"), "{error}");
        Place::Container.check(InstallVm::default()).unwrap();
        Place::Vm.check(vm).unwrap();
    }
}
