//! What a user waits for once the VM is ready: a unit, or the end of the guest's boot. A program in
//! the guest tells how far it is, over the session, so that the host needn't ask again and again.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader, duplex, empty, sink};
use tokio::time::timeout;

use crate::guest::ssh::session::{self, Session};
use crate::vm::guest_state::GuestState;

/// A condition to wait for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Condition {
    /// The VM is ready: its sshd accepts our key.
    #[default]
    Ssh,
    /// systemd has started everything, and nothing has failed.
    Running,
    /// This unit is active.
    Unit(String),
}

/// A word that is not a condition.
#[derive(Debug, thiserror::Error)]
#[error("invalid condition `{0}`: expected ssh, running or a unit, for example multi-user.target")]
pub struct Invalid(String);

/// The suffixes of units that start and stop (systemd.unit(5)).
const SUFFIXES: [&str; 10] = [
    ".service",
    ".socket",
    ".device",
    ".mount",
    ".automount",
    ".swap",
    ".target",
    ".path",
    ".timer",
    ".slice",
];
/// The longest name of a unit. Bytes.
const UNIT_MAX: usize = 255;
/// The program in the guest ends each round with this line.
const END: &str = "End=";
/// Bytes that the guest may send ahead.
const BUFFER: usize = 16 << 10;
/// A longer line is not one of ours. Bytes.
const LINE_MAX: usize = 4096;
/// Time limit for the guest to tell what it is doing.
const TELL_TIME: Duration = Duration::from_secs(5);

impl FromStr for Condition {
    type Err = Invalid;

    fn from_str(word: &str) -> Result<Self, Invalid> {
        let is_legal = |c: char| c.is_ascii_alphanumeric() || ":-_.@\\".contains(c);
        let is_name = |name: &str| {
            (1..=UNIT_MAX).contains(&name.len())
                && name.chars().all(is_legal)
                && name.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
                && !name.ends_with('\\')
        };
        match word {
            "ssh" => Ok(Self::Ssh),
            "running" => Ok(Self::Running),
            // As in systemctl.
            name if is_name(name) => Ok(Self::Unit(
                match SUFFIXES.iter().any(|suffix| name.ends_with(suffix)) {
                    true => name.to_owned(),
                    false => format!("{name}.service"),
                },
            )),
            _ => Err(Invalid(word.to_owned())),
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Ssh => f.write_str("ssh"),
            Self::Running => f.write_str("the end of its boot"),
            Self::Unit(name) => write!(f, "`{name}`"),
        }
    }
}

/// How far a condition is.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Verdict {
    Met,
    /// Not yet, as this says.
    Pending(String),
    /// It won't be met, as this says.
    Failed(String),
}

/// Why a wait for a condition ended.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error("{0}")]
    NotMet(String),
    #[error(transparent)]
    Session(#[from] session::Error),
}

/// Waits until the condition is met. `pending` hears what it waits for.
///
/// # Errors
/// The condition can't be met any more, or the session breaks.
pub async fn wait(
    session: &Session,
    condition: &Condition,
    pending: impl Fn(&str),
) -> Result<(), Failure> {
    let script = match condition {
        Condition::Ssh => return Ok(()),
        Condition::Running => running_script(),
        Condition::Unit(name) => unit_script(name),
    };
    let line = any_shell(&script);
    let (mut writer, reader) = duplex(BUFFER);
    let mut errors = sink();
    let told = read_rounds(reader, |round| {
        let verdict = match condition {
            Condition::Unit(name) => unit_verdict(name, round),
            Condition::Running | Condition::Ssh => running_verdict(round),
        };
        if let Verdict::Pending(what) = &verdict {
            pending(what);
        }
        verdict
    });
    tokio::select! {
        biased;
        verdict = told => match verdict {
            Some(Verdict::Failed(why)) => Err(Failure::NotMet(why)),
            Some(_) => Ok(()),
            None => Err(Failure::NotMet("its systemd tells nothing".into())),
        },
        code = session.exec(&line, empty(), &mut writer, &mut errors) => {
            let code = code?;
            Err(Failure::NotMet(format!("`systemctl` failed in it (exit code {code})")))
        }
    }
}

/// Asks the guest what it is doing. A guest that doesn't answer soon has no state.
pub async fn ask(session: &Session) -> GuestState {
    let script = any_shell(&format!(
        "echo System=$(systemctl is-system-running 2>/dev/null); {FAILED_UNITS}; {JOBS}"
    ));
    let (_, output) = match timeout(TELL_TIME, session.capture(&script)).await {
        Ok(Ok(answer)) => answer,
        _ => return GuestState::default(),
    };
    let round: Vec<String> = output.lines().map(str::to_owned).collect();
    state_of(&round)
}

const FAILED_UNITS: &str = "systemctl list-units --failed --plain --no-legend --no-pager \
     | while read -r unit rest; do echo Failed=$unit; done";
const JOBS: &str = "systemctl list-jobs --plain --no-legend --no-pager \
     | while read -r id unit type state; do echo Jobs=$unit: $type $state; done";
/// The properties of a unit that decide.
const PROPERTIES: &str = "LoadState,ActiveState,SubState,Result,Type,Job,ConditionResult,\
     ConditionTimestampMonotonic,InactiveEnterTimestampMonotonic,TriggeredBy";

fn running_script() -> String {
    format!(
        "echo System=$(systemctl is-system-running --wait); {FAILED_UNITS}; echo {END}; sleep 1"
    )
}

/// systemd has no command that waits for a unit without starting it.
fn unit_script(name: &str) -> String {
    format!(
        "while systemctl show --no-pager --property={PROPERTIES} -- \"{name}\"; do \
         echo System=$(systemctl is-system-running 2>/dev/null); echo {END}; sleep 1; done"
    )
}

/// Returns a line by which any login shell runs this script, which has no single quotes.
fn any_shell(script: &str) -> String {
    format!("exec sh -c '{script}'")
}

/// Reads rounds of lines until one decides. None when the guest tells no more.
async fn read_rounds(
    reader: impl AsyncRead + Unpin,
    verdict: impl Fn(&[String]) -> Verdict,
) -> Option<Verdict> {
    const ROUND_MAX: usize = 256;
    let mut lines = BufReader::new(reader).split(b'\n');
    let mut round = Vec::new();
    while let Ok(Some(line)) = lines.next_segment().await {
        let line = &line[..line.len().min(LINE_MAX)];
        let line = crate::text::plain(&String::from_utf8_lossy(line));
        if line != END {
            if round.len() < ROUND_MAX {
                round.push(line);
            }
            continue;
        }
        match verdict(&round) {
            Verdict::Pending(_) => round.clear(),
            decided => return Some(decided),
        }
    }
    None
}

/// Returns the values of a property. A login shell may have printed other lines.
fn values<'a>(round: &'a [String], name: &str) -> impl Iterator<Item = &'a str> {
    let prefix = format!("{name}=");
    round
        .iter()
        .filter_map(move |line| line.strip_prefix(&prefix))
}

fn value<'a>(round: &'a [String], name: &str) -> &'a str {
    values(round, name).last().unwrap_or_default()
}

fn state_of(round: &[String]) -> GuestState {
    use crate::vm::guest_state::Unit;
    GuestState {
        system: value(round, "System").to_owned(),
        failed: values(round, "Failed")
            .map(|name| Unit {
                name: name.to_owned(),
                ..Unit::default()
            })
            .collect(),
        jobs: values(round, "Jobs").map(str::to_owned).collect(),
        ..GuestState::default()
    }
}

fn running_verdict(round: &[String]) -> Verdict {
    match value(round, "System") {
        "running" => Verdict::Met,
        "degraded" => {
            let failed: Vec<&str> = values(round, "Failed").collect();
            Verdict::Failed(format!(
                "its system is degraded: {}",
                crate::vm::guest_state::failed_units(&failed)
            ))
        }
        "" => Verdict::Failed("`systemctl is-system-running` tells nothing".into()),
        other => Verdict::Failed(format!("its system is in state `{other}`")),
    }
}

fn unit_verdict(name: &str, round: &[String]) -> Verdict {
    let of = |property| value(round, property);
    // A time that has not come yet is 0.
    let happened = |property| !matches!(value(round, property), "" | "0");
    let failed = |why: String| Verdict::Failed(format!("`{name}` {why}"));
    match of("LoadState") {
        "loaded" => {}
        "not-found" => return failed("doesn't exist".into()),
        "masked" => return failed("is masked".into()),
        "" => return failed("has no state".into()),
        other => return failed(format!("can't be loaded ({other})")),
    }
    let active = of("ActiveState");
    match active {
        "active" | "reloading" | "refreshing" => return Verdict::Met,
        "failed" => return failed(format!("failed ({})", of("Result"))),
        _ => {}
    }
    let pending = || Verdict::Pending(format!("`{name}` is {active} ({})", of("SubState")));
    let has_job = !matches!(of("Job"), "" | "0");
    if active != "inactive" || has_job {
        return pending();
    }
    if of("Type") == "oneshot" && happened("InactiveEnterTimestampMonotonic") {
        // It has done its work, and needn't stay.
        return Verdict::Met;
    }
    if happened("ConditionTimestampMonotonic") && of("ConditionResult") == "no" {
        return failed("was skipped, because one of its conditions doesn't hold".into());
    }
    let boots = matches!(of("System"), "" | "initializing" | "starting");
    if boots || !of("TriggeredBy").is_empty() {
        return pending();
    }
    failed(
        "is inactive, and nothing starts it: it isn't enabled, or a unit that it needs failed"
            .into(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn a_condition_is_a_word() {
        let unit = |name: &str| Condition::Unit(name.to_owned());
        for (word, condition) in [
            ("ssh", Some(Condition::Ssh)),
            ("running", Some(Condition::Running)),
            ("multi-user.target", Some(unit("multi-user.target"))),
            ("nginx", Some(unit("nginx.service"))),
            ("getty@tty1", Some(unit("getty@tty1.service"))),
            ("a.b", Some(unit("a.b.service"))),
            (
                r"dev-disk-by\x2duuid-1.device",
                Some(unit(r"dev-disk-by\x2duuid-1.device")),
            ),
            ("", None),
            ("-x", None),
            ("a b", None),
            ("$(id)", None),
            ("a'b", None),
            ("a\"b", None),
            ("a\\", None),
        ] {
            assert_eq!(word.parse().ok(), condition, "{word}");
        }
    }

    #[test]
    fn the_properties_of_a_unit_decide() {
        enum Is {
            Met,
            Pending,
            Failed(&'static str),
        }
        use Is::{Failed, Met, Pending};
        for (properties, expected) in [
            (
                "LoadState=not-found ActiveState=inactive",
                Failed("doesn't exist"),
            ),
            ("LoadState=masked ActiveState=inactive", Failed("masked")),
            (
                "LoadState=bad-setting ActiveState=inactive",
                Failed("bad-setting"),
            ),
            ("noise", Failed("no state")),
            ("noise LoadState=loaded ActiveState=active", Met),
            (
                "LoadState=loaded ActiveState=failed Result=exit-code",
                Failed("failed (exit-code)"),
            ),
            (
                "LoadState=loaded ActiveState=activating SubState=auto-restart",
                Pending,
            ),
            (
                "LoadState=loaded ActiveState=inactive Job=12 System=running",
                Pending,
            ),
            (
                "LoadState=loaded ActiveState=inactive System=starting",
                Pending,
            ),
            (
                "LoadState=loaded ActiveState=inactive System=running TriggeredBy=x.timer",
                Pending,
            ),
            (
                "LoadState=loaded ActiveState=inactive System=degraded",
                Failed("nothing starts it"),
            ),
            (
                "LoadState=loaded ActiveState=inactive Type=oneshot InactiveEnterTimestampMonotonic=77 \
                 System=starting",
                Met,
            ),
            (
                "LoadState=loaded ActiveState=inactive Type=oneshot InactiveEnterTimestampMonotonic=0 \
                 System=starting",
                Pending,
            ),
            (
                "LoadState=loaded ActiveState=inactive ConditionResult=no \
                 ConditionTimestampMonotonic=9 System=starting",
                Failed("conditions"),
            ),
        ] {
            let verdict = unit_verdict("x.service", &round(properties));
            match (&verdict, expected) {
                (Verdict::Met, Met) | (Verdict::Pending(_), Pending) => {}
                (Verdict::Failed(why), Failed(text)) if why.contains(text) => {}
                _ => panic!("{properties}: {verdict:?}"),
            }
        }
    }

    #[test]
    fn only_a_system_without_failures_is_running() {
        assert_eq!(running_verdict(&round("System=running")), Verdict::Met);
        let verdict = running_verdict(&round("System=degraded Failed=a.service Failed=b.service"));
        let why = "its system is degraded: 2 failed units (a.service, b.service)".to_owned();
        assert_eq!(verdict, Verdict::Failed(why));
        for other in ["System=maintenance", "System=stopping", "x"] {
            assert!(matches!(running_verdict(&round(other)), Verdict::Failed(_)));
        }
    }

    #[tokio::test]
    async fn a_guest_that_tells_no_more_decides_nothing() {
        let pending = |_: &[String]| Verdict::Pending(String::new());
        assert_eq!(read_rounds(&b"a\nEnd=\nb\n"[..], pending).await, None);
        let lines = |round: &[String]| Verdict::Failed(round.join(" "));
        let told = read_rounds(&b"a\nb\nEnd=\nc\n"[..], lines).await;
        assert_eq!(told, Some(Verdict::Failed("a b".into())));
    }
}
