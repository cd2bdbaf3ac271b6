//! PowerShell with Hyper-V.

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{option, state, wanted};

/// The state of Hyper-V: empty for a usable one, `absent`, `stopped` or `denied`.
const HYPERV: &str = "FAKE_HYPERV";

pub fn main(args: &[String]) -> ExitCode {
    let script = decode(option(args, "-EncodedCommand").unwrap());
    if script.contains("WindowsPrincipal") {
        let like = wanted(HYPERV);
        println!(
            "{}",
            json!({"installed": like != "absent", "running": like != "stopped", "allowed": like != "denied"})
        );
        return ExitCode::SUCCESS;
    }
    let value = script
        .split("FromBase64String('")
        .nth(1)
        .unwrap()
        .split('\'')
        .next()
        .unwrap();
    let vm: Value = serde_json::from_slice(&STANDARD.decode(value).unwrap()).unwrap();
    let file = state().join(format!("running-{}", vm["name"].as_str().unwrap()));
    if script.contains("New-VM") {
        let disk = std::fs::read(vm["disk"].as_str().unwrap()).unwrap();
        assert!(disk.starts_with(b"vhdxfile"), "the disk is not a VHDX");
        std::fs::write(&file, "").unwrap();
        #[cfg(windows)]
        console(vm["console"].as_str().unwrap());
        say(&json!({"event": "started", "id": "01234567-89ab-cdef-0123-456789abcdef"}));
        say(&json!({"event": "address", "address": "127.0.0.1"}));
        while file.exists() {
            std::thread::sleep(Duration::from_millis(20));
        }
    } else if script.contains("Remove-VM") {
        // It may have been removed before.
        let _ = std::fs::remove_file(&file);
    } else {
        assert!(script.contains("Stop-VM"));
        std::fs::remove_file(&file).unwrap();
    }
    ExitCode::SUCCESS
}

/// The named pipe of the guest's serial console, with a client or without one.
#[cfg(windows)]
fn console(name: &str) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let mut pipe = {
        let _inside = runtime.enter();
        tokio::net::windows::named_pipe::ServerOptions::new()
            .create(name)
            .unwrap()
    };
    std::thread::spawn(move || {
        runtime.block_on(async {
            pipe.connect().await.unwrap();
            pipe.write_all(b"fake Hyper-V booted\r\n").await.unwrap();
            // The client stays connected while the VM runs.
            loop {
                let key = pipe.read_u8().await.unwrap();
                pipe.write_all(format!("typed {key}\r\n").as_bytes())
                    .await
                    .unwrap();
            }
        });
    });
}

fn say(event: &Value) {
    let mut out = std::io::stdout().lock();
    // Windows ends lines so.
    out.write_all(format!("{event}\r\n").as_bytes()).unwrap();
    out.flush().unwrap();
}

fn decode(text: &str) -> String {
    let bytes = STANDARD.decode(text).unwrap();
    let units: Vec<u16> = bytes
        .chunks(2)
        .map(|pair| u16::from_le_bytes([pair[0], pair[1]]))
        .collect();
    String::from_utf16(&units).unwrap()
}
