//! Commands in a VM: their streams, arguments and exit codes pass through unchanged.

use std::io::Read;

use crate::harness::{BOOT, Sandbox, shared};

#[test]
fn a_command_passes_through_unchanged() {
    let sandbox = Sandbox::warm("session");
    let image = shared("latest");
    // `run` executes the command and keeps the VM.
    let run = [
        "run",
        "--quiet",
        "-B",
        "--name",
        "vm",
        &image,
        "echo first; exit 7",
    ];
    let first = sandbox.run(&run).expect(7);
    assert_eq!(
        (first.text().as_str(), first.stderr.as_str()),
        ("first\n", "")
    );
    exit_codes(&sandbox);
    arguments(&sandbox);
    streams(&sandbox);
    much_input(&sandbox);
    sandbox.ok(&["rm", "--force", "vm"]);
}

fn exit_codes(sandbox: &Sandbox) {
    for (command, code) in [
        (&["true"][..], 0),
        (&["exit 42"], 42),
        (&["sh", "-c", "exit 42"], 42),
        (&["kill -9 $$"], 137),
        (&["sh", "-c", "kill -TERM $$"], 143),
        (&["no-such-program"], 127),
        (&["/etc/passwd"], 126),
    ] {
        sandbox
            .run(&[&["ssh", "vm"], command].concat())
            .expect(code);
    }
}

fn arguments(sandbox: &Sandbox) {
    let words = [
        "",
        "a b",
        " ",
        "$HOME",
        "it's",
        "\"quoted\"",
        "a\nb",
        "\n",
        "*",
        "~",
        "-n",
        "--help",
        "`id`",
        "$(id)",
        "\\",
        "\\n",
        "ä",
        "#",
        "a;b",
        "a&b|c>d",
        "!",
        "a=b",
        "",
    ];
    let output = sandbox
        .run(&[&["ssh", "vm", "printf", "%s\\0"], &words[..]].concat())
        .expect(0);
    let text = output.text();
    assert_eq!(
        text.strip_suffix('\0')
            .unwrap()
            .split('\0')
            .collect::<Vec<_>>(),
        words
    );

    // A single argument is a line for the shell.
    let output = sandbox
        .run(&[
            "ssh",
            "vm",
            "printf 'b\\na\\n' | sort | head -n 1; echo $((6 * 7))",
        ])
        .expect(0);
    assert_eq!(output.text(), "a\n42\n");
}

fn streams(sandbox: &Sandbox) {
    let output = sandbox
        .run(&["ssh", "vm", "echo out; echo err >&2; printf '\\000\\377' "])
        .expect(0);
    assert_eq!(output.stdout, b"out\n\0\xff");
    assert_eq!(output.stderr, "err\n");

    // One program doesn't read its input; another has empty input.
    sandbox
        .start_with_input(&["ssh", "vm", "exit 3"], vec![0; 1 << 20])
        .finish(BOOT)
        .expect(3);
    assert_eq!(sandbox.run(&["ssh", "vm", "cat"]).expect(0).stdout, b"");
}

fn much_input(sandbox: &Sandbox) {
    const BYTES: usize = 100_000_000;
    let mut input = vec![0; BYTES];
    std::fs::File::open("/dev/urandom")
        .unwrap()
        .read_exact(&mut input)
        .unwrap();
    let output = sandbox
        .start_with_input(&["ssh", "vm", "cat"], input.clone())
        .finish(BOOT);
    let length = output.stdout.len();
    let same = output
        .stdout
        .iter()
        .zip(&input)
        .take_while(|(got, sent)| got == sent)
        .count();
    assert!(
        output.code == 0 && output.stderr.is_empty(),
        "{}",
        output.stderr
    );
    assert!(
        length == BYTES && same == BYTES,
        "{length} bytes came back, the first {same} of them right"
    );
}
