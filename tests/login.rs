//! Sessions with a real OpenSSH server on loopback. `tests/cross.sh` starts it and runs this for each system.
//!
//! `TEST_SSHD_PORT` is its port, `TEST_SSHD_KEYS` its file of authorized keys, `TEST_SSHD_USER` the user.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::io::{Cursor, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use podman_bootc::guest::ssh::keys::Keys;
use podman_bootc::guest::ssh::session::{Error, Login, Session};

const TIME: Duration = Duration::from_secs(60);

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set"))
}

/// Keys of a VM's own, which the server knows only when it is told.
fn login(folder: &std::path::Path) -> Login {
    let keys = Keys::in_folder(folder);
    keys.create().unwrap();
    Login { user: variable("TEST_SSHD_USER"), keys, alias: "vm".into() }
}

fn authorize(login: &Login) {
    let mut file = std::fs::OpenOptions::new().append(true).open(variable("TEST_SSHD_KEYS")).unwrap();
    writeln!(file, "{}", login.keys.public_line().unwrap()).unwrap();
}

fn open(login: &Login) -> Result<Session, Error> {
    let port: u16 = variable("TEST_SSHD_PORT").parse().unwrap();
    Session::open(TcpStream::connect(("127.0.0.1", port)).unwrap(), login, TIME)
}

#[test]
fn a_session_with_openssh() {
    let folder = tempfile::tempdir().unwrap();
    let login = login(folder.path());
    assert!(matches!(open(&login), Err(Error::Refused { .. })), "nobody knows the key");
    assert!(!login.keys.known_hosts().exists(), "only a login pins the host's key");
    authorize(&login);
    let session = open(&login).unwrap();
    let pinned = std::fs::read_to_string(login.keys.known_hosts()).unwrap();
    assert!(pinned.starts_with("vm ssh-ed25519 AAAA"), "{pinned}");

    for (line, code) in
        [("true", 0), ("exit 42", 42), ("kill -9 $$", 137), ("kill -USR2 $$", 140), ("no-such-program", 127)]
    {
        assert_eq!(session.capture(line).unwrap().0, code, "{line}");
    }
    assert_eq!(session.capture("echo out; echo err >&2; exit 3").unwrap(), (3, "out\nerr\n".into()));
    assert_eq!(session.capture("cat").unwrap(), (0, String::new()), "no input ends at once");

    // A command that doesn't read its input, and one that goes on after it has closed all of its streams.
    let much = || Cursor::new(vec![0; 8 << 20]);
    assert_eq!(session.exec("exit 3", much(), &mut Vec::new(), &mut Vec::new()).unwrap(), 3);
    let line = "exec 0<&- 1>&- 2>&-; sleep 1; exit 4";
    assert_eq!(session.exec(line, much(), &mut Vec::new(), &mut Vec::new()).unwrap(), 4);

    // In the midst of another runtime, too.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (code, text) = runtime.block_on(async { session.capture("seq 100000 | tail -n 1") }).unwrap();
    assert_eq!((code, text.as_str()), (0, "100000\n"));
    runtime.block_on(async { drop(session) });

    std::fs::write(login.keys.known_hosts(), pinned.replace("AAAA", "AAAB")).unwrap();
    assert!(matches!(open(&login), Err(Error::HostKey(_))), "another host's key was pinned");
}

#[test]
fn a_hundred_megabytes_and_back() {
    let folder = tempfile::tempdir().unwrap();
    let login = login(folder.path());
    authorize(&login);
    let session = open(&login).unwrap();
    let input: Vec<u8> =
        (0..25_000_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    let (mut output, mut errors) = (Vec::new(), Vec::new());
    let start = Instant::now();
    let code = session.exec("cat", Cursor::new(input.clone()), &mut output, &mut errors).unwrap();
    println!("100 MB and back: {:.1} s", start.elapsed().as_secs_f64());
    assert_eq!((code, errors.len(), output.len()), (0, 0, input.len()));
    assert!(output == input, "not the same bytes");
}

#[test]
fn a_writer_that_fails_ends_the_command() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let login = login(folder.path());
    authorize(&login);
    let session = open(&login).unwrap();
    let result = session.exec("yes", std::io::empty(), &mut Full, &mut Vec::new());
    assert!(matches!(result, Err(Error::Stream(_))), "{result:?}");
    // The session is free again.
    assert_eq!(session.capture("echo on").unwrap(), (0, "on\n".into()));
    let line = "kill -9 $PPID";
    assert!(matches!(session.capture(line), Err(Error::Lost(_))), "the server's process is gone");
}
