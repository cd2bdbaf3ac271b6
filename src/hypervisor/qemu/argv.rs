//! Turns a machine into QEMU's command line: pure functions, the same on every system.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::args::{Args, NETDEV, PathNotUtf8, escape, socket, utf8};
use super::find::Qemu;
use super::root_ports::{self, Plugs};
use super::{credentials, devices, saved, shares};
use crate::host::Os;
use crate::hypervisor::accelerator::Accelerator;
use crate::hypervisor::{Arch, Boot, Channel, Disk, Firmware, Launch, Machine, Screen};

/// The network card's slot, the last one before the board's own devices. QEMU gives the other
/// devices the slots from 1 on, so that the guest's name of the card depends on none of them.
const NETWORK_SLOT: &str = "0x1e";
/// QEMU's own default for the first card. A VM is the only machine on its network.
const NETWORK_MAC: &str = "52:54:00:12:34:56";

/// Forbids system calls that QEMU doesn't need.
const SANDBOX: &str = "-sandbox";

/// Multi-threaded TCG crashed guests with QEMU 7.2 (Debian 12); 10.0 runs them well.
const FIRST_GOOD_MTTCG: (u32, u32) = (8, 0);

/// Older versions don't know all names of the processor's fast string instructions.
const FIRST_WITH_FAST_STRINGS: (u32, u32) = (9, 0);

/// Older versions don't know `-action`.
const FIRST_WITH_ACTIONS: (u32, u32) = (6, 0);

/// The command line that starts this machine.
///
/// The serial console is QEMU's standard input and output, or a socket. QEMU connects to our
/// control and channel sockets, so that we don't need to wait until they exist.
pub fn launch(
    qemu: &Qemu,
    machine: &Machine,
    accelerator: Accelerator,
) -> Result<Launch, PathNotUtf8> {
    let mut args = Args::default();
    args.flag("-nodefaults").flag("-no-user-config");
    // The help lists this option in every build. Only a start shows whether QEMU supports it.
    if qemu.os == Os::Linux {
        args.option(
            SANDBOX,
            "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
        );
    }
    args.option(
        "-name",
        &format!("guest={},debug-threads=on", escape(&machine.name)),
    );
    args.option("-accel", &accel(qemu, accelerator));
    args.option("-cpu", cpu(qemu, accelerator));
    args.option("-smp", &machine.cpus.to_string());
    args.option("-m", &format!("size={}M", machine.memory_mib));
    let console = match console_socket(qemu, machine) {
        Some(path) => socket("console", &path)?,
        None => "stdio,id=console,signal=off".to_owned(),
    };
    args.option("-chardev", &console)
        .option("-serial", "chardev:console");
    args.option("-chardev", &socket("control", &machine.control)?);
    args.option("-mon", "chardev=control,mode=control");
    args.option("-device", "virtio-rng-pci");
    if machine.arch == Arch::X86_64 {
        args.option("-device", "pvpanic");
        // The kernel reports its panic before it writes the message, if another CPU has the console
        // at that time. By default, QEMU stops the machine at the report.
        if qemu.version >= FIRST_WITH_ACTIONS {
            args.option("-action", "panic=none");
        }
    }
    boot(&mut args, machine, accelerator)?;
    add_disks(&mut args, machine)?;
    add_channels(&mut args, machine)?;
    let mut plugs = Plugs::add(&mut args, machine);
    for disk in &machine.devices.disks {
        let place = plugs.next(&disk.serial);
        add_disk(&mut args, &disk.serial, disk, &format!(",{place}"))?;
    }
    shares::add(&mut args, machine, &mut plugs)?;
    saved::add(&mut args, qemu, machine)?;
    devices::add(&mut args, qemu, machine)?;
    if machine.network {
        args.option("-netdev", &format!("user,id={NETDEV}"));
        // Without an option ROM, because no VM boots from the network.
        args.option(
            "-device",
            &format!(
                "virtio-net-pci,netdev={NETDEV},mac={NETWORK_MAC},addr={NETWORK_SLOT},romfile="
            ),
        );
    }
    credentials::add(&mut args, machine)?;
    Ok(Launch {
        program: qemu.program.clone(),
        args: args.0,
    })
}

/// The socket of the serial console on Windows. There, QEMU's standard input drops carriage
/// returns, which a terminal sends for Enter.
pub(super) fn console_socket(qemu: &Qemu, machine: &Machine) -> Option<PathBuf> {
    (qemu.os == Os::Windows).then(|| machine.runtime().join("serial"))
}

/// Returns the command line without the sandbox, or none if it has no sandbox.
pub(super) fn without_sandbox(launch: &Launch) -> Option<Launch> {
    let start = launch.args.iter().position(|arg| arg == SANDBOX)?;
    let mut launch = launch.clone();
    launch.args.drain(start..start + 2);
    Some(launch)
}

fn cpu(qemu: &Qemu, accelerator: Accelerator) -> &'static str {
    match (accelerator, qemu.arch) {
        (Accelerator::Kvm | Accelerator::Hvf | Accelerator::Native, _)
        | (Accelerator::Whpx, Arch::Aarch64) => "host",
        // WHPX fails with features that the host's processor lacks. Images today need x86-64-v3,
        // which this one has.
        (Accelerator::Whpx, Arch::X86_64) => "Haswell-noTSX",
        // With emulated virtualization the guest would load its own KVM, for nothing.
        (Accelerator::Tcg, Arch::X86_64) if qemu.version < FIRST_WITH_FAST_STRINGS => "max,svm=off",
        // QEMU emulates string instructions a byte at a time. Linux uses loops over eight bytes on a
        // processor that doesn't call these instructions fast.
        (Accelerator::Tcg, Arch::X86_64) => "max,svm=off,erms=off,fsrm=off,fsrs=off",
        (Accelerator::Tcg, Arch::Aarch64) => "max",
    }
}

fn accel(qemu: &Qemu, accelerator: Accelerator) -> String {
    match accelerator {
        Accelerator::Tcg if qemu.version < FIRST_GOOD_MTTCG => "tcg,thread=single".into(),
        // WHPX's own interrupt controller loses interrupts with this board.
        Accelerator::Whpx if qemu.arch == Arch::X86_64 => "whpx,kernel-irqchip=off".into(),
        other => other.name().into(),
    }
}

fn boot(args: &mut Args, machine: &Machine, accelerator: Accelerator) -> Result<(), PathNotUtf8> {
    let mut board = match machine.arch {
        // Without a SATA controller, because the guest would lose time with its empty ports.
        Arch::X86_64 => "q35,sata=off,usb=off".to_owned(),
        // With Hypervisor.framework, QEMU chooses the interrupt controller.
        Arch::Aarch64 if accelerator == Accelerator::Hvf => "virt".to_owned(),
        Arch::Aarch64 => "virt,gic-version=max".to_owned(),
    };
    match &machine.boot {
        // QEMU's built-in firmware is a BIOS. With this it writes to the serial console, too: what it
        // and a boot loader say would be on the screen alone.
        Boot::Firmware(Firmware::Bios | Firmware::BuiltIn { .. }) => {
            if machine.arch == Arch::X86_64 && machine.devices.screen != Some(Screen::Window) {
                board.push_str(",graphics=off");
            }
        }
        Boot::Firmware(Firmware::Uefi { code, vars, smm }) => {
            let flash = |name: &str, file: &Path, read_only: bool| -> Result<String, PathNotUtf8> {
                let file = json!({"driver": "file", "filename": utf8(file)?});
                let node = json!({"driver": "raw", "node-name": name, "read-only": read_only, "file": file});
                Ok(node.to_string())
            };
            args.option("-blockdev", &flash("firmware", code, true)?);
            args.option("-blockdev", &flash("variables", vars, false)?);
            board.push_str(",pflash0=firmware,pflash1=variables");
            if *smm {
                board.push_str(",smm=on");
                args.option("-global", "driver=cfi.pflash01,property=secure,value=on");
            }
        }
        Boot::Kernel {
            kernel,
            initrd,
            cmdline,
        } => {
            args.option("-kernel", utf8(kernel)?)
                .option("-initrd", utf8(initrd)?)
                .option("-append", cmdline);
        }
    }
    if shares::has_memory(machine) || machine.saved.is_some() {
        board.push_str(&format!(",memory-backend={}", shares::MEMORY));
    }
    args.option("-machine", &board);
    Ok(())
}

/// Adds the disks that the machine always has.
fn add_disks(args: &mut Args, machine: &Machine) -> Result<(), PathNotUtf8> {
    // Without a boot index the firmware can choose a further disk.
    let several = machine.disks.len() + machine.devices.disks.len() > 1;
    let first = matches!(machine.boot, Boot::Firmware(_)) && several;
    for (index, disk) in machine.disks.iter().enumerate() {
        let order = match first && index == 0 {
            true => ",bootindex=0",
            false => "",
        };
        add_disk(args, &format!("disk{index}"), disk, order)?;
    }
    Ok(())
}

fn add_disk(args: &mut Args, node: &str, disk: &Disk, options: &str) -> Result<(), PathNotUtf8> {
    args.option(
        "-blockdev",
        &root_ports::block_node(disk, node)?.to_string(),
    );
    let serial = escape(&disk.serial);
    args.option(
        "-device",
        &format!("virtio-blk-pci,drive={node},serial={serial}{options}"),
    );
    Ok(())
}

fn add_channels(args: &mut Args, machine: &Machine) -> Result<(), PathNotUtf8> {
    if machine.channels.is_empty() && machine.doors.is_empty() {
        return Ok(());
    }
    args.option("-device", "virtio-serial-pci");
    let mut add = |id: &str, Channel { name, socket: path }: &Channel, listen: &str| {
        args.option("-chardev", &format!("{}{listen}", socket(id, path)?));
        let name = escape(name);
        args.option(
            "-device",
            &format!("virtserialport,chardev={id},name={name}"),
        );
        Ok(())
    };
    for (index, channel) in machine.channels.iter().enumerate() {
        add(&format!("channel{index}"), channel, "")?;
    }
    for (index, door) in machine.doors.iter().enumerate() {
        add(&format!("door{index}"), door, ",server=on,wait=off")?;
    }
    Ok(())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub fn qemu(version: (u32, u32)) -> Qemu {
        Qemu {
            program: "/usr/bin/qemu-system-x86_64".into(),
            arch: Arch::X86_64,
            version,
            os: Os::Macos,
        }
    }

    pub fn machine() -> Machine {
        Machine {
            name: "swift-heron".into(),
            arch: Arch::X86_64,
            cpus: 2,
            memory_mib: 2048,
            boot: Boot::Firmware(Firmware::Bios),
            disks: vec![],
            channels: vec![],
            doors: vec![],
            credentials: vec![],
            network: false,
            devices: Default::default(),
            saved: None,
            wakes: false,
            generation_id: false,
            control: "/run/x/qmp".into(),
            arguments: vec![],
        }
    }

    pub fn line(machine: &Machine) -> String {
        let launch = launch(&qemu((10, 0)), machine, Accelerator::Tcg).unwrap();
        launch
            .args
            .iter()
            .map(|a| a.to_string_lossy())
            .collect::<Vec<_>>()
            .join(" ")
    }

    #[test]
    fn commas_and_quotes_stay_in_their_values() {
        type Change = fn(&mut Machine);
        let cases: &[(Change, &[&str])] = &[
            (|m| m.name = "a,b".into(), &["-name guest=a,,b,"]),
            (
                |m| m.control = "/run/a,b/qmp".into(),
                &["socket,id=control,path=/run/a,,b/qmp"],
            ),
            (
                |m| {
                    m.boot = Boot::Firmware(Firmware::Uefi {
                        code: "/c \"q\".fd".into(),
                        vars: "/v,1.fd".into(),
                        smm: true,
                    })
                },
                &[r#""filename":"/c \"q\".fd""#, r#""filename":"/v,1.fd""#],
            ),
            (
                |m| {
                    m.boot = Boot::Kernel {
                        kernel: "/k".into(),
                        initrd: "/i".into(),
                        cmdline: "a=\"b c\"".into(),
                    };
                },
                &["-append a=\"b c\""],
            ),
        ];
        for (change, wanted) in cases {
            let mut machine = machine();
            change(&mut machine);
            let line = line(&machine);
            for want in *wanted {
                assert!(line.contains(want), "{want}\nis not in\n{line}");
            }
        }
    }

    #[test]
    fn the_sandbox_can_be_left_out() {
        let sandboxed = Qemu {
            os: Os::Linux,
            ..qemu((10, 0))
        };
        let launch = launch(&sandboxed, &machine(), Accelerator::Tcg).unwrap();
        let plain = super::launch(&qemu((10, 0)), &machine(), Accelerator::Tcg).unwrap();
        assert_eq!(without_sandbox(&launch), Some(plain.clone()));
        assert_eq!(without_sandbox(&plain), None);
    }

    #[test]
    fn each_accelerator_has_its_processor() {
        for (arch, version, accelerator, options) in [
            (Arch::X86_64, (10, 0), Accelerator::Kvm, ("kvm", "host")),
            (
                Arch::X86_64,
                (10, 0),
                Accelerator::Tcg,
                ("tcg", "max,svm=off,erms=off,fsrm=off,fsrs=off"),
            ),
            (
                Arch::X86_64,
                (7, 2),
                Accelerator::Tcg,
                ("tcg,thread=single", "max,svm=off"),
            ),
            (
                Arch::X86_64,
                (10, 0),
                Accelerator::Whpx,
                ("whpx,kernel-irqchip=off", "Haswell-noTSX"),
            ),
            (Arch::Aarch64, (10, 0), Accelerator::Tcg, ("tcg", "max")),
            (Arch::Aarch64, (10, 0), Accelerator::Hvf, ("hvf", "host")),
            (Arch::Aarch64, (11, 0), Accelerator::Whpx, ("whpx", "host")),
        ] {
            let qemu = Qemu {
                arch,
                ..qemu(version)
            };
            assert_eq!(
                (&*accel(&qemu, accelerator), cpu(&qemu, accelerator)),
                options
            );
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_path_that_is_not_utf8_is_refused() {
        use std::ffi::OsString;
        use std::os::unix::ffi::OsStringExt;
        let mut machine = machine();
        machine.control = PathBuf::from(OsString::from_vec(vec![b'/', 0xff]));
        assert!(launch(&qemu((10, 0)), &machine, Accelerator::Tcg).is_err());
    }
}
