//! End-to-end tests: the built binary, real podman, real QEMU, real guests. `harness` gives each
//! test its folders and checks that the test leaves nothing behind.
//!
//! A boot takes up to a minute under emulation, so that a test asserts many things about one VM.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

#[path = "../common"]
mod common {
    pub mod process;
    pub mod small;
    pub mod target;
    pub mod tool;
    pub mod wait;
}
mod harness;

mod accelerator;
mod accounts;
mod architecture;
mod cli;
mod completion;
mod config;
mod disks;
mod doors;
mod ephemeral;
mod firmware;
mod full_disk;
mod hot_plug;
mod images;
mod install;
mod interrupt;
mod kubevirt;
mod lifecycle;
mod machine;
mod odd_image;
mod pull_endpoint;
mod reboot;
mod replace;
mod rootless;
mod session;
mod terminal;
mod testing;
mod tree;
mod upgrade;
mod variants;
mod vsock;
mod waits;
mod warm;
mod watch;
