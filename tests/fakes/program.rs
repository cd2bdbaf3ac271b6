//! Plays the programs of other systems: it records each call and answers as the real program does.
//!
//! The name it is called with selects the program. It shows what the tool asks of these programs,
//! not what they do.
#![allow(
    clippy::unwrap_used,
    reason = "what fails here fails the test, with the place"
)]

// They are for macOS, and listen on Unix sockets.
#[cfg(unix)]
mod apple;
#[cfg(unix)]
mod gvproxy;
#[cfg(unix)]
mod http;
#[path = "../common/installed_disk.rs"]
mod installed_disk;
mod podman;
mod powershell;
mod qemu;

use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

/// Names the folder of the records, with a file for each call.
const RECORD: &str = "FAKE_RECORD";
/// Names the folder of the files that outlive a call.
const STATE: &str = "FAKE_STATE";

fn main() -> ExitCode {
    let me = PathBuf::from(std::env::args_os().next().unwrap());
    let name = me.file_stem().unwrap().to_str().unwrap().to_owned();
    let args: Vec<String> = std::env::args().skip(1).collect();
    record(&name, &args);
    match name.as_str() {
        "podman" => podman::main(&args),
        "powershell" => powershell::main(&args),
        #[cfg(unix)]
        "vfkit" | "krunkit" => apple::main(&name, &args),
        #[cfg(unix)]
        "gvproxy" => gvproxy::main(&args),
        "qemu-img" => qemu::image(&args),
        name if name.starts_with("qemu-system-") => qemu::system(&args),
        other => panic!("there is no fake of {other}"),
    }
}

fn record(name: &str, args: &[String]) {
    let folder = PathBuf::from(std::env::var_os(RECORD).unwrap());
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_nanos();
    let file = folder.join(format!("{now:030}-{}.json", std::process::id()));
    let call = serde_json::json!({"program": name, "args": args});
    // Renamed in one step, so that a reader finds no incomplete record.
    let half = file.with_extension("half");
    let mut new = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&half)
        .unwrap();
    new.write_all(call.to_string().as_bytes()).unwrap();
    std::fs::rename(half, file).unwrap();
}

/// Returns the folder of the files that outlive a call.
fn state() -> PathBuf {
    PathBuf::from(std::env::var_os(STATE).unwrap())
}

/// Returns the setting of a test, or nothing.
fn wanted(name: &str) -> String {
    std::env::var(name).unwrap_or_default()
}

/// Returns the value of an option.
fn option<'a>(args: &'a [String], name: &str) -> Option<&'a str> {
    let place = args.iter().position(|arg| arg == name)?;
    args.get(place + 1).map(String::as_str)
}
