//! The two SSH doors: guests whose own sshd keeps us out.

use std::os::unix::fs::PermissionsExt;

use crate::harness::{BOOT, Own, Running, SOON, Sandbox, shared, wait_for};

/// Sessions that the second door serves at the same time.
const SESSIONS: usize = 8;

#[test]
fn a_guest_without_a_running_sshd_lets_us_in() {
    let image = Own::with(
        "latest",
        "door",
        "systemctl disable ssh.service && \
         printf 'u dev 1500 - /var/home/dev /bin/bash\\n' >/usr/lib/sysusers.d/dev.conf && \
         printf 'd /var/home/dev 0700 dev dev -\\n' >/usr/lib/tmpfiles.d/dev.conf",
    );
    let sandbox = Sandbox::new("door");
    let run = |args: &[&str]| {
        let mut all = vec!["run", "--ephemeral"];
        all.extend(args);
        all.push(&image.name);
        sandbox.run(&all)
    };
    run(&["--detach", "--ssh", "auto", "--name", "off"]).expect(0);
    sandbox
        .run(&["ssh", "off", "id", "-un"])
        .expect(0)
        .says("ssh.service is disabled")
        .says("direct SSH door");
    assert_eq!(sandbox.vm("off").unwrap()["ssh_door"], "direct");

    // Later sessions know the door. Each holds its port until all have begun.
    let line = "echo begun; read x; echo $x";
    let mut sessions: Vec<_> = (0..SESSIONS)
        .map(|_| Running::start(sandbox.tool(&["ssh", "off", line]), None))
        .collect();
    for session in &sessions {
        session.wait_stdout("begun", BOOT);
    }
    drop(sessions.split_off(SESSIONS / 2));
    for mut session in sessions {
        session.type_line("over");
        session
            .finish(SOON)
            .expect(0)
            .silent_about("direct SSH door");
    }
    let input: Vec<u8> = (0..8 << 20).map(|i: u32| (i % 251) as u8).collect();
    let output = Running::start(sandbox.tool(&["ssh", "off", "cat"]), Some(input.clone()))
        .finish(BOOT)
        .expect(0);
    assert!(output.stdout == input, "eight mebibytes there and back");
    // A user whom the boot makes.
    let user = ["ssh", "--user", "dev", "off", "id", "-un"];
    assert_eq!(sandbox.ok(&user), "dev\n");
    sandbox
        .run(&["ssh", "--user", "nobody-here", "off", "true"])
        .expect(125)
        .says("nobody-here");
    // OpenSSH knows the door's host key.
    let openssh = ["ssh", "off", "--", "-T", "echo", "by", "OpenSSH"];
    assert_eq!(sandbox.ok(&openssh), "by OpenSSH\n");
    let file = sandbox.root().join("file");
    std::fs::write(&file, "x").unwrap();
    sandbox.ok(&["cp", file.to_str().unwrap(), "off:/run/copied"]);
    assert_eq!(sandbox.ok(&["ssh", "off", "cat", "/run/copied"]), "x");
    // Other users of the host can't enter the folder of the sockets.
    let runtime = sandbox.runtime();
    let mode = std::fs::metadata(&runtime).unwrap().permissions().mode();
    assert_eq!(mode & 0o077, 0, "{mode:o}");
    sandbox.ok(&["rm", "--force", "off"]);
    sandbox.assert_clean(&[]);
}

#[test]
fn a_refusal_is_explained_by_the_image() {
    let image = Own::with(
        "latest",
        "refuses",
        "echo 'PermitRootLogin no' >/etc/ssh/sshd_config.d/05-x.conf",
    );
    let sandbox = Sandbox::new("refuses");
    let run = [
        "run",
        "--rm",
        "--ephemeral",
        "--ssh",
        "guest",
        &image.name,
        "true",
    ];
    sandbox
        .run(&run)
        .expect(125)
        .says("sshd_config.d/05-x.conf: PermitRootLogin no");
    sandbox.assert_clean(&[]);
}

#[test]
fn an_image_without_sshd_is_an_error() {
    let sandbox = Sandbox::new("no-sshd");
    sandbox
        .run(&["run", "--rm", "--ephemeral", &shared("nosshd"), "true"])
        .expect(125)
        .says("install openssh-server");
    sandbox.assert_clean(&[]);
}

/// The VM's record says that its image has an old systemd. No unit comes by a credential then, and
/// the guest must ask for the agent. Its own systemd is newer, and takes the same way.
#[test]
fn a_guest_with_an_old_systemd_asks_for_the_agent() {
    let sandbox = Sandbox::new("old-systemd");
    let image = shared("latest");
    sandbox.ok(&["run", "-d", "--ssh", "direct", "--name", "old", &image]);
    sandbox.ok(&["stop", "--time", "0", "old"]);
    let file = sandbox.vm_folder("old").join("vm.json");
    let mut spec: serde_json::Value =
        serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    spec["systemd"] = 252.into();
    std::fs::write(&file, spec.to_string()).unwrap();
    sandbox.ok(&["start", "old"]);

    let show = "systemctl show --value -p FragmentPath,SubState podman-bootc-agent.service; \
        ls /run/credentials/@system";
    let shown = sandbox.ok(&["ssh", "old", show]);
    let unit = "/run/systemd/system/podman-bootc-agent.service";
    assert!(
        shown.contains("running\n") && shown.contains(&format!("{unit}\n")),
        "{shown}"
    );
    assert!(shown.ends_with("\ntmpfiles.extra\n"), "{shown}");
    let row = sandbox.vm("old").unwrap();
    assert_eq!(row["ssh_door"], "direct");
    wait_for("the agent's report", BOOT, || {
        (sandbox.vm("old").unwrap()["system"] == "running").then_some(())
    });
    sandbox.ok(&["rm", "--force", "old"]);
    sandbox.assert_clean(&[]);
}
