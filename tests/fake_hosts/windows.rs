//! The hypervisors of Windows: Hyper-V through PowerShell, and QEMU.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::{Call, Host, IMAGE, has};

#[test]
fn hyperv_on_windows() {
    let host = Host::new("windows", &["powershell", "qemu-system-x86_64"]);
    host.run(&["-p", "0:80", "-m", "3G"]);
    let row = host.row();
    assert_eq!(
        (&row["state"], &row["accelerator"]),
        (&"running".into(), &"native".into())
    );
    has(
        &host.call("qemu-img"),
        &["convert -q -O vhdx -o subformat=dynamic", "disk.vhdx"],
    );
    let lines: Vec<String> = host.calls("podman").iter().map(Call::line).collect();
    has(
        &lines.join("\n"),
        &["--karg=console=ttyS0", "tar --create --sparse"],
    );

    let scripts = |host: &Host| -> Vec<String> {
        host.calls("powershell")
            .iter()
            .map(|call| script(call.args.last().unwrap()))
            .collect()
    };
    let all = scripts(&host);
    // The tool checks the user's rights before it creates anything.
    has(&all[0], &["WindowsPrincipal", "S-1-5-32-578"]);
    let run = all.last().unwrap();
    has(run, &["New-VM", "-Generation 2", "-EnableSecureBoot Off"]);
    let vm = value(run);
    assert_eq!(vm["name"], "podman-bootc-one");
    assert_eq!(vm["disk"], host.vm("disk.vhdx").to_str().unwrap());
    assert_eq!(vm["memory"], 3_u64 << 30);
    has(
        vm["console"].as_str().unwrap(),
        &[r"\\.\pipe\podman-bootc-"],
    );
    // Only Windows has these pipes.
    #[cfg(windows)]
    {
        host.has_logged("fake Hyper-V booted");
        assert!(!host.type_on_console(b"a\r").contains("read-only"));
        host.has_logged("typed 97\r\ntyped 13\r\n");
    }

    host.stop_start_remove();
    let all = scripts(&host);
    let ends: Vec<&String> = all
        .iter()
        .filter(|script| script.contains("| Stop-VM "))
        .collect();
    assert_eq!(ends.len(), 2);
    assert!(
        !ends[0].contains("-TurnOff") && ends[1].contains("-TurnOff"),
        "`stop` shuts the guest down, `rm -f` turns it off"
    );
}

#[test]
fn qemu_on_windows() {
    let qemu = format!("qemu-system-{}", std::env::consts::ARCH);
    let host = Host::new("windows", &["powershell", &qemu]);
    // Without Hyper-V the tool chooses QEMU.
    let host = host.with("FAKE_HYPERV", "absent");
    // The folder of QEMU's installer, which does not change PATH. wine sets another `ProgramFiles`.
    let folder = if cfg!(windows) {
        "bin"
    } else {
        "programs/qemu"
    };
    host.firmware(&format!("{folder}/share"));
    if !cfg!(windows) {
        for name in [&qemu, "qemu-img"] {
            let place = host.path(folder).join(format!("{name}.exe"));
            std::fs::rename(host.path("bin").join(name), place).unwrap();
        }
    }
    // On Windows these paths have a drive.
    let file = |name: &str, content: &[u8]| {
        std::fs::write(host.path("share").join(name), content).unwrap();
        host.path("share").join(name).to_str().unwrap().to_owned()
    };
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIL4pCrH4MYVVMWwP1CHbjnoqcCvZT1VXyz5PH7ppzXJX x";
    let paths = [
        ("--ssh-key", file("key.pub", key.as_bytes())),
        ("--credential", format!("x=@{}", file("value", b"v"))),
        (
            "--ignition",
            file("config.ign", b"{\"ignition\": {\"version\": \"3.4.0\"}}"),
        ),
        (
            "--add-disk",
            format!("{}:ro", file("data.raw", &[0; 1 << 20])),
        ),
    ];
    file("user-data", b"#cloud-config\n");
    let folder = host.path("share").to_str().unwrap().to_owned();
    let mut flags = vec!["--cloudinit", &folder];
    flags.extend(paths.iter().flat_map(|(flag, path)| [*flag, path.as_str()]));
    if !has_unix_sockets() {
        // Without them the tool can't talk to QEMU; it says so and leaves nothing.
        let run = [
            &["run", "-q", "-d", "--rm", "--disk-size", "520M"][..],
            &flags,
            &[IMAGE],
        ]
        .concat();
        has(&host.fail(&run), &["can't start", "qemu-system-"]);
        assert_eq!(host.succeed(&["list", "-q"]), "");
        return;
    }
    host.run(&flags);
    assert_eq!(host.row()["accelerator"], "whpx");
    let line = host.calls(&qemu).last().unwrap().line();
    let accel = if cfg!(target_arch = "x86_64") {
        "-accel whpx,kernel-irqchip=off"
    } else {
        "-accel whpx "
    };
    has(
        &line,
        &[accel, "-netdev user,id=net0", "data.raw", "cidata.img"],
    );
    host.has_logged("fake QEMU booted");
    // Enter, as a terminal sends it.
    host.type_on_console(b"a\r");
    host.has_logged("typed 97\ntyped 13\n");
    host.stop_start_remove();
}

/// Windows 10 (1803) and later has Unix sockets; wine 10 does not.
#[cfg(windows)]
fn has_unix_sockets() -> bool {
    socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None).is_ok()
}

#[cfg(unix)]
fn has_unix_sockets() -> bool {
    true
}

/// Decodes the script in PowerShell's argument.
pub fn script(argument: &str) -> String {
    let bytes = STANDARD.decode(argument).unwrap();
    let units: Vec<u16> = bytes
        .chunks(2)
        .map(|pair| u16::from_le_bytes([pair[0], pair[1]]))
        .collect();
    String::from_utf16(&units).unwrap()
}

/// Decodes the value in a script.
pub fn value(script: &str) -> Value {
    let text = script
        .split("FromBase64String('")
        .nth(1)
        .unwrap()
        .split('\'')
        .next()
        .unwrap();
    serde_json::from_slice(&STANDARD.decode(text).unwrap()).unwrap()
}
