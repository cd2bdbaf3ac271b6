//! `replace`: a VM without a disk gets another image.

use std::fs;

use serde_json::Value;

use crate::harness::{Own, Sandbox, shared};

/// Prints what a new userspace keeps and what it gets.
const LOOK: &str = "cat /etc/machine-id /etc/ssh/ssh_host_*.pub; systemctl show -p SoftRebootsCount; \
                    cat /var/kept /var/shared/file; ls /etc/old /usr/share/new 2>&1; true";

#[test]
fn the_userspace_restarts_from_the_new_layers_or_the_machine_starts_anew() {
    let sandbox = Sandbox::new("replace");
    let folder = sandbox.root().join("share");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("file"), "shared\n").unwrap();
    let volume = format!("{}:/var/shared", folder.display());
    let image = shared("latest");
    let run = ["run", "-d", "--ephemeral", "--cold", "-v", &volume];
    let port = ["--rm", "-p", "0:22", "--name", "vm", &image];
    sandbox.ok(&[&run[..], &port].concat());
    let write = "echo kept >/var/kept; echo old >/etc/old; ";
    let before = sandbox.ok(&["ssh", "vm", &format!("{write}{LOOK}")]);

    let before_ports = sandbox.ok(&["port", "vm"]);
    let new = Own::with("latest", "replace", "echo new >/usr/share/new");
    let report = replace(&sandbox, &[&new.name]);
    assert_eq!(
        (&report["way"], &report["layers"]),
        (&"userspace".into(), &1.into())
    );
    let after = sandbox.ok(&["ssh", "vm", LOOK]);
    let wanted = before
        .replace("SoftRebootsCount=0", "SoftRebootsCount=1")
        .replace("/etc/old\n", "")
        .replace(
            "ls: cannot access '/usr/share/new': No such file or directory\n",
            "",
        );
    assert!(after.contains("ls: cannot access '/etc/old'"), "{after}");
    let lines = |text: &str| -> Vec<String> {
        let ours = text.lines().filter(|line| !line.contains("/usr/share/new"));
        let ours = ours.filter(|line| !line.contains("/etc/old"));
        ours.map(str::to_owned).collect()
    };
    assert_eq!(lines(&after), lines(&wanted));
    assert!(after.ends_with("/usr/share/new\n"), "{after}");
    let vm = sandbox.vm("vm").unwrap();
    assert_eq!(vm["image"], Value::from(new.name.as_str()));
    assert_eq!(replace(&sandbox, &[&new.name])["way"], "none");
    assert_eq!(sandbox.ok(&["port", "vm"]), before_ports);

    let report = replace(&sandbox, &["--restart", &image]);
    assert_eq!(report["way"], "machine");
    assert_eq!(report["reason"], "--restart was given");
    let anew = sandbox.ok(&["ssh", "vm", &format!("ls /var/kept; {LOOK}")]);
    assert!(
        anew.contains("SoftRebootsCount=0") && anew.contains("shared\n"),
        "{anew}"
    );
    assert!(
        anew.contains("ls: cannot access '/usr/share/new'"),
        "{anew}"
    );
    sandbox
        .run(&["replace", "vm", "localhost/none:latest"])
        .expect(125);
    sandbox.ok(&["rm", "--force", "vm"]);
    drop(new);
    sandbox.assert_clean(&[]);
}

fn replace(sandbox: &Sandbox, words: &[&str]) -> Value {
    let replace = ["replace", "--quiet", "--format", "json"];
    let (image, flags) = words.split_last().unwrap();
    let report = sandbox.ok(&[&replace[..], flags, &["vm", image]].concat());
    serde_json::from_str(&report).unwrap()
}
