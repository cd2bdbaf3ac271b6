//! Ports of a running VM on the host.

use std::io::Read;
use std::net::{TcpStream, UdpSocket};
use std::time::Duration;

use crate::harness::{SOON, Sandbox, wait_for};

/// Returns the host's ports that lead to the guest's port 22.
pub fn published(sandbox: &Sandbox) -> Vec<u16> {
    let ports = sandbox.ok(&[
        "port",
        "full",
        "--format",
        "{{.guest_port}} {{.host_address}} {{.host_port}}",
    ]);
    let port = |line: &str| line.strip_prefix("22 127.0.0.1 ")?.parse().ok();
    ports.lines().filter_map(port).collect()
}

fn leads_to_sshd(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else {
        return false;
    };
    stream.set_read_timeout(Some(SOON)).unwrap();
    let mut banner = [0; 4];
    stream.read_exact(&mut banner).is_ok() && &banner == b"SSH-"
}

/// Publishes, adds and removes TCP ports; returns the ports that are left.
pub fn tcp(sandbox: &Sandbox) -> [u16; 2] {
    let first = published(sandbox);
    assert!(first.len() == 2 && first[0] != first[1], "{first:?}");
    assert!(first.iter().all(|port| leads_to_sshd(*port)));
    sandbox.ok(&["port", "full", "--add", "0:22"]);
    let three = published(sandbox);
    let added = *three.iter().find(|port| !first.contains(port)).unwrap();
    assert!(three.len() == 3 && leads_to_sshd(added));
    let taken = sandbox
        .run(&["port", "full", "--add", &format!("{added}:80")])
        .expect(125);
    taken.says(&added.to_string());
    // Only one of three forwards to the same port is removed.
    sandbox.ok(&["port", "full", "--remove", &format!("{}:22", first[0])]);
    assert_eq!(published(sandbox), [first[1], added]);
    assert!(!leads_to_sshd(first[0]) && leads_to_sshd(first[1]) && leads_to_sshd(added));
    sandbox
        .run(&["port", "full", "--remove", "1:22"])
        .expect(125)
        .says("1:22");
    [first[1], added]
}

/// Answers each packet to a port with its content, twice.
const ECHO: &str = r#"use IO::Socket::INET; $s = IO::Socket::INET->new(Proto => "udp", LocalPort => shift) or die;
    while (defined $s->recv($packet, 100)) { $s->send($packet x 2) }"#;

/// Sends a packet to the guest through this port of the host, and returns the answer.
fn echoes(port: u16) -> bool {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(("127.0.0.1", port)).unwrap();
    socket
        .set_read_timeout(Some(Duration::from_secs(2)))
        .unwrap();
    let mut answer = [0; 20];
    // A port without a listener refuses packets.
    socket.send(b"ping").is_ok()
        && matches!(socket.recv(&mut answer), Ok(8))
        && answer.starts_with(b"pingping")
}

pub fn udp(sandbox: &Sandbox) {
    let port = |guest: &str| -> Option<u16> {
        let all = sandbox.ok(&[
            "port",
            "full",
            "--format",
            "{{.protocol}} {{.guest_port}}={{.host_port}}",
        ]);
        all.lines()
            .find_map(|line| line.strip_prefix(&format!("udp {guest}="))?.parse().ok())
    };
    for guest in ["7", "8"] {
        sandbox.ok(&[
            "ssh",
            "full",
            &format!("systemd-run --quiet --unit echo{guest} perl -e '{ECHO}' {guest}"),
        ]);
    }
    let first = port("7").unwrap();
    wait_for("an echo", SOON, || echoes(first).then_some(()));
    sandbox.ok(&["port", "full", "--add", "0:8/udp"]);
    let added = port("8").unwrap();
    wait_for("an echo by the added port", SOON, || {
        echoes(added).then_some(())
    });
    sandbox
        .run(&["port", "full", "--add", "0:7/udp"])
        .expect(125)
        .says("already");
    sandbox.ok(&["port", "full", "--remove", "8/udp"]);
    assert!(port("8").is_none() && !echoes(added) && echoes(first));
}
