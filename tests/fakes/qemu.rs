//! QEMU and qemu-img.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::process::ExitCode;

use serde_json::{Value, json};

use super::{option, state, wanted};

/// Set if it was built without its sandbox on Linux.
const NO_SANDBOX: &str = "FAKE_NO_SANDBOX";
/// The message with which it ends at once, unless it emulates.
const HARDWARE_FAILS: &str = "FAKE_HARDWARE_FAILS";
/// The number of starts at which an emulated processor stalls.
const TIMER_LOST: &str = "FAKE_TIMER_LOST";
/// The presses of the power button that the guest doesn't see.
const DEAF: &str = "FAKE_DEAF";
/// Set if the guest sends its ready signal.
const READY: &str = "FAKE_READY";

#[cfg(unix)]
type Stream = std::os::unix::net::UnixStream;
/// The type is for TCP, but works with any stream socket.
#[cfg(windows)]
type Stream = std::net::TcpStream;

#[cfg(unix)]
fn connect(path: &str) -> Stream {
    Stream::connect(path).unwrap()
}

#[cfg(windows)]
fn connect(path: &str) -> Stream {
    let socket = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None).unwrap();
    socket
        .connect(&socket2::SockAddr::unix(path).unwrap())
        .unwrap();
    socket.into()
}

/// The first bytes of a disk image, by format.
const MAGIC: [(&str, &[u8]); 3] = [
    ("qcow2", b"QFI\xfb"),
    ("vhdx", b"vhdxfile"),
    ("raw", b"RAW!"),
];

pub fn image(args: &[String]) -> ExitCode {
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let create = |format: &str, file: &str| {
        let (_, magic) = MAGIC.iter().find(|(name, _)| *name == format).unwrap();
        std::fs::write(file, magic).unwrap();
    };
    match words[..] {
        ["create", "-q", "-f", format, "-F", "raw", "-b", _, file, ..] => create(format, file),
        ["convert", "-q", "-O", format, .., file] => create(format, file),
        ["info", "--output=json", _] => {
            println!(
                "{}",
                json!({"virtual-size": 512, "filename": "x", "format": "raw"})
            );
        }
        ref other => panic!("{other:?}"),
    }
    ExitCode::SUCCESS
}

pub fn system(args: &[String]) -> ExitCode {
    if args == ["-help"] {
        println!(
            "QEMU emulator version 10.0.0\nCopyright (c) 2003-2025 Fabrice Bellard and the QEMU Project\n\
             -sandbox on[,obsolete=allow|deny][,elevateprivileges=allow|deny|children]"
        );
        return ExitCode::SUCCESS;
    }
    // The help of every build names the option.
    let has_sandbox = wanted("PODMAN_BOOTC_FAKE_OS") == "linux" && wanted(NO_SANDBOX).is_empty();
    if !has_sandbox && let Some(sandbox) = option(args, "-sandbox") {
        eprintln!(
            "qemu-system-x86_64: -sandbox {sandbox}: -sandbox support is not enabled in this QEMU binary"
        );
        return ExitCode::FAILURE;
    }
    let socket = |id: &str| {
        let start = format!("socket,id={id},path=");
        let path = args.iter().find_map(|arg| arg.strip_prefix(&start))?;
        Some(connect(&path.replace(",,", ",")))
    };
    let failure = wanted(HARDWARE_FAILS);
    if !failure.is_empty() && !option(args, "-accel").unwrap().starts_with("tcg") {
        eprintln!("qemu-system-x86_64: {failure}");
        return ExitCode::FAILURE;
    }
    let control = socket("control").unwrap();
    // They stay open as long as QEMU runs.
    let mut channels: Vec<Stream> = (0..)
        .map_while(|number| socket(&format!("channel{number}")))
        .collect();
    if !wanted(READY).is_empty() {
        channels[0].write_all(b"ready\n").unwrap();
    }
    match socket("console") {
        Some(mut console) => {
            console.write_all(b"fake QEMU booted\n").unwrap();
            std::thread::spawn(move || type_back(console));
        }
        None => println!("fake QEMU booted"),
    }
    let starts = state().join("starts");
    let before = std::fs::read(&starts).unwrap_or_default().len();
    if before < wanted(TIMER_LOST).parse().unwrap_or_default() {
        std::fs::write(&starts, vec![0; before + 1]).unwrap();
        println!(
            "[   25.000000] rcu: rcu_preempt kthread timer wakeup didn't happen for 5251 jiffies! g-983"
        );
    }
    let mut monitor = Monitor {
        out: control.try_clone().unwrap(),
        ports: vec![],
        deaf: wanted(DEAF).parse().unwrap_or_default(),
    };
    monitor.say(&json!({"QMP": {
        "version": {"qemu": {"micro": 0, "minor": 0, "major": 10}, "package": ""},
        "capabilities": ["oob"],
    }}));
    for line in BufReader::new(control).lines() {
        let command: Value = serde_json::from_str(&line.unwrap()).unwrap();
        if monitor.obey(&command) {
            return ExitCode::SUCCESS;
        }
    }
    // The supervisor has disconnected.
    ExitCode::FAILURE
}

/// Prints each key that is typed on the console.
fn type_back(mut console: Stream) {
    let mut key = [0];
    while let Ok(1) = console.read(&mut key) {
        console
            .write_all(format!("typed {}\n", key[0]).as_bytes())
            .unwrap();
    }
}

struct Monitor {
    out: Stream,
    /// Forwarded ports: the host's listener and the guest's address.
    ports: Vec<(TcpListener, String)>,
    deaf: u32,
}

impl Monitor {
    fn say(&mut self, message: &Value) {
        self.out
            .write_all(format!("{message}\r\n").as_bytes())
            .unwrap();
    }

    /// Returns true when the command ends the machine.
    fn obey(&mut self, command: &Value) -> bool {
        let by_guest = match command["execute"]
            .as_str()
            .or(command["exec-oob"].as_str())
            .unwrap()
        {
            "qmp_capabilities" => return self.answer(command, json!({})),
            "human-monitor-command" => {
                let text = self.human(command["arguments"]["command-line"].as_str().unwrap());
                return self.answer(command, text.into());
            }
            "system_powerdown" if self.deaf > 0 => {
                self.deaf -= 1;
                return self.answer(command, json!({}));
            }
            "system_powerdown" => true,
            "quit" => false,
            other => panic!("{other}"),
        };
        self.answer(command, json!({}));
        let reason = if by_guest {
            "guest-shutdown"
        } else {
            "host-qmp-quit"
        };
        self.say(&json!({
            "timestamp": {"seconds": 1, "microseconds": 2},
            "event": "SHUTDOWN",
            "data": {"guest": by_guest, "reason": reason},
        }));
        true
    }

    fn answer(&mut self, command: &Value, value: Value) -> bool {
        let mut message = json!({"return": value});
        if let Some(id) = command.get("id") {
            message["id"] = id.clone();
        }
        self.say(&message);
        false
    }

    fn human(&mut self, line: &str) -> String {
        match line.split(' ').collect::<Vec<_>>()[..] {
            ["hostfwd_add", "net0", rule] => {
                let (host, guest) = rule.split_once("-:").unwrap();
                match TcpListener::bind(host.strip_prefix("tcp:").unwrap()) {
                    Ok(port) => self.ports.push((port, guest.to_owned())),
                    Err(_) => return "could not set up host forwarding rule\r\n".into(),
                }
                String::new()
            }
            ["info", "usernet"] => {
                let mut table = "Hub -1 (net0):\r\n".to_owned();
                for (port, guest) in &self.ports {
                    let host = port.local_addr().unwrap().port();
                    table += &format!(
                        "  TCP[HOST_FORWARD]  3  127.0.0.1 {host}  10.0.2.15 {guest}  0  0\r\n"
                    );
                }
                table
            }
            ref other => panic!("{other:?}"),
        }
    }
}
