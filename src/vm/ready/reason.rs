//! Why a guest's own sshd doesn't let us in, in one line that names the cause in the image.

use crate::vm::guest_state::{GuestState, Unit};

/// The way in which the first door fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// No unit runs an SSH server, and systemd has no job to start one.
    NotRunning,
    /// A unit runs, and nothing answers.
    Silent,
    /// The server answers and refuses our key, or the user.
    Refused,
    /// The server answers, and a login has no end.
    Stuck,
}

/// Returns true if an SSH server runs, as far as systemd knows.
pub fn is_active(state: &GuestState) -> bool {
    state
        .ssh_units
        .iter()
        .any(|unit| matches!(&*unit.active, "active" | "reloading"))
}

/// Returns true if systemd is about to start an SSH server.
pub fn is_starting(state: &GuestState) -> bool {
    state
        .ssh_units
        .iter()
        .any(|unit| unit.has_job || unit.active == "activating")
}

/// Returns true if it is known why sshd refuses us.
pub fn has_cause(state: &GuestState) -> bool {
    reason(Failure::Refused, state).contains('(')
}

/// Returns the reason, in words that follow `the guest's`.
pub fn reason(failure: Failure, state: &GuestState) -> String {
    match failure {
        Failure::NotRunning => not_running(state),
        Failure::Silent => {
            let cause = setting(state, &["Port", "ListenAddress", "AddressFamily"]);
            let cause = cause.unwrap_or_else(|| silence(state).to_owned());
            format!("sshd runs, but doesn't answer on port 22 ({cause})")
        }
        Failure::Refused => {
            let told = told(
                state,
                &["not allowed", "REFUSED", "expired", "denied", "refused"],
            );
            let settings = [
                "PermitRootLogin",
                "AllowUsers",
                "DenyUsers",
                "AllowGroups",
                "DenyGroups",
                "AuthorizedKeysFile",
                "AuthorizedKeysCommand",
                "PubkeyAuthentication",
                "PubkeyAcceptedAlgorithms",
                "AuthenticationMethods",
            ];
            let cause: Vec<String> = [told, setting(state, &settings), denied(state)]
                .into_iter()
                .flatten()
                .collect();
            format!("sshd refuses our login{}", bracket(&cause.join("; ")))
        }
        Failure::Stuck => "sshd answers, but no login succeeds".to_owned(),
    }
}

/// Returns true if sshd tells of connections that ended before a login. They are ours: it is only
/// slow.
pub fn is_reached(state: &GuestState) -> bool {
    let marks = [
        "drop connection",
        "Connection closed by",
        "Connection reset by",
        "Timeout before auth",
    ];
    // The direct door's sshd sees no address.
    let is_ours =
        |line: &String| !line.contains("UNKNOWN") && marks.iter().any(|mark| line.contains(mark));
    state.sshd_log.iter().any(is_ours)
}

/// Returns why a server that runs may be silent, as far as the guest tells.
fn silence(state: &GuestState) -> &'static str {
    if is_reached(state) {
        "connections reach it; the guest is very slow"
    } else if state.addresses.is_empty() {
        "the guest has no network address: no DHCP client, or no network card that it knows"
    } else {
        "the guest's firewall drops port 22, or it is very slow"
    }
}

fn not_running(state: &GuestState) -> String {
    let known = |unit: &&Unit| !matches!(&*unit.load, "" | "not-found");
    let failed = |unit: &&Unit| unit.active == "failed";
    let units: Vec<&Unit> = state.ssh_units.iter().filter(known).collect();
    if let Some(unit) = units.iter().find(|unit| failed(unit)) {
        let errors = ["line", "rror", "atal", "annot", "no hostkeys", "Missing"];
        let why = told(state, &errors).or_else(|| unit.log.last().cloned());
        let why = why.unwrap_or_else(|| format!("result {}", unit.result));
        return format!("sshd failed ({}: {why})", unit.name);
    }
    let masked = units.iter().find(|unit| unit.load == "masked");
    // An alias has the name of its unit. A service tells more than a socket.
    let service = units.iter().find(|unit| unit.name.ends_with(".service"));
    match (service.or(masked), state.has_sshd) {
        (_, Some(false)) => "image has no sshd".to_owned(),
        (Some(unit), _) if unit.load == "masked" => {
            format!("sshd isn't enabled ({} is masked)", unit.name)
        }
        (Some(unit), _) if unit.file == "disabled" => {
            format!("sshd isn't enabled ({} is disabled)", unit.name)
        }
        (Some(unit), _) => format!("sshd doesn't run ({} is {})", unit.name, unit.active),
        (None, _) => "system has no unit that starts sshd".to_owned(),
    }
}

/// Returns the newest message of sshd that has one of these words.
fn told(state: &GuestState, words: &[&str]) -> Option<String> {
    let has = |line: &&String| words.iter().any(|word| line.contains(word));
    state.sshd_log.iter().rfind(has).cloned()
}

/// Returns the last thing that SELinux kept from sshd.
fn denied(state: &GuestState) -> Option<String> {
    let line = state
        .sshd_config
        .iter()
        .rfind(|line| line.starts_with("SELinux: "));
    line.cloned()
}

/// Returns the guest's first setting with one of these names, as `sshd_config.d/x.conf: NAME VALUE`.
/// sshd uses the first one.
fn setting(state: &GuestState, names: &[&str]) -> Option<String> {
    let usual = [
        "permitrootlogin prohibit-password",
        "permitrootlogin without-password",
        "permitrootlogin yes",
        "pubkeyauthentication yes",
        "port 22",
        "authorizedkeysfile .ssh/authorized_keys",
        "authorizedkeysfile .ssh/authorized_keys .ssh/authorized_keys2",
    ];
    state.sshd_config.iter().find_map(|line| {
        let (file, setting) = line.split_once(':')?;
        let setting = setting.replace(['=', '\t'], " ");
        let setting = setting.split_whitespace().collect::<Vec<_>>().join(" ");
        let name = setting.split(' ').next()?;
        let is_meant = names.iter().any(|known| known.eq_ignore_ascii_case(name));
        let is_usual = usual.contains(&&*setting.to_ascii_lowercase());
        let file = file
            .trim_start_matches("/usr")
            .trim_start_matches("/etc/ssh/");
        (is_meant && !is_usual).then(|| format!("{file}: {setting}"))
    })
}

fn bracket(text: &str) -> String {
    if text.is_empty() {
        String::new()
    } else {
        format!(" ({text})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(name: &str, load: &str, file: &str, active: &str) -> Unit {
        Unit {
            name: name.into(),
            load: load.into(),
            file: file.into(),
            active: active.into(),
            ..Unit::default()
        }
    }

    #[test]
    fn the_reason_names_the_cause_in_the_image() {
        let socket = unit("ssh.socket", "loaded", "disabled", "inactive");
        let line = "/etc/ssh/sshd_config.d/x.conf line 3: Bad configuration option: Foo";
        let config = |line: &str| {
            vec![
                "/etc/ssh/sshd_config.d/01.conf:PubkeyAuthentication yes".to_owned(),
                format!("/etc/ssh/sshd_config.d/05-x.conf:{line}"),
            ]
        };
        for (failure, units, log, config, expected) in [
            (
                Failure::NotRunning,
                vec![
                    unit("ssh.service", "loaded", "disabled", "inactive"),
                    socket.clone(),
                ],
                "",
                vec![],
                "sshd isn't enabled (ssh.service is disabled)",
            ),
            (
                Failure::NotRunning,
                vec![unit("ssh.service", "masked", "masked", "inactive")],
                "",
                vec![],
                "sshd isn't enabled (ssh.service is masked)",
            ),
            (
                Failure::NotRunning,
                vec![unit("sshd.service", "loaded", "enabled", "failed")],
                line,
                vec![],
                "sshd failed (sshd.service: /etc/ssh/sshd_config.d/x.conf line 3: \
                 Bad configuration option: Foo)",
            ),
            (
                Failure::NotRunning,
                vec![unit("sshd.service", "not-found", "", "inactive")],
                "",
                vec![],
                "system has no unit that starts sshd",
            ),
            (
                Failure::Refused,
                vec![],
                "ROOT LOGIN REFUSED FROM 10.0.2.2 port 1",
                config("PermitRootLogin no"),
                "sshd refuses our login (ROOT LOGIN REFUSED FROM 10.0.2.2 port 1; \
                 sshd_config.d/05-x.conf: PermitRootLogin no)",
            ),
            (
                Failure::Refused,
                vec![],
                "",
                config("AuthorizedKeysFile\t/usr/etc-system/%u.keys"),
                "sshd refuses our login (sshd_config.d/05-x.conf: \
                 AuthorizedKeysFile /usr/etc-system/%u.keys)",
            ),
            (
                Failure::Refused,
                vec![],
                "",
                vec!["SELinux: denied { read } for comm=\"sshd-session\" name=\"root\"".into()],
                "sshd refuses our login (SELinux: denied { read } for comm=\"sshd-session\" \
                 name=\"root\")",
            ),
            (
                Failure::Refused,
                vec![],
                "",
                vec![],
                "sshd refuses our login",
            ),
            (
                Failure::Silent,
                vec![],
                "",
                config("Port 2222"),
                "sshd runs, but doesn't answer on port 22 (sshd_config.d/05-x.conf: Port 2222)",
            ),
        ] {
            let state = GuestState {
                ssh_units: units,
                sshd_log: vec![log.to_owned()],
                sshd_config: config,
                ..GuestState::default()
            };
            assert_eq!(reason(failure, &state), expected);
        }
    }

    #[test]
    fn a_silent_server_that_connections_reach_has_a_network() {
        let address = &["10.0.2.15/24"][..];
        for (log, addresses, expected) in [
            (
                "drop connection #14 from [10.0.2.2]:33300 on [10.0.2.15]:22 MaxStartups",
                &[][..],
                "connections reach it; the guest is very slow",
            ),
            (
                "Connection closed by 10.0.2.2 port 33300 [preauth]",
                address,
                "connections reach it; the guest is very slow",
            ),
            (
                "Connection closed by UNKNOWN port 65535",
                address,
                "the guest's firewall drops port 22, or it is very slow",
            ),
            (
                "Server listening on 0.0.0.0 port 22.",
                &[],
                "the guest has no network address: no DHCP client, or no network card that it knows",
            ),
        ] {
            let state = GuestState {
                sshd_log: vec![log.to_owned()],
                addresses: addresses.iter().map(|&text| text.to_owned()).collect(),
                ..GuestState::default()
            };
            let expected = format!("sshd runs, but doesn't answer on port 22 ({expected})");
            assert_eq!(reason(Failure::Silent, &state), expected);
        }
    }
}
