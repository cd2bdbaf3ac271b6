//! The user's choices for an install, and the base disk that follows from them.

use crate::disk::InstallOptions;
use crate::host::Os;
use crate::hypervisor::{Arch, Kind};
use crate::image::{Image, LockedStorage, Pull, pinned};
use crate::install::{self, BaseDiskRequest, BoundChoice, BoundImages, InstallVm, Place};

/// The user's choices for an install. The image determines unset ones.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InstallChoices {
    pub filesystem: Option<String>,
    /// Bytes; rounded up to a MiB.
    pub root_size: Option<u64>,
    /// Bytes; rounded up to a MiB.
    pub disk_size: Option<u64>,
    pub kargs: Vec<String>,
    pub bootloader: Option<String>,
    pub composefs: bool,
    pub target_imgref: Option<String>,
    pub target_transport: Option<String>,
    /// Additional arguments of `bootc install to-disk`.
    pub install_args: Vec<String>,
    /// Install again, even if the image has a base disk with these options.
    pub rebuild: bool,
    pub place: Option<Place>,
    pub vm: InstallVm,
    pub bound_images: Option<BoundImages>,
}

impl InstallChoices {
    /// Returns the choices that made a base disk.
    pub fn of(options: &InstallOptions) -> Self {
        Self {
            filesystem: options.filesystem.clone(),
            root_size: options.root_size,
            disk_size: Some(options.disk_size),
            kargs: options.kargs.clone(),
            bootloader: options.bootloader.clone(),
            composefs: options.composefs,
            target_imgref: Some(options.target_imgref.clone()),
            target_transport: options.target_transport.clone(),
            install_args: options.install_args.clone(),
            bound_images: options.bound_images.is_empty().then_some(BoundImages::Skip),
            ..Self::default()
        }
    }

    /// Returns true if a choice needs a disk.
    pub fn needs_disk(&self) -> bool {
        let kargs = self.kargs.clone();
        *self
            != Self {
                kargs,
                ..Self::default()
            }
    }

    /// Returns the disk's size in whole MiB, if the user chose one.
    pub fn disk_size(&self) -> Option<u64> {
        self.disk_size.map(whole_mib)
    }

    /// Returns the request for a base disk. `growable` accepts a smaller base disk that the guest
    /// can grow. `pull` says when to pull a bound image.
    pub(super) fn request<'a>(
        &self,
        image: &'a Image,
        in_use: Option<LockedStorage>,
        hypervisor: Kind,
        growable: bool,
        pull: Pull,
    ) -> BaseDiskRequest<'a> {
        let place = self.place.unwrap_or(Place::default_on(Os::current()));
        let options = self.options(image, hypervisor);
        let console = self.console(image, hypervisor);
        BaseDiskRequest {
            image,
            options,
            place,
            rebuild: self.rebuild,
            growable,
            in_use,
            console,
            vm: self.vm,
            bound: BoundChoice {
                images: self.bound_images.unwrap_or_default(),
                pull,
            },
            any_size: self.disk_size.is_none(),
        }
    }

    /// Returns the kernel argument for a console on the serial port, unless the user names a
    /// console.
    fn console(&self, image: &Image, hypervisor: Kind) -> Option<String> {
        if self.kargs.iter().any(|karg| karg.starts_with("console=")) {
            return None;
        }
        Arch::from_oci(&image.architecture)
            .map(|arch| format!("console={}", hypervisor.console(arch)))
    }

    /// Returns the install options for this image.
    pub fn options(&self, image: &Image, hypervisor: Kind) -> InstallOptions {
        let kargs = self
            .kargs
            .iter()
            .cloned()
            .chain(self.console(image, hypervisor))
            .collect();
        InstallOptions {
            filesystem: self.filesystem.clone(),
            root_size: self.root_size.map(whole_mib),
            disk_size: self
                .disk_size()
                .unwrap_or_else(|| install::default_disk_size(image)),
            kargs,
            bootloader: self.bootloader.clone(),
            composefs: self.composefs,
            target_imgref: pinned(self.target_imgref.as_ref().unwrap_or(&image.reference))
                .into_owned(),
            target_transport: self.target_transport.clone(),
            root_key: None,
            bound_images: vec![],
            install_args: self.install_args.clone(),
        }
    }
}

fn whole_mib(size: u64) -> u64 {
    size.checked_next_multiple_of(1 << 20).unwrap_or(size)
}
