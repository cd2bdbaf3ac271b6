//! Sessions with a real OpenSSH server on loopback. `tests/cross.sh` starts the server and runs
//! these tests for each system.
//!
//! `TEST_SSHD_PORT` is the server's port, `TEST_SSHD_KEYS` its file of authorized keys,
//! `TEST_SSHD_USER` the user.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::io::{self, Cursor, Write};
use std::net::TcpStream;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use podman_bootc::guest::ssh::copy;
use podman_bootc::guest::ssh::keys::Keys;
use podman_bootc::guest::ssh::session::{Error, Login, Session};
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt, duplex, empty, sink};

const TIME: Duration = Duration::from_secs(60);

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set"))
}

/// Returns a login with new keys, which the server does not know until [`authorize`] adds them.
fn login(folder: &std::path::Path) -> Login {
    let keys = Keys::in_folder(folder);
    keys.create().unwrap();
    Login {
        user: variable("TEST_SSHD_USER"),
        keys,
        alias: "vm".into(),
    }
}

fn authorize(login: &Login) {
    let mut file = std::fs::OpenOptions::new()
        .append(true)
        .open(variable("TEST_SSHD_KEYS"))
        .unwrap();
    writeln!(file, "{}", login.keys.public_lines().unwrap()).unwrap();
}

async fn open(login: &Login) -> Result<Session, Error> {
    let port: u16 = variable("TEST_SSHD_PORT").parse().unwrap();
    Session::open(
        TcpStream::connect(("127.0.0.1", port)).unwrap(),
        login,
        TIME,
    )
    .await
}

/// A new folder of the server, which may be another system than the test's.
async fn server_folder(session: &Session) -> String {
    let (code, folder) = session.capture_script("mktemp -d").await.unwrap();
    assert_eq!(code, 0, "{folder}");
    folder.trim().to_owned()
}

fn block_on(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(test);
}

#[test]
fn a_session_with_openssh() {
    block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let login = login(folder.path());
        assert!(
            matches!(open(&login).await, Err(Error::Refused { .. })),
            "the server doesn't know the key"
        );
        assert!(
            !login.keys.known_hosts().exists(),
            "only a login pins the host's key"
        );
        authorize(&login);
        let session = open(&login).await.unwrap();
        let pinned = std::fs::read_to_string(login.keys.known_hosts()).unwrap();
        assert!(pinned.starts_with("vm ssh-ed25519 AAAA"), "{pinned}");

        let codes = [
            ("true", 0),
            ("exit 42", 42),
            ("kill -9 $$", 137),
            ("kill -USR2 $$", 140),
            ("no-such-program", 127),
        ];
        for (line, code) in codes {
            assert_eq!(session.capture(line).await.unwrap().0, code, "{line}");
        }
        let output = session
            .capture("echo out; echo err >&2; exit 3")
            .await
            .unwrap();
        assert_eq!(output, (3, "out\nerr\n".into()));
        assert_eq!(
            session.capture("cat").await.unwrap(),
            (0, String::new()),
            "no input ends at once"
        );
        let (code, text) = session.capture("yes | head -c 1000000").await.unwrap();
        assert_eq!(
            (code, text.len()),
            (0, 64 << 10),
            "the first bytes are kept"
        );

        // A command that doesn't read its input, and one that runs on after it has closed its
        // streams.
        let much = || Cursor::new(vec![0; 8 << 20]);
        let code = session
            .exec("exit 3", much(), &mut sink(), &mut sink())
            .await
            .unwrap();
        assert_eq!(code, 3);
        let line = "exec 0<&- 1>&- 2>&-; sleep 1; exit 4";
        let code = session
            .exec(line, much(), &mut sink(), &mut sink())
            .await
            .unwrap();
        assert_eq!(code, 4);

        session.close().await;
        std::fs::write(login.keys.known_hosts(), pinned.replace("AAAA", "AAAB")).unwrap();
        assert!(
            matches!(open(&login).await, Err(Error::HostKey(_))),
            "another host's key is pinned"
        );
    });
}

#[test]
fn a_hundred_megabytes_and_back() {
    block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let login = login(folder.path());
        authorize(&login);
        let session = open(&login).await.unwrap();
        let input: Vec<u8> = (0..25_000_000_u32)
            .flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes())
            .collect();
        let (mut output, mut errors) = (Vec::new(), Vec::new());
        let start = Instant::now();
        let code = session
            .exec("cat", Cursor::new(&input), &mut output, &mut errors)
            .await
            .unwrap();
        println!("100 MB and back: {:.1} s", start.elapsed().as_secs_f64());
        assert_eq!((code, errors.len(), output.len()), (0, 0, input.len()));
        assert!(output == input, "not the same bytes");
    });
}

#[test]
fn streams_of_a_dialog() {
    block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let login = login(folder.path());
        authorize(&login);
        let session = open(&login).await.unwrap();
        let (mut keyboard, stdin) = duplex(64);
        let (mut screen, mut stdout) = duplex(64);
        let dialog = async {
            let mut bytes = [0; 5];
            // The line without its newline.
            screen.read_exact(&mut bytes).await.unwrap();
            assert_eq!(&bytes, b"name?");
            keyboard.write_all(b"me\n").await.unwrap();
            screen.read_exact(&mut bytes).await.unwrap();
            assert_eq!(&bytes, b"hi me");
            // The command still writes after its input has ended.
            drop(keyboard);
            let mut rest = String::new();
            screen.read_to_string(&mut rest).await.unwrap();
            assert_eq!(rest, "bye");
        };
        let line = "printf name?; read name; printf \"hi $name\"; cat; printf bye; exit 5";
        let command = async {
            let code = session
                .exec(line, stdin, &mut stdout, &mut sink())
                .await
                .unwrap();
            drop(stdout);
            assert_eq!(code, 5);
        };
        tokio::join!(dialog, command);
    });
}

#[test]
fn a_command_ends_while_its_input_is_open() {
    block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let login = login(folder.path());
        authorize(&login);
        let session = open(&login).await.unwrap();
        let (_keyboard, stdin) = duplex(64);
        assert_eq!(
            session
                .exec("exit 6", stdin, &mut sink(), &mut sink())
                .await
                .unwrap(),
            6
        );
    });
}

#[test]
fn a_reader_that_stops_holds_the_command_up() {
    block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let login = login(folder.path());
        authorize(&login);
        let session = open(&login).await.unwrap();
        let folder = server_folder(&session).await;
        let (_screen, mut stdout) = duplex(64);
        let line = format!("head -c 100000000 /dev/zero; touch {folder}/done");
        let mut errors = sink();
        tokio::select! {
            result = session.exec(&line, empty(), &mut stdout, &mut errors) => panic!("{result:?}"),
            () = tokio::time::sleep(Duration::from_secs(2)) => {}
        }
        let (_, files) = open(&login)
            .await
            .unwrap()
            .capture(&format!("ls {folder}; rm -r {folder}"))
            .await
            .unwrap();
        assert_eq!(files, "", "someone keeps all of the output");
    });
}

#[test]
fn a_copy_there_and_back() {
    block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let login = login(folder.path());
        authorize(&login);
        let session = open(&login).await.unwrap();
        let server = server_folder(&session).await;
        let source = folder.path().join("source");
        std::fs::create_dir_all(source.join("sub")).unwrap();
        let bytes: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
        std::fs::write(source.join("sub/data"), &bytes).unwrap();

        let mut seen = 0;
        let count = copy::to_guest(&session, &source, &server, |bytes| seen = bytes)
            .await
            .unwrap()
            .bytes;
        assert!(
            count > 3_000_000 && seen > 2_500_000 && seen <= count,
            "{count}, {seen}"
        );
        let target = folder.path().join("target");
        copy::from_guest(&session, &format!("{server}/source"), &target, |_| {})
            .await
            .unwrap();
        assert!(
            std::fs::read(target.join("sub/data")).unwrap() == bytes,
            "not the same bytes"
        );

        // The guest's tar ends before it has read everything, or starts no archive at all.
        let error = copy::to_guest(&session, &source, "/no/such/folder", |_| {})
            .await
            .unwrap_err();
        assert!(error.to_string().contains("/no/such"), "{error}");
        let error = copy::from_guest(&session, "/no/such/file", &target, |_| {})
            .await
            .unwrap_err();
        assert!(error.to_string().contains("/no/such"), "{error}");
        assert_eq!(
            session
                .capture_script(&format!("rm -r {server}; echo on"))
                .await
                .unwrap()
                .1,
            "on\n"
        );
    });
}

#[test]
fn a_writer_that_fails_ends_the_command() {
    struct Full(io::ErrorKind);
    impl AsyncWrite for Full {
        fn poll_write(self: Pin<&mut Self>, _: &mut Context, _: &[u8]) -> Poll<io::Result<usize>> {
            Poll::Ready(Err(self.0.into()))
        }
        fn poll_flush(self: Pin<&mut Self>, _: &mut Context) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }
    block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let login = login(folder.path());
        authorize(&login);
        let session = open(&login).await.unwrap();
        let mut full = Full(io::ErrorKind::StorageFull);
        let result = session.exec("yes", empty(), &mut full, &mut sink()).await;
        assert!(matches!(result, Err(Error::Stream(_))), "{result:?}");
        let mut closed = Full(io::ErrorKind::BrokenPipe);
        assert_eq!(
            session
                .exec("yes", empty(), &mut closed, &mut sink())
                .await
                .unwrap(),
            141
        );
        // The session can run the next command.
        assert_eq!(
            session.capture("echo on").await.unwrap(),
            (0, "on\n".into())
        );
        let line = "kill -9 $PPID";
        assert!(
            matches!(session.capture(line).await, Err(Error::Lost(_))),
            "the server's process is gone"
        );
    });
}
