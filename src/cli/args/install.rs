//! The options of an install, for all commands that may need a base disk.

use clap::ArgAction;

use crate::install::Place;
use crate::provision::InstallChoices;
use crate::text::parse_size;

/// What the disk is to be like. Each of these makes a disk of its own.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Install options")]
pub struct InstallArgs {
    /// The root filesystem's type: ext4, xfs or btrfs [default: the image's own]
    #[arg(long, value_name = "TYPE", value_parser = ["ext4", "xfs", "btrfs"])]
    filesystem: Option<String>,
    /// Size of the root filesystem, in bytes or with K, M, G, T [default: all of the disk]
    #[arg(long, visible_alias = "root-size-max", value_name = "SIZE", value_parser = parse_size)]
    root_size: Option<u64>,
    /// Size of the disk, in bytes or with K, M, G, T [default: twice the image, 10G at the least]
    ///
    /// When there is a smaller disk of the image, and the system on it can grow, a VM is made on that one.
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    disk_size: Option<u64>,
    /// A kernel argument to add; may be given several times
    ///
    /// Unless one of them names a console, the serial port is made one, so that `logs` has something to show.
    #[arg(long = "karg", value_name = "ARGUMENT", action = ArgAction::Append, allow_hyphen_values = true)]
    pub kargs: Vec<String>,
    /// The boot loader to install [default: bootc's choice]
    #[arg(long, value_name = "NAME", value_parser = ["grub", "systemd", "none"])]
    bootloader: Option<String>,
    /// Install with bootc's composefs backend [default: only what its ostree backend can't install]
    #[arg(long)]
    composefs_backend: bool,
    /// The image reference that the installed system upgrades from [default: the image's name]
    #[arg(long, value_name = "REFERENCE")]
    target_imgref: Option<String>,
    /// How the installed system gets at that reference: registry, oci, ... [default: registry]
    #[arg(long, value_name = "TRANSPORT")]
    target_transport: Option<String>,
    /// One more word for the command line of `bootc install to-disk`; may be given several times
    #[arg(long = "install-arg", value_name = "WORD", action = ArgAction::Append, allow_hyphen_values = true)]
    install_args: Vec<String>,
    /// Install anew, although there is a disk of this image with these options
    #[arg(long)]
    rebuild: bool,
    /// Where to run `bootc install` [default: vm; on macOS and Windows, container, in the podman machine]
    #[arg(long, value_enum, value_name = "PLACE")]
    install_in: Option<Place>,
}

impl InstallArgs {
    /// Those that mean nothing without a disk.
    pub const FOR_DISKS: [&str; 10] = [
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
    ];
    /// Those that mean nothing for a disk that is there already.
    pub const FOR_INSTALLS: [&str; 10] = [
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
        let install = Line::try_parse_from([&["x"], words].concat()).unwrap().install;
        install.choices().options(&Image::sample(), Kind::Qemu)
    }

    #[test]
    fn the_same_wish_in_other_words_is_the_same_disk() {
        assert_eq!(options(&["--disk-size", "10G"]), options(&["--disk-size", "10240MiB"]));
        assert_eq!(options(&["--disk-size", "10G"]), options(&[]));
        assert_eq!(options(&["--root-size", "4095.5M"]), options(&["--root-size-max", "4G"]));
        assert_eq!(options(&["--target-imgref", "localhost/x:latest"]), options(&[]));
        assert_eq!(options(&["--disk-size", "300M"]).disk_size, 300 << 20);
    }

    #[test]
    fn words_for_bootc_stay_as_they_are() {
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
