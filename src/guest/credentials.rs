//! systemd credentials that make a guest usable without any preparation of its image.
//! <https://systemd.io/CREDENTIALS/>

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::hypervisor::Credential;

/// Name of the channel on which the guest says that its sshd has been started.
pub const READY_CHANNEL: &str = "podman-bootc.ready";

/// The first systemd that takes units from credentials.
pub const UNIT_CREDENTIALS: u32 = 256;

const READY_UNIT: &str = include_str!("../../vm-assets/units/podman-bootc-ready.service");
const GROW_UNIT: &str = include_str!("../../vm-assets/units/podman-bootc-grow.service");
const GROW_DROPIN: &str = "[Unit]\nWants=podman-bootc-grow.service\n";
const READY_DROPIN: &str = "[Unit]\nWants=podman-bootc-ready.service\n";

/// Authorizes a public key for a user with this home folder (systemd 252 and up).
///
/// The line is appended: keys that the image brings stay.
pub fn authorized_key(user: &str, home: &str, public_key: &str) -> Credential {
    let home = escape(home.trim_end_matches('/'));
    let user = escape(user);
    let key = STANDARD.encode(format!("{public_key}\n"));
    let lines = format!(
        "d {home} 0700 {user} {user} -\n\
         d {home}/.ssh 0700 {user} {user} -\n\
         f {home}/.ssh/authorized_keys 0600 {user} {user} -\n\
         w+~ {home}/.ssh/authorized_keys - - - - {key}\n"
    );
    // root's home is there and has the mode that the image wants.
    let lines =
        if user == "root" { lines.split_once('\n').map_or("", |(_, rest)| rest).to_owned() } else { lines };
    Credential { name: "tmpfiles.extra".into(), value: lines.into_bytes() }
}

/// Lets the guest say when its sshd has been started (systemd 256 and up; older ones ignore it).
pub fn ready_signal() -> [Credential; 2] {
    [
        Credential { name: "systemd.extra-unit.podman-bootc-ready.service".into(), value: READY_UNIT.into() },
        Credential {
            name: "systemd.unit-dropin.multi-user.target~podman-bootc".into(),
            value: READY_DROPIN.into(),
        },
    ]
}

/// Makes the root filesystem fill a disk that has grown (systemd 256 and up; older ones ignore it).
pub fn grow_root() -> [Credential; 2] {
    [
        Credential { name: "systemd.extra-unit.podman-bootc-grow.service".into(), value: GROW_UNIT.into() },
        Credential {
            name: "systemd.unit-dropin.multi-user.target~podman-bootc-grow".into(),
            value: GROW_DROPIN.into(),
        },
    ]
}

/// `%` begins a specifier in tmpfiles.d; blanks end a field.
fn escape(field: &str) -> String {
    field.replace('%', "%%").replace('\\', "\\\\").replace(' ', "\\x20")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_for_root_and_for_others() {
        let text =
            |user, home| String::from_utf8(authorized_key(user, home, "ssh-ed25519 AAAA x").value).unwrap();
        assert_eq!(
            text("root", "/root"),
            "d /root/.ssh 0700 root root -\n\
             f /root/.ssh/authorized_keys 0600 root root -\n\
             w+~ /root/.ssh/authorized_keys - - - - c3NoLWVkMjU1MTkgQUFBQSB4Cg==\n"
        );
        assert!(
            text("core", "/var/home/core/")
                .starts_with("d /var/home/core 0700 core core -\nd /var/home/core/.ssh ")
        );
        assert!(text("x", "/a b%c").contains("d /a\\x20b%%c 0700"));
    }
}
