//! QEMU's arguments for the devices that only some machines have.

use super::args::{Args, PathNotUtf8, escape, socket, utf8};
use super::find::Qemu;
use crate::host::Os;
use crate::hypervisor::{Arch, Machine, Screen, Vsock};

pub(super) fn add(args: &mut Args, qemu: &Qemu, machine: &Machine) -> Result<(), PathNotUtf8> {
    let devices = &machine.devices;
    add_screen(args, qemu.os, machine.arch, devices.screen);
    if let Some(path) = &devices.tpm {
        args.option("-chardev", &socket("tpm", path)?);
        args.option("-tpmdev", "emulator,id=tpm0,chardev=tpm");
        let device = match machine.arch {
            Arch::X86_64 => "tpm-crb,tpmdev=tpm0",
            Arch::Aarch64 => "tpm-tis-device,tpmdev=tpm0",
        };
        args.option("-device", device);
    }
    if let Some(path) = &devices.ignition {
        args.option(
            "-fw_cfg",
            &format!("name=opt/com.coreos/config,file={}", escape(utf8(path)?)),
        );
    }
    if let Some(Vsock::Cid(cid)) = devices.vsock {
        args.option("-device", &format!("vhost-vsock-pci,guest-cid={cid}"));
    }
    Ok(())
}

fn add_screen(args: &mut Args, os: Os, arch: Arch, screen: Option<Screen>) {
    let display = match (screen, os) {
        (Some(Screen::Window), Os::Macos) => "cocoa",
        (Some(Screen::Window), Os::Linux | Os::Windows) => "gtk",
        (Some(Screen::Hidden) | None, _) => "none",
    };
    args.option("-display", display);
    if screen.is_none() {
        return;
    }
    match arch {
        // The firmware and every kernel have a driver for this card.
        Arch::X86_64 => args.option("-device", "VGA"),
        Arch::Aarch64 => args.option("-device", "virtio-gpu-pci"),
    };
    if screen == Some(Screen::Window) {
        args.option("-device", "qemu-xhci")
            .option("-device", "usb-kbd")
            .option("-device", "usb-tablet");
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use crate::hypervisor::qemu::argv::tests::{line, machine};
    use crate::hypervisor::{Channel, Devices, Disk, DiskFormat, Vsock};

    /// Paths that QEMU, or a shell, could take apart.
    const PATHS: [&str; 4] = ["/a,b", "/a b", "/a\"b'", "/a\nb"];

    #[test]
    fn paths_stay_whole() {
        for path in PATHS {
            let doubled = path.replace(',', ",,");
            let quoted = serde_json::to_string(path).unwrap();
            let file = PathBuf::from(path);
            let mut machine = machine();
            let disk = |serial: &str| Disk {
                file: file.clone(),
                format: DiskFormat::Raw,
                serial: serial.into(),
                read_only: false,
                durable: true,
                fresh_over: None,
            };
            machine.devices = Devices {
                disks: vec![disk("extra0")],
                tpm: Some(file.clone()),
                ignition: Some(file.clone()),
                vsock: Some(Vsock::Cid(7)),
                ..Devices::default()
            };
            machine.doors = vec![Channel {
                name: "a,b".into(),
                socket: file.clone(),
            }];
            machine.disks = vec![disk("disk")];
            let line = line(&machine);
            for wanted in [
                format!("socket,id=tpm,path={doubled} -tpmdev emulator,id=tpm0,chardev=tpm"),
                format!("-fw_cfg name=opt/com.coreos/config,file={doubled}"),
                format!("socket,id=door0,path={doubled},server=on,wait=off"),
                "chardev=door0,name=a,,b".into(),
                "-device vhost-vsock-pci,guest-cid=7".into(),
                format!("\"filename\":{quoted}"),
                "virtio-blk-pci,drive=disk0,serial=disk,bootindex=0 ".into(),
            ] {
                assert!(line.contains(&wanted), "{wanted}\nis not in\n{line}");
            }
            assert_eq!(line.matches("bootindex").count(), 1);
        }
    }

    #[cfg(unix)]
    #[test]
    fn paths_that_are_not_utf8_are_refused() {
        use std::os::unix::ffi::OsStringExt;

        use crate::hypervisor::accelerator::Accelerator;
        use crate::hypervisor::qemu::argv::tests::qemu;
        use crate::hypervisor::qemu::launch;
        let bad = || std::path::PathBuf::from(std::ffi::OsString::from_vec(vec![b'/', 0xff]));
        for devices in [
            Devices {
                tpm: Some(bad()),
                ..Devices::default()
            },
            Devices {
                ignition: Some(bad()),
                ..Devices::default()
            },
        ] {
            let mut machine = machine();
            machine.devices = devices;
            assert!(launch(&qemu((10, 0)), &machine, Accelerator::Tcg).is_err());
        }
    }
}
