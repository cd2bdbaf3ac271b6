//! Boots a bootable container image in a VM, straight from podman's storage.
//!
//! The rooms of the program and the way of a `run` through them are drawn in
//! `docs/architecture.md`.

// A stream that nobody reads makes these panic: there are `ui::say` and `ui::tell`.
#![warn(clippy::print_stdout, clippy::print_stderr)]

pub mod cli;
pub mod direct_boot;
pub mod disk;
pub mod engine;
pub mod guest;
pub mod host;
pub mod hypervisor;
pub mod image;
pub mod install;
pub mod text;
pub mod ui;
pub mod vm;
