//! systemd credentials that make a guest usable without any preparation of its image.
//! <https://systemd.io/CREDENTIALS/>

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::hypervisor::Credential;

/// Name of the channel on which the guest says that its sshd has been started.
pub const READY_CHANNEL: &str = "podman-bootc.ready";

/// The first systemd that takes units from credentials.
pub const UNIT_CREDENTIALS: u32 = 256;

const READY_UNIT: &str = include_str!("../../../vm-assets/units/podman-bootc-ready.service");
const GROW_UNIT: &str = include_str!("../../../vm-assets/units/podman-bootc-grow.service");
const GROW_DROPIN: &str = "[Unit]\nWants=podman-bootc-grow.service\n";
const READY_DROPIN: &str = "[Unit]\nWants=podman-bootc-ready.service\n";

/// Authorizes a public key for a user with this home folder (systemd 252 and up), who has these numbers of user and
/// group.
///
/// The line is appended: keys that the image brings stay. So does what a home that is there already looks like: a
/// colon keeps a value for what is new.
pub fn authorized_key(user: &str, owner: Option<(u32, u32)>, home: &str, public_key: &str) -> Credential {
    let home = escape(home.trim_end_matches('/'));
    let owner = match owner {
        Some((user, group)) => (user.to_string(), group.to_string()),
        // Nobody knows the group, and a line that names one that isn't there would be left out as a whole.
        None => (escape(user), "-".to_owned()),
    };
    let new = match &owner {
        (user, group) if group == "-" => format!(":0700 :{user} -"),
        (user, group) => format!(":0700 :{user} :{group}"),
    };
    let (owner, key) = (format!("{} {}", owner.0, owner.1), STANDARD.encode(format!("{public_key}\n")));
    // root's home is there in any case.
    let home_line = if user == "root" { String::new() } else { format!("d {home} {new} -\n") };
    let lines = format!(
        "{home_line}d {home}/.ssh 0700 {owner} -\n\
         f {home}/.ssh/authorized_keys 0600 {owner} -\n\
         w+~ {home}/.ssh/authorized_keys - - - - {key}\n"
    );
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
        let text = |user, owner, home| {
            String::from_utf8(authorized_key(user, owner, home, "ssh-ed25519 AAAA x").value).unwrap()
        };
        assert_eq!(
            text("root", Some((0, 0)), "/root"),
            "d /root/.ssh 0700 0 0 -\n\
             f /root/.ssh/authorized_keys 0600 0 0 -\n\
             w+~ /root/.ssh/authorized_keys - - - - c3NoLWVkMjU1MTkgQUFBQSB4Cg==\n"
        );
        let known = "d /var/home/core :0700 :1000 :100 -\nd /var/home/core/.ssh 0700 1000 100 -\n";
        assert!(text("core", Some((1000, 100)), "/var/home/core/").starts_with(known));
        let unknown = "d /a\\x20b%%c :0700 :x - -\nd /a\\x20b%%c/.ssh 0700 x - -\n";
        assert!(text("x", None, "/a b%c").starts_with(unknown));
    }
}
