//! The way of the agent into a guest whose systemd takes no units from credentials (252 to 255).
//!
//! These versions read only the first 4096 bytes of all credentials together. So lines of
//! tmpfiles.d(5) make a unit that asks the host for the rest, over the agent's port.

use super::{authorized_key, units};
use crate::guest::shell::quote;
use crate::hypervisor::Credential;

const SERVICE: &str = include_str!("../../../vm-assets/agent/bootstrap.service");
const RULE: &str = include_str!("../../../vm-assets/agent/bootstrap.rules");
const SCRIPT: &str = include_str!("../../../vm-assets/agent/bootstrap");
/// Where the agent looks for the keys of the second SSH door, and where the script puts them.
const FOLDERS: (&str, &str) = (
    "credentials=/run/credentials/@system\n",
    "credentials=/run/podman-bootc/credentials\n",
);

/// Adds the lines that bring the agent into the guest to the credential with lines, and those that keep
/// a first boot from asking questions.
///
/// udev may run already when systemd-tmpfiles makes its rule, so the last line repeats the event.
pub fn add_to(lines: Option<Credential>) -> Credential {
    let mut lines = lines.unwrap_or_else(|| Credential {
        name: authorized_key::NAME.into(),
        value: vec![],
    });
    let service = units::without_comments(SERVICE).replace(" \\\n", " ");
    let text = format!(
        "f /run/systemd/system/podman-bootc-agent.service - - - - {}\n\
         f /run/udev/rules.d/99-podman-bootc.rules - - - - {}\n\
         w /sys/class/virtio-ports/*/uevent - - - - add\n",
        argument(&service),
        argument(&units::without_comments(RULE)),
    );
    lines.value.extend(text.into_bytes());
    for (service, text) in units::first_boot_dropins() {
        let file = format!("/run/systemd/system/{service}.service.d/podman-bootc.conf");
        let line = format!("f {file} - - - - {}\n", argument(&text));
        lines.value.extend(line.into_bytes());
    }
    lines
}

/// Returns what the host answers: the agent, its units, and the keys of the second SSH door.
pub fn answer(host_key: &str, authorized: &str) -> String {
    let agent = units::agent_script().replace(FOLDERS.0, FOLDERS.1);
    let mut script = units::without_comments(SCRIPT);
    // The keys come last: they are not ours, and may contain anything.
    for (place, text) in [
        ("@AGENT@", &*agent),
        ("@READY@", &units::ready_unit()),
        ("@HOSTKEY@", host_key),
        ("@KEYS@", &format!("{authorized}\n")),
    ] {
        script = script.replace(place, &quote(text));
    }
    let lines = script.trim_end().split('\n');
    let lines: String = lines.map(|line| format!("+{line}\n")).collect();
    format!("@begin\n{lines}@end\n")
}

/// Escapes the argument of a line of tmpfiles.d(5).
fn argument(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('\n', "\\n")
        .replace('%', "%%")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the unit and the rule as systemd-tmpfiles writes them.
    fn files() -> [String; 2] {
        let lines = String::from_utf8(add_to(None).value).unwrap();
        let content = |line: &str| {
            let (_, argument) = line.split_once(" - - - - ").unwrap();
            argument
                .replace("\\n", "\n")
                .replace("\\\\", "\\")
                .replace("%%", "%")
        };
        let mut lines = lines.lines();
        [(); 2].map(|()| content(lines.next().unwrap()))
    }

    #[test]
    fn the_lines_follow_those_with_the_keys() {
        let keys = Credential {
            name: authorized_key::NAME.into(),
            value: b"f /keys\n".to_vec(),
        };
        let all = String::from_utf8(add_to(Some(keys)).value).unwrap();
        assert!(all.starts_with("f /keys\nf /run/systemd/system/"), "{all}");
        assert_eq!(all.lines().count(), 8, "{all}");
        assert!(all.contains("f /run/systemd/system/initial-setup.service.d/"));
        assert!(all.len() < 1700, "{} of 3000 bytes", all.len());
        let [service, rule] = files();
        assert!(service.contains("\nConditionPathExists=!/etc/initrd-release\n"));
        assert!(service.contains("/dev/virtio-ports/podman-bootc.agent &&"));
        assert!(rule.contains(units::AGENT_CHANNEL), "{rule}");
    }

    #[test]
    fn the_answer_has_the_agent_with_its_keys() {
        let answer = answer("HOST 'KEY'\n", "one\n@end\ntwo");
        assert!(answer.starts_with("@begin\n+main() {\n"), "{answer}");
        assert!(answer.ends_with("\n+main\n@end\n"), "{answer}");
        assert_eq!(
            answer.matches("\n@end").count(),
            1,
            "no key ends the script"
        );
        assert!(answer.contains("+credentials=/run/podman-bootc/credentials\n"));
        assert!(!answer.contains("/run/credentials/"), "{answer}");
    }

    #[cfg(target_os = "linux")]
    mod shell {
        use std::fs;
        use std::io::{BufRead, BufReader, Write};
        use std::os::unix::fs::PermissionsExt;
        use std::path::Path;
        use std::process::{Child, Command, Stdio};

        use super::*;
        use crate::host::terminal::PseudoTerminal;

        /// Returns a text of the guest with folders below this one.
        fn moved(text: &str, folder: &Path) -> String {
            let folder = folder.display();
            text.replace("/run/", &format!("{folder}/"))
                .replace("/dev/virtio-ports/", &format!("{folder}/port/"))
        }

        /// Starts the unit's shell. Its standard input is the port.
        fn start(folder: &Path, port: Stdio) -> Child {
            let [service, _] = files();
            let (_, line) = service.split_once("ExecStart=/bin/sh -c '").unwrap();
            let (script, _) = line.split_once("'\n").unwrap();
            for name in ["systemd/system", "bin", "port"] {
                fs::create_dir_all(folder.join(name)).unwrap();
            }
            let stub = folder.join("bin/systemctl");
            let record = folder.join("record");
            fs::write(
                &stub,
                format!("#!/bin/sh\necho \"$@\" >>{}\n", record.display()),
            )
            .unwrap();
            fs::set_permissions(&stub, fs::Permissions::from_mode(0o755)).unwrap();
            std::os::unix::fs::symlink("/dev/stdin", folder.join("port/podman-bootc.agent"))
                .unwrap();
            let path = std::env::var("PATH").unwrap();
            Command::new("sh")
                .args(["-c", &moved(script, folder)])
                .env("PATH", format!("{}:{path}", folder.join("bin").display()))
                .stdin(port)
                .stderr(Stdio::null())
                .spawn()
                .unwrap()
        }

        #[test]
        fn a_shell_gets_the_agent_and_becomes_it() {
            let folder = tempfile::tempdir().unwrap();
            let folder = folder.path();
            let PseudoTerminal {
                mut ours, stdin, ..
            } = PseudoTerminal::open().unwrap();
            let mut agent = start(folder, stdin);
            let mut lines = BufReader::new(ours.try_clone().unwrap()).lines();
            assert_eq!(lines.next().unwrap().unwrap(), "@bootstrap");
            // The rest of an answer to an earlier boot doesn't count.
            ours.write_all(b"+echo late\n@end\n").unwrap();
            let answer = moved(&answer("HOST 'KEY'\n", "one\n@end\n$two"), folder);
            ours.write_all(answer.as_bytes()).unwrap();
            let hello = lines.next().unwrap().unwrap();
            assert!(hello.starts_with("@hello "), "{hello}");

            let run = folder.join("podman-bootc");
            let read = |name: &str| fs::read_to_string(run.join(name)).unwrap();
            let mode = |name: &str| fs::metadata(run.join(name)).unwrap().permissions().mode();
            assert_eq!(read("credentials/podman-bootc.hostkey"), "HOST 'KEY'\n");
            assert_eq!(read("credentials/podman-bootc.keys"), "one\n@end\n$two\n");
            assert_eq!(mode("credentials") & 0o777, 0o700);
            assert_eq!(mode("credentials/podman-bootc.hostkey") & 0o777, 0o600);
            assert_eq!(mode("") & 0o777, 0o755, "sshd reads keys there as the user");
            assert!(!run.join("script").exists(), "it has the keys");
            let ready = folder.join("systemd/system/podman-bootc-ready.service");
            assert_eq!(
                fs::read_to_string(ready).unwrap(),
                moved(&units::ready_unit(), folder)
            );

            // An answer that comes late contains no orders to the agent.
            ours.write_all(answer.as_bytes()).unwrap();
            ours.write_all(b"reboot\n").unwrap();
            let record = folder.join("record");
            let wanted = "--no-block start podman-bootc-ready.service\n--no-block reboot\n";
            while fs::read_to_string(&record).unwrap() != wanted {
                let state = agent.try_wait().unwrap();
                assert_eq!(state, None, "{}", fs::read_to_string(&record).unwrap());
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
            agent.kill().unwrap();
            agent.wait().unwrap();
        }

        #[test]
        fn a_shell_runs_none_of_a_script_without_an_end() {
            let folder = tempfile::tempdir().unwrap();
            let answer = moved(&answer("HOST\n", "one"), folder.path());
            let script: String = answer
                .lines()
                .filter_map(|line| line.strip_prefix('+'))
                .map(|line| format!("{line}\n"))
                .collect();
            for part in [script.len() / 8, script.len() / 2, script.len() - 10] {
                let mut shell = Command::new("sh");
                shell.current_dir(folder.path());
                let output = shell.args(["-c", &script[..part]]).output().unwrap();
                assert!(!output.status.success());
                assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
            }
        }
    }
}
