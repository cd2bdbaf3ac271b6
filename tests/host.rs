//! The operating system between processes: locks, helpers, local sockets, folders.
//!
//! These tests need only the built program. `tests/cross.sh` also runs them for Windows under wine
//! and for arm64 under QEMU.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "common"]
mod common {
    pub mod tool;
    pub mod wait;
}

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use common::tool::Tool;
use common::wait::eventually;
use podman_bootc::host::fs::lock;
use podman_bootc::host::fs::lock::Lock;
use podman_bootc::host::net::socket;
use podman_bootc::host::process;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};

/// Tells a process of this program to play a role instead of running tests; see [`role`].
const ROLE: &str = "HOST_TEST_ROLE";
/// Names the file that the role uses.
const FILE: &str = "HOST_TEST_FILE";
/// More than any step takes, even under wine.
const LONG: Duration = Duration::from_secs(60);

/// Not a test: the tests start it as another process. As a test it does nothing.
#[test]
fn role() {
    let Ok(role) = std::env::var(ROLE) else {
        return;
    };
    let file = PathBuf::from(std::env::var_os(FILE).unwrap());
    match role.as_str() {
        "hold" => {
            let _lock = Lock::acquire(&file).unwrap();
            announce("held");
            std::thread::sleep(LONG);
        }
        "parent" => runtime().block_on(async {
            let mut command = actor("hold", &file);
            command.stdout(Stdio::piped());
            let mut child = process::spawn_helper(command).unwrap();
            let mut lines = tokio::io::BufReader::new(child.stdout().unwrap()).lines();
            while !lines.next_line().await.unwrap().unwrap().ends_with("held") {}
            announce("held");
            tokio::time::sleep(LONG).await;
        }),
        "client" => runtime().block_on(async {
            let (read, mut write) = socket::split(socket::connect(&file).await.unwrap());
            write.write_all(b"from the client\n").await.unwrap();
            let mut lines = tokio::io::BufReader::new(read).lines();
            assert_eq!(lines.next_line().await.unwrap().unwrap(), "from the server");
        }),
        other => panic!("no such role: {other}"),
    }
    std::process::exit(0);
}

fn announce(word: &str) {
    // libtest has written the beginning of the line.
    println!("{word}");
}

/// Returns a command that runs this program in a role.
fn actor(role: &str, file: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "role", "--nocapture"])
        .env(ROLE, role)
        .env(FILE, file)
        .stdin(Stdio::null());
    command
}

/// Starts this program in a role, and waits until it says that it holds its lock.
fn start(role: &str, file: &Path) -> Child {
    let mut child = actor(role, file).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(
        lines.any(|line| line.unwrap().ends_with("held")),
        "{role} didn't get so far"
    );
    // Reads on, so that the process never waits for a reader.
    std::thread::spawn(move || lines.for_each(drop));
    child
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

fn until(what: &str, condition: impl Fn() -> bool) {
    assert!(
        eventually(LONG, || condition().then_some(())).is_some(),
        "{what}"
    );
}

#[test]
fn a_lock_is_held_across_processes_and_ends_with_its_holder() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("lock");
    let mut holder = start("hold", &file);
    assert!(lock::is_held(&file) && Lock::try_acquire(&file).unwrap().is_none());
    process::kill(holder.id());
    let status = holder.wait().unwrap();
    assert!(!status.success() && process::was_killed(status), "{status}");
    until("the lock of a dead process", || !lock::is_held(&file));
    assert!(Lock::try_acquire(&file).unwrap().is_some());
}

/// macOS has no way to do this.
#[cfg(any(target_os = "linux", windows))]
#[test]
fn a_helper_dies_with_its_parent() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("lock");
    let mut parent = start("parent", &file);
    assert!(lock::is_held(&file), "its helper holds it");
    process::kill(parent.id());
    parent.wait().unwrap();
    until("the helper of a dead process", || !lock::is_held(&file));
}

#[test]
fn processes_talk_over_a_socket() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    runtime().block_on(async {
        assert!(socket::connect(&path).await.is_err(), "no server listens");
        let mut listener = socket::listen(&path).unwrap();
        // Two clients at once, twice.
        for _ in 0..2 {
            let mut clients =
                [actor("client", &path), actor("client", &path)].map(|mut c| c.spawn().unwrap());
            for _ in &clients {
                let stream = tokio::time::timeout(LONG, listener.accept())
                    .await
                    .unwrap()
                    .unwrap();
                let (read, mut write) = socket::split(stream);
                let mut read = tokio::io::BufReader::new(read);
                let mut line = String::new();
                read.read_line(&mut line).await.unwrap();
                assert_eq!(line, "from the client\n");
                write.write_all(b"from the server\n").await.unwrap();
                // The client reads the answer and disconnects.
                let mut rest = Vec::new();
                let _ = read.read_to_end(&mut rest).await;
                assert_eq!(rest, b"");
            }
            for client in &mut clients {
                assert!(client.wait().unwrap().success());
            }
        }
    });
}

/// Runs the tool with the default folders below a home of its own, and returns its exit code and
/// output.
fn run(tool: &Tool, args: &[&str]) -> (i32, String, String) {
    let mut command = tool.command(args);
    for variable in ["XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR"] {
        command.env_remove(variable);
    }
    let output = command.stdin(Stdio::null()).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (
        output.status.code().unwrap(),
        text(output.stdout),
        text(output.stderr),
    )
}

#[test]
fn the_command_line_works_without_anything_else() {
    let home = tempfile::tempdir().unwrap();
    let mut tool = Tool::new(home.path());
    tool.set("HOME", home.path());
    let (code, help, _) = run(&tool, &["--help"]);
    assert!(code == 0 && help.contains("Usage: podman-bootc"), "{help}");
    let (code, script, _) = run(&tool, &["completion", "powershell"]);
    assert!(
        code == 0 && script.contains("Register-ArgumentCompleter"),
        "{script}"
    );
    let (code, _, errors) = run(&tool, &["no-such-command"]);
    assert!(
        code == 125 && errors.contains("no-such-command"),
        "{code} {errors}"
    );

    let (code, list, errors) = run(&tool, &["list", "--format", "json"]);
    assert_eq!((code, list.trim(), errors.as_str()), (0, "[]", ""));
    let (code, _, errors) = run(&tool, &["ssh", "no-such-vm"]);
    assert!(
        code == 125 && errors.contains("no-such-vm"),
        "{code} {errors}"
    );
    let folders = if cfg!(windows) {
        let local = PathBuf::from(std::env::var_os("LOCALAPPDATA").unwrap());
        [
            local.join(r"podman-bootc\cache"),
            local.join(r"podman-bootc\data"),
        ]
    } else if cfg!(target_os = "macos") {
        [
            "Library/Caches/podman-bootc",
            "Library/Application Support/podman-bootc",
        ]
        .map(|folder| tool.path(folder))
    } else {
        [".cache/podman-bootc", ".local/share/podman-bootc"].map(|folder| tool.path(folder))
    };
    for folder in folders {
        assert!(folder.is_dir(), "{}", folder.display());
    }
}
