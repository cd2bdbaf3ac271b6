//! Logins to guests with unusual servers, keys, shells and users.

use std::fs;

use crate::harness::{BOOT, Own, Running, Sandbox};

/// What a FIPS policy and a hardening guide make of sshd. Our first key is one try too many.
const STRICT: &str = r#"
ssh-keygen -q -t ecdsa -b 384 -N '' -f /etc/ssh/strict_key
cat >/etc/ssh/sshd_config.d/05-strict.conf <<END
HostKey /etc/ssh/strict_key
HostKeyAlgorithms ecdsa-sha2-nistp384,rsa-sha2-512
PubkeyAcceptedAlgorithms ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,rsa-sha2-512
KexAlgorithms ecdh-sha2-nistp256,ecdh-sha2-nistp384
Ciphers aes256-gcm@openssh.com,aes256-ctr
MaxAuthTries 1
MaxSessions 1
MaxStartups 1:100:1
ClientAliveInterval 1
ClientAliveCountMax 1
LoginGraceTime 5
Banner /etc/issue.net
RekeyLimit 1M
END
"#;
/// Accounts that let nobody in, and a root whose shell talks.
const ACCOUNTS: &str = r"
useradd --home-dir /var/home/expired --expiredate 2020-01-01 expired
printf '#!/bin/sh\necho This account is not available.; exit 1\n' >/usr/bin/no-login
chmod +x /usr/bin/no-login
useradd --home-dir /var/home/nobodys --shell /usr/bin/no-login nobodys
useradd --home-dir /var/home/other --shell /bin/bash other
for user in expired nobodys other; do mkdir -p -m 700 /var/home/$user/.ssh; done
echo 'exec sh' >/var/home/other/.bashrc
for user in expired nobodys other; do chown -R $user /var/home/$user; done
mkdir -p -m 700 /var/roothome/.ssh
printf 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f me' \
    >/var/roothome/.ssh/authorized_keys
printf 'echo noise\nprintf unfinished\necho more >&2\n' >/var/roothome/.bashrc
";
/// A user whom the boot makes, in a home that root made.
const LATE: &str = r"
echo 'u dev 1500 - /var/home/dev /bin/bash' >/usr/lib/sysusers.d/dev.conf
mkdir -p /var/home/dev/.ssh
printf '# no key and no newline' >/var/home/dev/.ssh/authorized_keys
";

#[test]
fn a_strict_server_and_a_noisy_shell() {
    let image = Own::with("latest", "strict", &format!("{STRICT}{ACCOUNTS}"));
    let sandbox = Sandbox::new("strict");
    let run = ["run", "--ephemeral", "-t", "--detach", "--name", "Strict"];
    sandbox.ok(&[&run[..], &[&image.name, "true"]].concat());

    // The key of the image and both of ours have a line of their own.
    let keys = "grep -c '^ssh-ed25519 \\|^ecdsa-' .ssh/authorized_keys; sleep 5";
    assert_eq!(sandbox.ok(&["ssh", "Strict", keys]), "noise\nunfinished3\n");
    let zeros = vec![0; 8 << 20];
    let back = sandbox
        .start_with_input(&["ssh", "Strict", "cat"], zeros.clone())
        .finish(BOOT)
        .expect(0);
    assert!(
        back.stdout.ends_with(&zeros),
        "after eight new key exchanges"
    );
    openssh(&sandbox);
    copies(&sandbox);
    accounts(&sandbox);
    host_key(&sandbox);
    sandbox.ok(&["rm", "--force", "Strict"]);
}

/// OpenSSH knows the host key under the name in lower case, and offers the right key first.
fn openssh(sandbox: &Sandbox) {
    let config = sandbox.vm_folder("Strict").join("ssh_config");
    let ssh = sandbox.command(
        "ssh",
        &["-F", config.to_str().unwrap(), "Strict.bootc", "id"],
    );
    let output = Running::start(ssh, Some(vec![])).finish(BOOT).expect(0);
    assert!(output.text().contains("uid=0"), "{}", output.text());
}

fn copies(sandbox: &Sandbox) {
    let file = sandbox.root().join("a 'b'");
    fs::write(&file, "text").unwrap();
    let file = file.to_str().unwrap();
    sandbox.ok(&["cp", file, "Strict:~/sub"]);
    sandbox.ok(&["cp", file, "Strict:~"]);
    let folder = sandbox.root().join("home");
    let folder = folder.to_str().unwrap();
    sandbox.ok(&["cp", "Strict:~", folder]);
    for name in ["sub", "a 'b'"] {
        let copy = fs::read_to_string(format!("{folder}/{name}")).unwrap();
        assert_eq!(copy, "text");
    }
    let busy = "head -c 8M /dev/zero >/var/log/busy; systemd-run --quiet --unit busy \
        sh -c 'while :; do echo >>/var/log/busy; sleep 0.1; done'";
    sandbox.ok(&["ssh", "Strict", busy]);
    let logs = format!("{folder}/logs");
    sandbox
        .run(&["cp", "Strict:/var/log", &logs])
        .expect(0)
        .says("changed while they were copied");
    assert!(fs::metadata(format!("{logs}/busy")).unwrap().len() > 0);
    sandbox.ok(&["ssh", "Strict", "systemctl stop busy; rm /var/log/busy"]);
}

/// The reason why an account lets nobody in.
fn accounts(sandbox: &Sandbox) {
    let give = "for user in expired nobodys other; do \
        install -o $user -m 600 .ssh/authorized_keys /var/home/$user/.ssh/; done";
    sandbox.ok(&["ssh", "Strict", give]);
    let target = sandbox.root().join("x");
    let target = target.to_str().unwrap();
    for (user, reason) in [
        ("expired", "account has expired"),
        ("nobodys", "not available"),
        ("other", ".bashrc"),
    ] {
        sandbox
            .run(&["cp", "--user", user, "Strict:/etc/passwd", target])
            .expect(125)
            .says(reason);
    }
}

/// A guest that makes a new host key is refused until the user accepts it.
fn host_key(sandbox: &Sandbox) {
    let key = "/etc/ssh/strict_key";
    let renew = format!(
        "rm {key} && ssh-keygen -q -t ecdsa -b 384 -N '' -f {key} && systemctl restart ssh"
    );
    sandbox.ok(&["ssh", "Strict", &renew]);
    sandbox
        .run(&["ssh", "Strict", "true"])
        .expect(125)
        .says("podman-bootc trust Strict");
    assert_eq!(sandbox.ok(&["trust", "Strict"]), "Strict\n");
    sandbox.ok(&["ssh", "Strict", "true"]);
}

#[test]
fn a_user_whom_the_boot_makes() {
    let image = Own::with("latest", "late", LATE);
    let sandbox = Sandbox::new("late");
    let run = ["run", "--ephemeral", "--user"];
    sandbox
        .run(&[&run[..], &["alice", &image.name, "true"]].concat())
        .expect(125)
        .says("core, dev, root")
        .says("--cloudinit");
    let line = "id -un; pwd; stat -c %U . .ssh .ssh/authorized_keys";
    let told = sandbox.ok(&[&run[..], &["dev", &image.name, line]].concat());
    assert_eq!(told, "dev\n/var/home/dev\nroot\ndev\ndev\n");
}
