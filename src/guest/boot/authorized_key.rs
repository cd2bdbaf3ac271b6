//! The systemd credential that authorizes the VM's key, so that the image needs no preparation.
//! <https://systemd.io/CREDENTIALS/>

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use crate::hypervisor::Credential;

/// The credential with lines of tmpfiles.d(5).
pub const NAME: &str = "tmpfiles.extra";

/// Authorizes a public key for a user (systemd 252 and newer). `owner` has the user's UID and GID,
/// if they are known.
///
/// tmpfiles.d(5) appends the lines, so that keys of the image stay. They begin with a newline,
/// because the file may end without one. The colons keep mode and owner of a home folder that exists
/// already.
pub fn credential(
    user: &str,
    owner: Option<(u32, u32)>,
    home: &str,
    public_key: &str,
) -> Credential {
    let home = escape(home.trim_end_matches('/'));
    let owner = match owner {
        Some((user, group)) => (user.to_string(), group.to_string()),
        // systemd-tmpfiles skips a whole line that names a group which doesn't exist.
        None => (escape(user), "-".to_owned()),
    };
    let new_home = match &owner {
        (user, group) if group == "-" => format!(":0700 :{user} -"),
        (user, group) => format!(":0700 :{user} :{group}"),
    };
    let (owner, key) = (
        format!("{} {}", owner.0, owner.1),
        STANDARD.encode(format!("\n{public_key}\n")),
    );
    // root's home folder always exists.
    let home_line = if user == "root" {
        String::new()
    } else {
        format!("d {home} {new_home} -\n")
    };
    let lines = format!(
        "{home_line}d {home}/.ssh 0700 {owner} -\n\
         f {home}/.ssh/authorized_keys 0600 {owner} -\n\
         w+~ {home}/.ssh/authorized_keys - - - - {key}\n"
    );
    Credential {
        name: NAME.into(),
        value: lines.into_bytes(),
    }
}

/// Returns a hash of a credential, by which a later start recognizes it.
pub fn hash(credential: &Credential) -> String {
    STANDARD.encode(Sha256::digest(&credential.value))
}

/// Escapes a field of tmpfiles.d(5), where `%` begins a specifier and a blank ends the field.
fn escape(field: &str) -> String {
    field
        .replace('%', "%%")
        .replace('\\', "\\\\")
        .replace(' ', "\\x20")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_keeps_its_home_and_others_get_one() {
        let text = |user, owner, home| {
            String::from_utf8(credential(user, owner, home, "ssh-ed25519 AAAA x").value).unwrap()
        };
        assert_eq!(
            text("root", Some((0, 0)), "/root"),
            "d /root/.ssh 0700 0 0 -\n\
             f /root/.ssh/authorized_keys 0600 0 0 -\n\
             w+~ /root/.ssh/authorized_keys - - - - CnNzaC1lZDI1NTE5IEFBQUEgeAo=\n"
        );
        let known = "d /var/home/core :0700 :1000 :100 -\nd /var/home/core/.ssh 0700 1000 100 -\n";
        assert!(text("core", Some((1000, 100)), "/var/home/core/").starts_with(known));
        let unknown = "d /a\\x20b%%c :0700 :x - -\nd /a\\x20b%%c/.ssh 0700 x - -\n";
        assert!(text("x", None, "/a b%c").starts_with(unknown));
    }
}
