//! The serial console, its log, and the journal.

use std::fs;

use crate::harness::{SOON, Sandbox};

/// The key that detaches from a console.
const DETACH: &str = "\x1d";

/// The serial console in both directions, and its log.
pub fn console(sandbox: &Sandbox) {
    // The login prompt would read the keys from the same terminal, and leaves the terminal in
    // another mode.
    let quiet = "systemctl mask --runtime --now serial-getty@ttyS0.service 2>&1; \
        while systemctl is-active -q serial-getty@ttyS0.service; do sleep 0.2; done";
    sandbox.ok(&["ssh", "full", quiet]);
    let reader = "exec </dev/ttyS0; stty sane -echo; echo ready $((30 + 1)) >/dev/ttyS0; read line; \
        echo \"the guest read ${#line} letters, $line\" | tr a-z A-Z >/dev/ttyS0; echo \"$line\"";
    let mut console = sandbox.start_on_terminal(&["console", "full"]);
    console.wait_stdout("ctrl-] detaches", SOON);
    let reading = sandbox.start(&["ssh", "full", reader]);
    console.wait_stdout("ready 31", SOON);
    console.type_keys("hello there\r");
    console.wait_stdout("THE GUEST READ 11 LETTERS, HELLO THERE", SOON);
    assert_eq!(reading.finish(SOON).expect(0).text(), "hello there\n");
    console.type_keys(DETACH);
    console.wait_stdout("Detached from VM full", SOON);
    console.finish(SOON).expect(0);
    assert!(
        sandbox
            .ok(&["logs", "full"])
            .contains("THE GUEST READ 11 LETTERS"),
        "the log has it, too"
    );
    assert_eq!(sandbox.state("full"), "running");
}

/// The text that [`logs`] makes the guest write.
pub const JOURNALED: &str = "from 42 the journal";

pub fn logs(sandbox: &Sandbox) {
    sandbox.ok(&[
        "ssh",
        "full",
        "logger --tag marker from $((40 + 2)) the journal",
    ]);
    let kept = sandbox.start(&["logs", "--journal", "--follow", "full"]);
    kept.wait_stdout(JOURNALED, SOON);
    kept.wait_stdout("Linux version", SOON);
    let asked = sandbox.ok(&[
        "ssh",
        "full",
        "journalctl --boot --quiet --lines=all | grep -c marker",
    ]);
    assert_eq!(asked, "1\n");
    let picture = sandbox.root().join("screen.png");
    sandbox.ok(&["screenshot", "full", picture.to_str().unwrap()]);
    assert!(fs::metadata(&picture).unwrap().len() > 100);
    drop(kept);
}
