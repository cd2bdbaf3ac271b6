//! The devices that only some machines have, as QEMU's arguments.

use super::Qemu;
use super::args::{Args, PathNotUtf8, escape, socket, utf8};
use crate::host::Os;
use crate::hypervisor::{Arch, Channel, Machine, Screen, Vsock};

/// The first QEMU that counts the time between two connections in milliseconds.
const RECONNECT_MS: (u32, u32) = (9, 2);

/// Adds them.
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
        args.option("-fw_cfg", &format!("name=opt/com.coreos/config,file={}", escape(utf8(path)?)));
    }
    if let Some(Vsock::Cid(cid)) = devices.vsock {
        args.option("-device", &format!("vhost-vsock-pci,guest-cid={cid}"));
    }
    if let Some(Channel { name, socket: path }) = &devices.ssh {
        let reconnect = if qemu.version < RECONNECT_MS { "reconnect=1" } else { "reconnect-ms=100" };
        args.option("-chardev", &format!("{},{reconnect}", socket("ssh", path)?));
        args.option("-device", "virtio-serial-pci,id=ssh-bus");
        args.option("-device", &format!("virtserialport,bus=ssh-bus.0,chardev=ssh,name={}", escape(name)));
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
        // The firmware and every kernel have a driver for it.
        Arch::X86_64 => args.option("-device", "VGA"),
        Arch::Aarch64 => args.option("-device", "virtio-gpu-pci"),
    };
    if screen == Some(Screen::Window) {
        args.option("-device", "qemu-xhci").option("-device", "usb-kbd").option("-device", "usb-tablet");
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use crate::host::Os;
    use crate::hypervisor::accelerator::Accelerator;
    use crate::hypervisor::qemu::{Qemu, argv, launch};
    use crate::hypervisor::{Arch, Channel, Devices, Disk, DiskFormat, Machine, Screen, Vsock};

    fn machine(devices: Devices) -> Machine {
        Machine { devices, ..argv::tests::machine() }
    }

    fn qemu(version: (u32, u32)) -> Qemu {
        Qemu { program: "/usr/bin/qemu".into(), arch: Arch::X86_64, version, os: Os::Linux }
    }

    fn line(version: (u32, u32), machine: &Machine) -> String {
        let launch = launch(&qemu(version), machine, Accelerator::Tcg).unwrap();
        launch.args.iter().map(|arg| arg.to_string_lossy()).collect::<Vec<_>>().join(" ")
    }

    /// Paths that QEMU, or a shell, could take apart.
    const PATHS: [&str; 4] = ["/a,b", "/a b", "/a\"b'", "/a\nb"];

    #[test]
    fn each_device_has_its_arguments() {
        let ssh = || Some(Channel { name: "a,b".into(), socket: "/s,1".into() });
        let cases = [
            ((10, 0), Devices::default(), "-display none"),
            (
                (10, 0),
                Devices { screen: Some(Screen::Hidden), ..Devices::default() },
                "-display none -device VGA",
            ),
            (
                (10, 0),
                Devices { screen: Some(Screen::Window), ..Devices::default() },
                "-display gtk -device VGA",
            ),
            (
                (10, 0),
                Devices { ssh: ssh(), ..Devices::default() },
                "-chardev socket,id=ssh,path=/s,,1,reconnect-ms=100 -device virtio-serial-pci,id=ssh-bus \
                 -device virtserialport,bus=ssh-bus.0,chardev=ssh,name=a,,b",
            ),
            (
                (10, 0),
                Devices { vsock: Some(Vsock::Cid(7)), ..Devices::default() },
                "-device vhost-vsock-pci,guest-cid=7",
            ),
            ((7, 2), Devices { ssh: ssh(), ..Devices::default() }, "path=/s,,1,reconnect=1 "),
        ];
        for (version, devices, wanted) in cases {
            let line = line(version, &machine(devices));
            assert!(line.contains(wanted), "{wanted}\nis not in\n{line}");
        }
        assert!(!line((10, 0), &machine(Devices::default())).contains("VGA"));
        let mac = Qemu { os: Os::Macos, ..qemu((10, 0)) };
        let window = machine(Devices { screen: Some(Screen::Window), ..Devices::default() });
        let args = launch(&mac, &window, Accelerator::Hvf).unwrap().args;
        assert!(args.windows(2).any(|pair| pair == ["-display", "cocoa"]), "{args:?}");
        let mut arm =
            machine(Devices { screen: Some(Screen::Hidden), tpm: Some("/t".into()), ..Devices::default() });
        arm.arch = Arch::Aarch64;
        let line = line((10, 0), &arm);
        assert!(
            line.contains("-device virtio-gpu-pci") && line.contains("tpm-tis-device,tpmdev=tpm0"),
            "{line}"
        );
    }

    #[test]
    fn paths_stay_whole() {
        for path in PATHS {
            let doubled = path.replace(',', ",,");
            let quoted = serde_json::to_string(path).unwrap();
            let file = PathBuf::from(path);
            let mut machine = machine(Devices {
                tpm: Some(file.clone()),
                ignition: Some(file.clone()),
                ..Devices::default()
            });
            let disk = |serial: &str| Disk {
                file: file.clone(),
                format: DiskFormat::Raw,
                serial: serial.into(),
                read_only: false,
                durable: true,
            };
            machine.disks = vec![disk("disk"), disk("extra0")];
            let line = line((10, 0), &machine);
            for wanted in [
                format!("socket,id=tpm,path={doubled} -tpmdev emulator,id=tpm0,chardev=tpm"),
                format!("-fw_cfg name=opt/com.coreos/config,file={doubled}"),
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
        let bad = || std::path::PathBuf::from(std::ffi::OsString::from_vec(vec![b'/', 0xff]));
        let ssh = Channel { name: "x".into(), socket: bad() };
        for devices in [
            Devices { tpm: Some(bad()), ..Devices::default() },
            Devices { ignition: Some(bad()), ..Devices::default() },
            Devices { ssh: Some(ssh), ..Devices::default() },
        ] {
            assert!(launch(&qemu((10, 0)), &machine(devices), Accelerator::Tcg).is_err());
        }
    }
}
