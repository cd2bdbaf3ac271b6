//! Boots a bootable container image, straight from podman's storage, in a VM.
//!
//! The rooms, from the top floor down. A room names only rooms below it, and no two files name each
//! other. `docs/architecture.md` tells how a `run` goes through them.

// `println!` and its like panic when the stream is closed; `ui::say` and `ui::tell` don't.
#![warn(clippy::print_stdout, clippy::print_stderr)]

/// The command line: parses the words, calls one of the rooms below, prints the result, returns the
/// exit code.
pub mod cli;
/// Defaults for the flags of commands: the environment, a project's file and the user's file.
pub mod config;
/// The recipe of `run`: finds the image, makes a base disk or boot files of it, creates the VM.
pub mod provision;
/// The recipe of `replace`: a VM without a disk gets another image.
pub mod replace;
/// The tests of an image: checks that run in a VM, and their outcomes.
pub mod testing;
/// Where the time of a run went, as text and as a picture.
pub mod timeline;
/// Output that depends on a terminal: progress, tables, `--format`.
pub mod ui;
/// The recipe of `upgrade` and `rollback`: a running VM gets another version of its image.
pub mod upgrade;
/// The watch loop: builds an image on each change of its sources, and brings a VM to it.
pub mod watch;

/// VMs as objects for KubeVirt, and the images that these name.
pub mod kubevirt;

/// Makes base disks: each image's own `bootc install` runs once, in a VM or in a privileged
/// container.
pub mod install;
/// VMs on disk and what can be done with them: create, start, reach, stop, snapshot, remove.
pub mod vm;

/// The pull endpoint: serves one image to a guest as a registry would.
pub mod registry;

/// Container disks: OCI images with a disk image or a kernel in them, for virtual machines in a
/// cluster.
pub mod containerdisk;

/// Runs one machine from start to end, with the accelerator that works. It knows neither VMs nor
/// images.
pub mod engine;

/// Makes an image ready for a direct boot: its kernel, its initramfs and its root as block images,
/// all cached.
pub mod direct_boot;
/// Disks: the cache of base disks, overlays, copies, snapshots, imports and exports.
pub mod disk;
/// The guest as seen from the host: what it gets at boot, and the way in by SSH.
pub mod guest;
/// Templates of warm starts: machines that were frozen before their sshd started, and resume.
pub mod warm;

/// The hypervisors: a machine as plain data, and pure functions that turn it into command lines.
pub mod hypervisor;
/// podman: images by name, their facts and their content.
pub mod image;

/// The host: everything that differs between operating systems. The only room with `unsafe` code.
pub mod host;
/// Plain text: sizes, times, error chains, progress in words.
pub mod text;
