//! The options of commands that may install an image.

use std::time::Duration;

use clap::ArgAction;

use super::machine::{parse_cpus, parse_memory};
use crate::install::{BoundImages, InstallVm, Place};
use crate::provision::InstallChoices;
use crate::text::parse_size;

/// The install's options. Each set of them has a base disk of its own.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Install options")]
pub struct InstallArgs {
    /// Type of the root filesystem: ext4, xfs or btrfs [default: the image's type, otherwise ext4]
    #[arg(long, value_name = "TYPE", value_parser = ["ext4", "xfs", "btrfs"])]
    filesystem: Option<String>,
    /// Size of the root filesystem, in bytes or with K, M, G, T [default: the whole disk]
    #[arg(long, visible_alias = "root-size-max", value_name = "SIZE", value_parser = parse_size)]
    root_size: Option<u64>,
    /// Size of the disk, in bytes or with K, M, G, T [default: twice the image's size, at least
    /// 10G]
    ///
    /// A VM can use a smaller base disk that already exists, if the image's system can grow its
    /// filesystem.
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    disk_size: Option<u64>,
    /// Add a kernel argument; can be repeated
    ///
    /// Without a `console=` argument, the tool adds one for the serial port, which `logs` shows.
    #[arg(long = "karg", value_name = "ARGUMENT", action = ArgAction::Append, allow_hyphen_values = true)]
    pub kargs: Vec<String>,
    /// The boot loader to install [default: bootc's choice]
    #[arg(long, value_name = "NAME", value_parser = ["grub", "systemd", "none"])]
    bootloader: Option<String>,
    /// Use bootc's composefs backend [default: only for images that its ostree backend can't
    /// install]
    #[arg(long)]
    composefs_backend: bool,
    /// The image reference that the installed system upgrades from [default: the image's name]
    #[arg(long, value_name = "REFERENCE")]
    target_imgref: Option<String>,
    /// The transport of that reference: registry, oci, ... [default: registry]
    #[arg(long, value_name = "TRANSPORT")]
    target_transport: Option<String>,
    /// Add an argument to `bootc install to-disk`; can be repeated
    #[arg(long = "install-arg", value_name = "WORD", action = ArgAction::Append, allow_hyphen_values = true)]
    install_args: Vec<String>,
    /// Install again, even if the image already has a base disk with these options
    #[arg(long)]
    rebuild: bool,
    /// Where to run `bootc install` [default: vm; on macOS and Windows: container, in the podman
    /// machine]
    #[arg(long, value_enum, value_name = "PLACE")]
    install_in: Option<Place>,
    /// Memory of the VM that installs, with K, M, G or T [default: 4G, or three quarters of the
    /// host's available memory if that is less]
    #[arg(long, value_name = "SIZE", value_parser = parse_memory)]
    install_memory: Option<u64>,
    /// Processors of the VM that installs [default: the host's, at most 4]
    #[arg(long, value_name = "NUMBER", value_parser = parse_cpus())]
    install_cpus: Option<u32>,
    /// Give up an install after this many seconds [default: never]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    install_timeout: Option<u64>,
    /// What to do with the images that are bound to the image (/usr/lib/bootc/bound-images.d)
    /// [default: stored]
    #[arg(long, value_enum, value_name = "HOW")]
    bound_images: Option<BoundImages>,
}

impl InstallArgs {
    /// The options that need a disk.
    pub const ONLY_FOR_DISKS: [&str; 14] = [
        "filesystem",
        "root_size",
        "disk_size",
        "bootloader",
        "composefs_backend",
        "target_imgref",
        "target_transport",
        "install_args",
        "rebuild",
        "install_in",
        "install_memory",
        "install_cpus",
        "install_timeout",
        "bound_images",
    ];
    /// The options that need an install.
    pub const ONLY_FOR_INSTALLS: [&str; 14] = [
        "filesystem",
        "root_size",
        "kargs",
        "bootloader",
        "composefs_backend",
        "target_imgref",
        "target_transport",
        "install_args",
        "rebuild",
        "install_in",
        "install_memory",
        "install_cpus",
        "install_timeout",
        "bound_images",
    ];

    pub fn choices(&self) -> InstallChoices {
        InstallChoices {
            filesystem: self.filesystem.clone(),
            root_size: self.root_size,
            disk_size: self.disk_size,
            kargs: self.kargs.clone(),
            bootloader: self.bootloader.clone(),
            composefs: self.composefs_backend,
            target_imgref: self.target_imgref.clone(),
            target_transport: self.target_transport.clone(),
            install_args: self.install_args.clone(),
            rebuild: self.rebuild,
            place: self.install_in,
            bound_images: self.bound_images,
            vm: InstallVm {
                memory_mib: self.install_memory,
                cpus: self.install_cpus,
                timeout: self.install_timeout.map(Duration::from_secs),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::disk::InstallOptions;
    use crate::hypervisor::Kind;
    use crate::image::Image;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        install: InstallArgs,
    }

    fn options(words: &[&str]) -> InstallOptions {
        let install = Line::try_parse_from([&["x"], words].concat())
            .unwrap()
            .install;
        install.choices().options(&Image::sample(), Kind::Qemu)
    }

    #[test]
    fn equal_sizes_in_other_units_give_the_same_disk() {
        assert_eq!(
            options(&["--disk-size", "10G"]),
            options(&["--disk-size", "10240MiB"])
        );
        assert_eq!(options(&["--disk-size", "10G"]), options(&[]));
        assert_eq!(
            options(&["--root-size", "4095.5M"]),
            options(&["--root-size-max", "4G"])
        );
        assert_eq!(
            options(&["--target-imgref", "localhost/x:latest"]),
            options(&[])
        );
        assert_eq!(options(&["--disk-size", "300M"]).disk_size, 300 << 20);
    }

    #[test]
    fn arguments_for_bootc_are_passed_on_unchanged() {
        let options = options(&[
            "--install-arg",
            "--stateroot",
            "--install-arg=a b",
            "--karg=-x",
            "--karg",
            "console=tty0",
        ]);
        assert_eq!(options.install_args, ["--stateroot", "a b"]);
        assert_eq!(options.kargs, ["-x", "console=tty0"]);
    }
}
