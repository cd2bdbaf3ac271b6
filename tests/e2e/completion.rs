//! The scripts in `completions/` in real shells, on a terminal: what stands on the command line
//! after a press of the tabulator key.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use podman_bootc::host::fs::lock::Lock;

use crate::harness::{Running, SOON, Sandbox, shared};

/// A line up to the tabulator key, and the words that the shell runs after it. In all of them a
/// function of the shell takes the place of the tool, and prints its words.
const LINES: [(&str, &str); 14] = [
    ("podman-bootc screen", "[screenshot]"),
    ("podman-bootc start d", "[start][db]"),
    ("podman-bootc stop w", "[stop][web]"),
    ("podman-bootc start cccc", "[start][cccc00000000]"),
    ("podman-bootc rm -f db My", "[rm][-f][db][My_OS.2-x]"),
    (
        "podman-bootc snapshot restore db bef",
        "[snapshot][restore][db][before]",
    ),
    (
        "podman-bootc run podman-bootc-test:lat",
        "[run][podman-bootc-test:latest]",
    ),
    (
        "podman-bootc run localhost/podman-bootc-test:lat",
        "[run][localhost/podman-bootc-test:latest]",
    ),
    (
        "podman-bootc disk oci-archive:my",
        "[disk][oci-archive:my $image (2).tar]",
    ),
    (
        "podman-bootc disk \"oci-archive:my",
        "[disk][oci-archive:my $image (2).tar]",
    ),
    ("podman-bootc run -v it", "[run][-v][it's/]"),
    ("podman-bootc run --accel=tc", "[run][--accel=tcg]"),
    ("podman-bootc cp we", "[cp][web:]"),
    ("podman-bootc cp my\\ ", "[cp][my $image (2).tar]"),
];

/// A shell on a terminal.
struct Shell<'a> {
    running: Running,
    /// The length of its output before the current step.
    seen: usize,
    name: &'a str,
}

impl Shell<'_> {
    /// Waits until the output since the last step has this text, and returns that output.
    fn wait(&mut self, text: &str) -> String {
        let start = Instant::now();
        loop {
            let all = self.running.text();
            let new = &all[self.seen..];
            if new.contains(text) {
                let new = new.to_owned();
                self.seen = all.len();
                return new;
            }
            let late = start.elapsed() > SOON || !self.running.lives();
            assert!(!late, "{}: no {text:?} in {new:?}", self.name);
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// The tool's folders with VMs, none of which has a guest.
struct Host {
    sandbox: Sandbox,
    podman_calls: PathBuf,
    _running: Lock,
}

impl Host {
    fn new(test: &str) -> Self {
        shared("latest");
        let sandbox = Sandbox::with_empty_cache(test);
        for (name, id) in [("db", "aabb"), ("web", "bbbb"), ("My_OS.2-x", "cccc")] {
            let folder = sandbox.vm_folder(name);
            fs::create_dir_all(&folder).unwrap();
            let spec = serde_json::json!({
                "version": 1, "name": name, "id": format!("{id}00000000"),
                "created": "2026-01-01T00:00:00Z", "arch": "x86_64", "cpus": 2, "memory_mib": 2048,
                "accelerator": "auto", "user": "root", "sshd": true, "systemd": 257, "remove": false,
                "source": {"kind": "disk", "base": "0".repeat(64), "firmware": "bios"},
            });
            fs::write(folder.join("vm.json"), spec.to_string()).unwrap();
        }
        let overlay = sandbox.vm_folder("db").join("overlay.qcow2");
        let overlay = overlay.to_str().unwrap();
        for args in [
            &["create", "-q", "-f", "qcow2", overlay, "1M"][..],
            &["snapshot", "-c", "podman-bootc:before", overlay],
        ] {
            assert!(
                Command::new("qemu-img")
                    .args(args)
                    .status()
                    .unwrap()
                    .success()
            );
        }
        let running = Lock::acquire(&sandbox.vm_folder("web").join("running.lock")).unwrap();

        let programs = sandbox.root().join("programs");
        let files = sandbox.root().join("files");
        fs::create_dir_all(files.join("it's")).unwrap();
        fs::write(files.join("my $image (2).tar"), "").unwrap();
        // A folder like a VM: it is no part of the VM's name.
        fs::create_dir(files.join("db")).unwrap();
        fs::create_dir(&programs).unwrap();
        let tool = sandbox.tool(&[""; 0]);
        symlink(tool.get_program(), programs.join("podman-bootc")).unwrap();
        let podman_calls = sandbox.root().join("calls");
        let script = format!(
            "#!/bin/sh\necho \"$1\" >>'{}'\nPATH=${{PATH#*:}} exec podman \"$@\"\n",
            podman_calls.display()
        );
        fs::write(programs.join("podman"), script).unwrap();
        fs::set_permissions(programs.join("podman"), PermissionsExt::from_mode(0o755)).unwrap();
        Self {
            sandbox,
            podman_calls,
            _running: running,
        }
    }

    /// Starts a shell that has read the script of the repository, and nothing of the user's.
    fn shell<'a>(&self, name: &'a str, command: &str, prepare: &[&str]) -> Shell<'a> {
        let root = self.sandbox.root().display();
        let path = std::env::var("PATH").unwrap();
        let line = format!(
            "stty cols 250 rows 50; cd '{root}/files' && PATH='{root}/programs:{path}' HOME='{root}' \
             XDG_CONFIG_HOME='{root}' TERM=xterm exec {command}"
        );
        let mut shell = Shell {
            running: self.sandbox.run_on_terminal(&line),
            seen: 0,
            name,
        };
        for line in prepare {
            shell.running.type_line(line);
        }
        shell.running.type_line("printf 'is-%s-ready\\n' 2");
        shell.wait("is-2-ready");
        shell
    }

    /// Presses the key after each line, and compares the words that the shell runs.
    fn check_words(&self, shell: &mut Shell) {
        for (line, words) in LINES {
            shell.running.type_keys(&format!("{line}\t\r"));
            shell.wait(words);
        }
        let calls = fs::read_to_string(&self.podman_calls).unwrap();
        assert_eq!(calls, "images\nimages\n", "one call for each image");
    }

    fn exit(mut shell: Shell) {
        shell.running.type_keys("\x15exit\r");
        shell.running.finish(SOON).expect(0);
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // A VM that is left is a fault.
        let _ = fs::remove_dir_all(self.sandbox.data().join("vms"));
    }
}

fn script(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("completions")
        .join(name);
    path.to_str().unwrap().to_owned()
}

/// Names that a list must have, and names that it must not have.
const LISTS: [(&str, &[&str], &[&str]); 4] = [
    ("start ", &["db", "My_OS.2-x"], &["web", "--wait"]),
    ("inspect ", &["db", "My_OS.2-x", "web"], &["--format"]),
    ("rm db ", &["My_OS.2-x", "web"], &["db", "--force"]),
    ("ssh web ls ", &[], &["db", "--user", "it's"]),
];

/// Removes what moves the cursor and what changes colours.
fn without_escapes(text: &str) -> String {
    let mut parts = text.split("\x1b[");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.trim_start_matches(|c: char| !c.is_ascii_alphabetic());
        plain += rest.get(1..).unwrap_or_default();
    }
    plain
}

fn check_list(name: &str, list: &str, wanted: &[&str], unwanted: &[&str]) {
    let words: Vec<&str> = list.split_whitespace().collect();
    for word in wanted {
        assert!(words.contains(word), "{name}: no {word} in {list:?}");
    }
    for word in unwanted {
        assert!(!words.contains(word), "{name}: {word} in {list:?}");
    }
}

#[test]
fn bash_completes_names_of_vms_images_snapshots_and_files() {
    let host = Host::new("bash");
    let source = format!("source '{}'", script("podman-bootc.bash"));
    let prepare = [
        source.as_str(),
        "PS1='$ '",
        "bind 'set bell-style none' 'set page-completions off' 'set enable-bracketed-paste off'",
        "podman-bootc() { printf '[%s]' \"$@\"; echo; }",
    ];
    let mut shell = host.shell("bash", "bash --norc --noprofile -i", &prepare);
    host.check_words(&mut shell);
    for (line, wanted, unwanted) in LISTS {
        // This key inserts all candidates, the next ones make the line an argument of `echo`.
        let keys = "\x1b*\x01echo LIST \x05 END-$((1 + 1))\r";
        shell
            .running
            .type_keys(&format!("podman-bootc {line}{keys}"));
        let output = shell.wait("END-2");
        let list = output.rsplit_once(&format!("LIST podman-bootc {line}"));
        check_list("bash", list.unwrap().1, wanted, unwanted);
    }
    Host::exit(shell);
}

#[test]
fn zsh_completes_names_of_vms_images_snapshots_and_files() {
    let host = Host::new("zsh");
    // Packages put the script into a folder of functions.
    let functions = host.sandbox.root().join("functions");
    fs::create_dir(&functions).unwrap();
    fs::copy(script("_podman-bootc"), functions.join("_podman-bootc")).unwrap();
    let fpath = format!("fpath=('{}' $fpath)", functions.display());
    let prepare = [
        fpath.as_str(),
        "PS1='$ '; unsetopt zle_bracketed_paste prompt_sp beep 2>/dev/null",
        "autoload -Uz compinit; compinit -u -D",
        "podman-bootc() { printf '[%s]' \"$@\"; echo }",
    ];
    let mut shell = host.shell("zsh", "zsh -f -i", &prepare);
    host.check_words(&mut shell);
    for (line, wanted, unwanted) in LISTS {
        shell
            .running
            .type_keys(&format!("podman-bootc {line}\t\x15echo END-$((1+1))\r"));
        let output = shell.wait("END-2");
        // The echo of the line comes before the list.
        let list = output.split_once(line.trim_end()).unwrap().1;
        let list = without_escapes(list.split("echo END").next().unwrap());
        // The shell writes the line again below the list.
        let list = list.split("\rpodman-bootc").next().unwrap_or_default();
        check_list("zsh", list, wanted, unwanted);
    }
    Host::exit(shell);
}

#[test]
fn fish_completes_names_of_vms_images_snapshots_and_files() {
    let host = Host::new("fish");
    let source = format!("source '{}'", script("podman-bootc.fish"));
    let prepare = [
        source.as_str(),
        "function fish_prompt; printf '$ '; end; set -g fish_greeting; set -g fish_autosuggestion_enabled 0",
        "function podman-bootc; printf '[%s]' $argv; echo; end",
        "functions --erase fish_title",
    ];
    let mut shell = host.shell("fish", "fish --no-config --private -i", &prepare);
    host.check_words(&mut shell);
    Host::exit(shell);
    for (line, wanted, unwanted) in LISTS {
        let line = format!(
            "source '{}'; complete -C 'podman-bootc {line}'",
            script("podman-bootc.fish")
        );
        let mut fish = host
            .sandbox
            .command("fish", &["--no-config", "--command", &line]);
        let programs = host.sandbox.root().join("programs").display().to_string();
        fish.env(
            "PATH",
            format!("{programs}:{}", std::env::var("PATH").unwrap()),
        );
        let output = Running::start(fish, Some(vec![])).finish(SOON).expect(0);
        assert_eq!(output.stderr, "");
        check_list("fish", &output.text(), wanted, unwanted);
    }
}

#[test]
fn completion_of_names_is_fast_and_never_fails() {
    let host = Host::new("complete");
    let ask = |words: &[&str]| {
        let arguments = [&["internal-complete", "fish", "--"][..], words].concat();
        let start = Instant::now();
        let output = host.sandbox.start(&arguments).finish(SOON).expect(0);
        assert_eq!(output.stderr, "", "{words:?}");
        (output.text(), start.elapsed())
    };
    // Other programs may use the processors meanwhile.
    let mut times = (0..50).map(|_| ask(&["podman-bootc", "start", ""]).1);
    assert!(
        times.any(|time| time < Duration::from_millis(50)),
        "starting is slow"
    );
    for words in [
        &["podman-bootc", "snapshot", "restore", "nobody", ""][..],
        &["podman-bootc", "snapshot", "restore", "web", ""],
        &[
            "podman-bootc",
            "run",
            "--cpus",
            "many",
            "--unknown",
            "-v",
            "/nowhere/",
        ],
        &["podman-bootc", "run", "--connection", "nobody", "x"],
        &["podman-bootc", "nonsense", ""],
        &["podman-bootc", "--help", ""],
        &[],
    ] {
        ask(words);
    }
    // Nothing is created for a user who has no VM.
    let empty = host.sandbox.root().join("empty");
    let mut tool =
        host.sandbox
            .tool(&["internal-complete", "fish", "--", "podman-bootc", "rm", ""]);
    tool.env("XDG_DATA_HOME", &empty)
        .env("XDG_CACHE_HOME", &empty);
    tool.env("XDG_RUNTIME_DIR", &empty).env("PATH", "");
    let output = Running::start(tool, Some(vec![])).finish(SOON).expect(0);
    assert!(output.stderr.is_empty() && !empty.exists());
}
