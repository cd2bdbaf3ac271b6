//! Boots a bootable container image in a VM, straight from podman's storage.
//!
//! The rooms of the program and the way of a `run` through them are drawn in
//! `docs/architecture.md`.

pub mod cli;
pub mod direct;
pub mod disk;
pub mod guest;
pub mod host;
pub mod hypervisor;
pub mod image;
pub mod install;
pub mod ui;
pub mod vm;
