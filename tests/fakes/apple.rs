//! vfkit and krunkit.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::ExitCode;

use super::{http, option, wanted};

/// Makes it stay in the state `Starting`.
const STUCK: &str = "FAKE_STUCK";
/// Makes the kernel of its guest panic.
const PANIC: &str = "FAKE_PANIC";

pub fn main(name: &str, args: &[String]) -> ExitCode {
    let devices: Vec<&str> = args
        .windows(2)
        .filter(|pair| pair[0] == "--device")
        .map(|pair| pair[1].as_str())
        .collect();
    let value = |device: &str, key: &str| {
        let options = devices
            .iter()
            .find_map(|text| text.strip_prefix(device)?.strip_prefix(','))?;
        options
            .split(',')
            .find_map(|word| word.strip_prefix(key)?.strip_prefix('='))
    };
    let mut start = [0; 4];
    let mut disk = File::open(value("virtio-blk", "path").unwrap()).unwrap();
    disk.read_exact(&mut start).unwrap();
    if &start != b"RAW!" {
        eprintln!("{name}: the disk is not what was installed: {start:?}");
        return ExitCode::FAILURE;
    }
    let network = value("virtio-net", "unixSocketPath")
        .or(value("virtio-net", "path"))
        .unwrap();
    if !Path::new(network).exists() {
        eprintln!("{name}: there is no network socket {network}");
        return ExitCode::FAILURE;
    }
    if let Some(folder) = value("virtio-fs", "sharedDir") {
        assert!(Path::new(folder).is_dir());
    }
    eprintln!("{name} says something for people");
    let mut console: Box<dyn Write> = match value("virtio-serial", "logFilePath") {
        Some(file) => Box::new(File::create(file).unwrap()),
        None => Box::new(terminal()),
    };
    console
        .write_all(format!("fake {name} booted\n").as_bytes())
        .unwrap();
    if !wanted(PANIC).is_empty() {
        let panic = "Kernel panic - not syncing: sysrq triggered crash";
        console
            .write_all(
                format!("[   12.400000] {panic}\n[   12.600000] ---[ end {panic} ]---\n")
                    .as_bytes(),
            )
            .unwrap();
    }
    let socket = option(args, "--restful-uri")
        .unwrap()
        .strip_prefix("unix://")
        .unwrap();
    let listener = UnixListener::bind(socket).unwrap();
    let running = r#"{"state":"VirtualMachineStateRunning"}"#;
    let running = match wanted(STUCK).as_str() {
        "" => running,
        _ => r#"{"state":"VirtualMachineStateStarting"}"#,
    };
    http::serve(&listener, |request| {
        assert_eq!(request.path, "/vm/state");
        match (request.method.as_str(), request.body["state"].as_str()) {
            ("GET", _) if name == "krunkit" => Some(format!(
                "HTTP/1.1 200 OK\r\nContent-type: application/json\r\n\r\n{running}\0"
            )),
            ("GET", _) => Some(format!(
                "HTTP/1.0 200 OK\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: {}\r\n\r\n{running}",
                running.len()
            )),
            // The guest shuts down or is turned off, and the program ends.
            ("POST", Some("Stop" | "HardStop")) => {
                console.write_all(b"going down\n").unwrap();
                None
            }
            other => panic!("{other:?}"),
        }
    });
    std::fs::remove_file(socket).unwrap();
    ExitCode::SUCCESS
}

/// vfkit's `stdio` console, which needs a terminal. It prints each key that is typed.
fn terminal() -> File {
    let (mut stdin, stdout) = (std::io::stdin(), std::io::stdout());
    rustix::termios::tcgetattr(&stdin).unwrap();
    let open = |fd: BorrowedFd<'_>| File::from(fd.try_clone_to_owned().unwrap());
    let mut echo = open(stdout.as_fd());
    std::thread::spawn(move || {
        let mut key = [0];
        while let Ok(1) = stdin.read(&mut key) {
            echo.write_all(format!("typed {}\n", key[0]).as_bytes())
                .unwrap();
        }
    });
    open(stdout.as_fd())
}
