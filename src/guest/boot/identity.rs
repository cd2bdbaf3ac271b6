//! The identity of a VM that resumes from a template: a script for `vm-assets/warm/freeze`.

use std::fmt::Write as _;
use std::io;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::shares::Share;
use crate::guest::hot_plug;
use crate::guest::shell::quote;
use crate::host::random;
use crate::hypervisor::{Credential, Shares};

/// Name of the channel on which the guest says that it waits for its identity.
pub const FREEZE_CHANNEL: &str = "podman-bootc.freeze";
/// Where a guest's systemd keeps its credentials.
const FOLDER: &str = "/run/credentials/@system";
/// The kernel's message when it notices that the machine is a copy.
const RESEEDED: &str = "crng reseeded due to virtual machine fork";

/// What a guest gets in place of credentials at boot.
#[derive(Debug, Clone, Default)]
pub struct Identity {
    pub machine_id: MachineId,
    pub hostname: Option<String>,
    pub credentials: Vec<Credential>,
    /// The serials of disks that the machine gets when it resumes.
    pub disks: Vec<String>,
    /// The shares that it gets then, with their numbers.
    pub shares: Vec<(usize, Share)>,
}

/// The ID of a machine, for all boots of one run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MachineId([u8; 16]);

/// What differs between all boots.
struct Unique {
    seed: [u8; 32],
    now: jiff::Timestamp,
}

impl MachineId {
    /// Returns a new ID.
    ///
    /// # Errors
    /// This system has no random numbers.
    pub fn new() -> io::Result<Self> {
        random::secret().map(Self)
    }

    /// Returns the digits of a version 4 UUID, as systemd makes them.
    fn digits(self) -> String {
        let Self(mut id) = self;
        id[6] = id[6] & 0x0f | 0x40;
        id[8] = id[8] & 0x3f | 0x80;
        hex(&id)
    }
}

impl Identity {
    /// Returns the script, with a new seed and the current time. In a machine that `resumed`, it first
    /// waits until the kernel has new random numbers.
    ///
    /// # Errors
    /// This system has no random numbers.
    pub fn script(&self, resumed: bool) -> io::Result<Vec<u8>> {
        let unique = Unique {
            seed: random::secret()?,
            now: jiff::Timestamp::now(),
        };
        Ok(self.script_with(&unique, resumed).into_bytes())
    }

    fn script_with(&self, unique: &Unique, resumed: bool) -> String {
        let Unique { seed, now } = unique;
        let (seed, id) = (hex(seed), self.machine_id.digits());
        let (seconds, nanoseconds) = (now.as_second(), now.subsec_nanosecond());
        // The guest runs the first line while it reads the others.
        let mut script = format!(
            "date -u -s @{seconds}.{nanoseconds:09} >/dev/null\n\
             printf %s {seed} >/dev/urandom\n"
        );
        let mut line = |text: &str| {
            script.push_str(text);
            script.push('\n');
        };
        for serial in &self.disks {
            line(&format!(
                "( {}) >/dev/null",
                hot_plug::wait_for_disk_line(serial)
            ));
        }
        if !self.disks.is_empty() {
            // The disks' names.
            line("udevadm settle --timeout=10 2>/dev/null");
        }
        for (number, share) in &self.shares {
            let mount = hot_plug::mount_line(*number, share, Shares::Virtiofsd);
            // The host reads the failures later.
            line(&format!("( {mount} ) >/dev/null"));
        }
        // A journal's folder has the machine's ID in its name, and its writer keeps the old name.
        line("journal=/var/log/journal");
        line("read -r old </etc/machine-id");
        line(&format!(
            "if [ \"$old\" ] && [ \"$old\" != {id} ] && [ -d $journal/$old ] && [ ! -L $journal/$old ]; then"
        ));
        // Of an earlier boot of this VM, which began with another ID, too.
        line(&format!(
            "[ ! -d $journal/{id} ] || mv $journal/{id} $journal/$(sed s/-//g /proc/sys/kernel/random/uuid)"
        ));
        line(&format!(
            "mv $journal/$old $journal/{id} && ln -s {id} $journal/$old"
        ));
        line("fi");
        line(&format!("echo {id} >/etc/machine-id"));
        line("for file in /run/machine-id /var/lib/dbus/machine-id; do");
        line(&format!(
            "[ -L $file ] || [ ! -e $file ] || echo {id} >$file"
        ));
        line("done");
        if let Some(hostname) = &self.hostname {
            line(&format!(
                "echo {} >/proc/sys/kernel/hostname",
                quote(hostname)
            ));
        }
        line("umask 077");
        for credential in &self.credentials {
            line(&write_credential(credential));
        }
        line("umask 022");
        // These take as long as the kernel's new random numbers, which they don't need.
        line(&format!("export CREDENTIALS_DIRECTORY={FOLDER}"));
        line("(");
        // On a disk it must outlive a power cut, as soon as the host knows of it.
        line("sync -f /etc");
        let has = |name: &str| self.credentials.iter().any(|c| c.name == name);
        for (name, program) in [
            ("sysusers.extra", "systemd-sysusers"),
            (
                "tmpfiles.extra",
                "systemd-tmpfiles --create --remove --boot --exclude-prefix=/dev",
            ),
            ("sysctl.extra", "/usr/lib/systemd/systemd-sysctl"),
        ] {
            if has(name) {
                line(&format!("{program} {FOLDER}/{name}"));
            }
        }
        if has("ssh.authorized_keys.root") {
            line("systemd-tmpfiles --create provision.conf");
        }
        line(":");
        line(") &");
        if resumed {
            line("tries=0");
            line(&format!(
                "until case $(dmesg) in *{RESEEDED:?}*) ;; *) false ;; esac; do"
            ));
            line("tries=$((tries + 1))");
            line("[ $tries -lt 60 ] || { result=stale; break; }");
            line("sleep 0.05");
            line("done");
        }
        line("wait");
        let is_unit = |name: &str| {
            name.starts_with("systemd.extra-unit.") || name.starts_with("systemd.unit-dropin.")
        };
        if self.credentials.iter().any(|c| is_unit(&c.name)) {
            line("systemctl daemon-reload");
            // Targets that were reached before want new units now.
            line("systemctl --no-block start default.target");
        }
        line(".");
        script
    }
}

/// Returns the line that writes a credential to its file. Text needs no program to be decoded. A
/// line with a dot alone would end the script.
fn write_credential(Credential { name, value }: &Credential) -> String {
    let to = format!(">{FOLDER}/{}", quote(name));
    match std::str::from_utf8(value) {
        Ok(text) if !text.contains('\0') && text.split('\n').all(|line| line != ".") => {
            format!("printf %s {} {to}", quote(text))
        }
        _ => format!("echo {} | base64 -d {to}", STANDARD.encode(value)),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string can't fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unique() -> Unique {
        Unique {
            seed: [0xab; 32],
            now: jiff::Timestamp::new(1_700_000_000, 5_000_000).unwrap(),
        }
    }

    fn credential(name: &str, value: &[u8]) -> Credential {
        Credential {
            name: name.into(),
            value: value.to_vec(),
        }
    }

    #[test]
    fn a_resumed_vm_gets_all_that_differs() {
        let identity = Identity {
            machine_id: MachineId([0xff; 16]),
            hostname: Some("web".into()),
            credentials: vec![
                credential("tmpfiles.extra", b"d /x\n"),
                credential("app", b"it's $HOME\n"),
            ],
            ..Identity::default()
        };
        let script = identity.script_with(&unique(), true);
        for wanted in [
            "date -u -s @1700000000.005000000 >/dev/null\n",
            "printf %s abababab",
            "echo ffffffffffff4fffbfffffffffffffff >/etc/machine-id\n",
            "echo web >/proc/sys/kernel/hostname\n",
            "printf %s 'it'\\''s $HOME\n' >/run/credentials/@system/app\n",
            "systemd-tmpfiles --create --remove --boot --exclude-prefix=/dev /run/credentials/@system/tmpfiles.extra\n",
            RESEEDED,
        ] {
            assert!(script.contains(wanted), "{wanted} is not in {script}");
        }
        assert!(script.ends_with("\n.\n"));
        assert!(!script.contains("daemon-reload"));
        assert!(!identity.script_with(&unique(), false).contains(RESEEDED));
    }

    #[cfg(unix)]
    #[test]
    fn a_shell_reads_the_script() {
        let identity = Identity {
            hostname: Some("web".into()),
            credentials: vec![
                credential("a", b"it's\n$HOME `x` \\n\n"),
                credential("b", b"\0"),
                credential("systemd.extra-unit.a.service", b"[Unit]\n"),
            ],
            disks: vec!["extra0".into()],
            shares: vec![(0, "/a:/it's".parse().unwrap())],
            ..Identity::default()
        };
        let script = identity.script(true).unwrap();
        let freeze = include_bytes!("../../../vm-assets/warm/freeze").to_vec();
        for text in [script.strip_suffix(b".\n").unwrap().to_vec(), freeze] {
            let mut file = tempfile::NamedTempFile::new().unwrap();
            std::io::Write::write_all(&mut file, &text).unwrap();
            let mut shell = std::process::Command::new("sh");
            let output = shell.arg("-n").arg(file.path()).output().unwrap();
            assert!(output.status.success(), "{output:?}");
        }
    }

    #[test]
    fn two_vms_differ_and_two_boots_of_one_are_the_same_machine() {
        let vm = || Identity {
            machine_id: MachineId::new().unwrap(),
            ..Identity::default()
        };
        let id = |vm: &Identity, boot| {
            let script = String::from_utf8(vm.script(boot).unwrap()).unwrap();
            let line = script
                .lines()
                .find(|line| line.ends_with(">/etc/machine-id"));
            line.unwrap().to_owned()
        };
        let (one, two) = (vm(), vm());
        assert_ne!(id(&one, true), id(&two, true));
        assert_eq!(id(&one, true), id(&one, false));
        assert_ne!(one.script(true).unwrap(), one.script(true).unwrap());
    }

    #[test]
    fn a_credential_never_ends_the_script() {
        for value in [&b".\n"[..], b"a\n.\nb", b".", b"\0", b"\xff"] {
            let line = write_credential(&credential("a", value));
            assert!(line.starts_with("echo "), "{line}");
        }
        assert!(write_credential(&credential("a", b"..\n.x")).starts_with("printf "));
    }

    #[test]
    fn new_units_are_read() {
        let identity = Identity {
            credentials: vec![credential("systemd.extra-unit.a.service", b"[Unit]")],
            ..Identity::default()
        };
        let script = identity.script_with(&unique(), true);
        assert!(script.contains("daemon-reload") && script.contains("default.target"));
    }
}
