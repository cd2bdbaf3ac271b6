//! Container images: podman finds, lists, mounts and copies them, and tells their facts.

mod container_image;
mod error;
mod facts;
mod layers;
mod mount;
mod other_storages;
mod own_store;
mod podman;
mod podman_machine;
mod reach;
mod reference;
mod resolve;
mod service;
mod storage;
mod store;

pub use container_image::{BOOTC_LABEL, Image};
pub use error::{Error, OutOfReach, PodmanMachineError};
pub use facts::{Facts, KEY_CREDENTIAL, SSHD_ON_VSOCK, UNIT_CREDENTIALS};
pub use layers::Layer;
pub use mount::{Mounted, Pinned};
pub use other_storages::OtherStorages;
pub use podman::{ListedImage, Podman};
pub use reference::{begins_with, ends_with, is_file, pinned, without_transport};
pub use resolve::{ImageRequest, Pull};
pub use service::Service;
pub use storage::{LockedStorage, Storage};
