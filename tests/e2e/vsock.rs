//! A session over `AF_VSOCK`. The host of the tests may have no such sockets, but a guest can
//! connect to itself. So this program also runs in a guest, and logs in to an sshd there.

use std::fs;
use std::io::Cursor;
use std::path::Path;
use std::time::Duration;

use podman_bootc::guest::ssh::keys::Keys;
use podman_bootc::guest::ssh::session::{Login, Session};
use podman_bootc::host::net::vsock;

use crate::harness::{SOON, Sandbox, wait_for};

/// Not SSH's port, which the guest's systemd may use.
const PORT: u32 = 2222;
/// `VMADDR_CID_LOCAL`, vsock(7).
const LOCAL: u32 = 1;

/// Runs [`in_a_guest`] in this VM, which has the host's folder `share` at `/var/share`.
pub fn from_the_host(sandbox: &Sandbox, vm: &str, share: &Path) {
    let keys = share.join("keys");
    fs::create_dir(&keys).unwrap();
    for name in ["id_ed25519", "id_ed25519.pub", "id_ecdsa", "id_ecdsa.pub"] {
        fs::copy(sandbox.vm_folder(vm).join(name), keys.join(name)).unwrap();
    }
    fs::hard_link(std::env::current_exe().unwrap(), share.join("e2e")).unwrap();
    let script = format!(
        "modprobe vsock_loopback && systemd-run --quiet --unit vsock-sshd \
         systemd-socket-activate --accept --inetd --listen=vsock::{PORT} /usr/sbin/sshd -i && \
         /var/share/e2e --ignored --exact vsock::in_a_guest"
    );
    let output = sandbox.ok(&["ssh", vm, &script]);
    assert!(output.contains("1 passed"), "{output}");
}

#[test]
#[ignore = "runs in a guest, where `from_the_host` starts it"]
fn in_a_guest() {
    let keys = Keys::in_folder(Path::new("/var/share/keys"));
    let login = Login {
        user: "root".into(),
        keys,
        alias: "vm".into(),
    };
    let stream = wait_for("the socket", SOON, || vsock::connect(LOCAL, PORT).ok());
    let input: Vec<u8> = (0..1 << 20).map(|i: u32| (i % 251) as u8).collect();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let session = Session::open(stream, &login, Duration::from_secs(60))
            .await
            .unwrap();
        let (code, connection) = session.capture("echo $SSH_CONNECTION").await.unwrap();
        assert!(
            code == 0 && !connection.contains("127.0.0.1"),
            "{connection}"
        );
        let (mut output, mut errors) = (Vec::new(), Vec::new());
        let command = session.exec("cat; exit 3", Cursor::new(&input), &mut output, &mut errors);
        let code = command.await.unwrap();
        assert!(
            code == 3 && output == input,
            "{code}, {} bytes",
            output.len()
        );
    });
    assert!(vsock::connect(LOCAL, PORT + 1).is_err(), "nobody listens");
}
