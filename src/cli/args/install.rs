//! The options of commands that may install an image.

use clap::ArgAction;

use super::machine::parse_memory;
use crate::install::Place;
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
    /// host's if that is less]
    #[arg(long, value_name = "SIZE", value_parser = parse_memory)]
    install_memory: Option<u64>,
}

impl InstallArgs {
    /// The options that need a disk.
    pub const ONLY_FOR_DISKS: [&str; 11] = [
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
    ];
    /// The options that need an install.
    pub const ONLY_FOR_INSTALLS: [&str; 11] = [
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
            memory_mib: self.install_memory,
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
