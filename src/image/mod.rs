//! Container images: podman finds, lists, mounts and copies them, and tells their facts.

mod container_image;
mod error;
mod facts;
mod mount;
mod other_storages;
mod podman;
mod podman_machine;
mod reference;
mod resolve;
mod service;
mod storage;

pub use container_image::{BOOTC_LABEL, Image};
pub use error::{Error, PodmanMachineError};
pub use facts::{Facts, KEY_CREDENTIAL, SSHD_ON_VSOCK, UNIT_CREDENTIALS};
pub use mount::{Mounted, Pinned};
pub use other_storages::OtherStorages;
pub use podman::{ListedImage, Podman};
pub use reference::is_file;
pub use resolve::{ImageRequest, Pull};
pub use service::Service;
pub use storage::{LockedStorage, Storage};
