//! What every command needs.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::host::Os;
use crate::host::fs::dirs::Dirs;
use crate::host::process::interrupt;
use crate::hypervisor::{Arch, accelerator};
use crate::image::{Image, Podman, Request, Service, Storage, StorageInUse, is_file};
use crate::install;
use crate::text::parse_size;
use crate::text::{Progress, Stage};
use crate::vm::ready::{self, Ready};
use crate::vm::{Store, Vm, lifecycle};

/// The most that base disks may take together, as a size.
const CACHE_LIMIT: &str = "PODMAN_BOOTC_CACHE_LIMIT";

/// The tool's folders, the VMs, and a runtime for what waits.
pub struct Context {
    /// The tool's folders.
    pub dirs: Dirs,
    /// The VMs.
    pub store: Store,
    runtime: tokio::runtime::Runtime,
}

/// An image, and the podman that has it.
pub struct Resolved {
    /// The podman.
    pub podman: Podman,
    /// The image.
    pub image: Image,
    /// To be held until the image has been read.
    pub in_use: Option<StorageInUse>,
}

impl Context {
    /// Opens the folders and begins to note signals.
    ///
    /// # Errors
    /// The folders can't be used.
    pub fn open() -> Result<Self> {
        interrupt::listen().context("can't listen to signals")?;
        let dirs = Dirs::open()?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("can't make the async runtime")?;
        Ok(Self { store: Store::new(&dirs), dirs, runtime })
    }

    /// Finds an image, and the podman that has it; fetches it when it is missing. One of another podman
    /// (`connection`, else the environment names it) is copied.
    ///
    /// # Errors
    /// There is no podman, or the image can't be had.
    pub fn resolve(
        &self,
        request: &Request,
        connection: Option<&str>,
        progress: &dyn Progress,
    ) -> Result<Resolved> {
        let mut stage = progress.stage("image");
        let image = request.name;
        if Os::current() != Os::Linux {
            let podman = Podman::of_images(Os::current(), Service::wanted(connection))?;
            if is_file(image) {
                bail!("images in files can't be used here; `podman load` puts one into the podman machine");
            }
            let image = podman.resolve(request, || stage.step("fetching it"))?;
            stage.done(&format!("{} ({})", image.reference, image.short_id()));
            note_emulation(&image, progress);
            return Ok(Resolved { podman, image, in_use: None });
        }
        let local = Podman::find()?;
        let service = Service::wanted(connection).filter(|_| !is_file(image));
        // An image from elsewhere needs nothing of the user's storage.
        let own_storage = match service.is_some() || is_file(image) {
            true => {
                let waiting =
                    || stage.step("another podman-bootc fetches an image from elsewhere; waiting for it");
                let taken = self.storage().take(waiting);
                Some(taken.context("can't use the storage for images from elsewhere")?)
            }
            false => None,
        };
        let storage = own_storage.as_ref().map(|in_use| in_use.storage().clone());
        let podman = local.clone().with_storage(storage);
        let mut fetching = || stage.step("fetching it");
        let image = match service {
            None => podman.resolve(request, fetching)?,
            Some(service) => {
                let other = local.of_service(service);
                let found = other.resolve(request, &mut fetching)?;
                stage.step("copying it, unless that was done before");
                podman.copy_from(&other, found, &self.storage().archive())?
            }
        };
        stage.done(&format!("{} ({})", image.reference, image.short_id()));
        note_emulation(&image, progress);
        Ok(Resolved { podman, image, in_use: own_storage })
    }

    /// The storage for images that come from elsewhere.
    pub fn storage(&self) -> Storage {
        let (root, run) = self.dirs.storage();
        Storage { root, run }
    }

    /// What an install needs of the host.
    ///
    /// # Errors
    /// `PODMAN_BOOTC_CACHE_LIMIT` is no size.
    pub fn install_host(&self, podman: Podman, accelerator: accelerator::Choice) -> Result<install::Host> {
        let cache_limit = match std::env::var(CACHE_LIMIT) {
            Ok(text) if !text.is_empty() => {
                Some(parse_size(&text).with_context(|| format!("{CACHE_LIMIT} in the environment"))?)
            }
            _ => None,
        };
        Ok(install::Host { dirs: self.dirs.clone(), podman, accelerator, cache_limit })
    }

    /// A session with a VM, once that is ready. What the VM lacks is told, and keeps nobody out.
    ///
    /// # Errors
    /// The VM doesn't run, or isn't ready in time.
    pub fn session(
        &self,
        vm: &Vm,
        user: &str,
        timeout: Option<Duration>,
        mut stage: Box<dyn Stage>,
    ) -> Result<Ready> {
        let ready = self.block_on(async {
            let mut client = lifecycle::attach(vm, &self.store).await?;
            ready::wait_ready(&mut client, vm, user, timeout, &mut *stage).await
        })?;
        ready.faults.iter().for_each(|fault| stage.note(&fault.to_string()));
        Ok(ready)
    }

    /// Waits for a future on this thread.
    pub fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }
}

/// An image for another architecture than this machine's is used all the same: that it is slow has to be said.
fn note_emulation(image: &Image, progress: &dyn Progress) {
    if let Some(arch) = Arch::from_oci(&image.architecture).filter(|arch| Arch::host() != Some(*arch)) {
        let (name, arch) = (&image.reference, arch.name());
        progress.note(&format!("image {name} is for {arch}: it is emulated, which is slow"));
    }
}
