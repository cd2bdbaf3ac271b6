//! Reads what the agent (`vm-assets/agent/agent`) and the guest's journal report. Everything here
//! is bounded, because the guest is not trusted.

use serde::Deserialize;

use crate::text::plain;
use crate::vm::guest_state::{GuestState, Unit};

/// Longer lines are dropped. Bytes. A line of the journal has the most.
const LINE_MAX: usize = 16 << 10;
/// A longer text in the state is cut. Characters.
const TEXT_MAX: usize = 300;
/// The most items in a list of the state.
const ITEMS_MAX: usize = 32;
/// A larger state loses its lists: it must fit into one message to a client. Bytes of JSON.
const STATE_MAX: usize = 32 << 10;
/// The most lines of one log.
const LOG_MAX: usize = 12;

/// Cuts bytes into lines.
#[derive(Debug, Default)]
pub struct Lines {
    partial: Vec<u8>,
    /// The current line is too long.
    skip: bool,
}

impl Lines {
    /// Returns the lines that these bytes complete, without those that are too long.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<String> {
        let mut lines = Vec::new();
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let text = piece.strip_suffix(b"\n");
            let fits = self.partial.len() + piece.len() <= LINE_MAX;
            if self.skip || !fits {
                self.partial.clear();
                self.skip = text.is_none();
                continue;
            }
            self.partial.extend(text.unwrap_or(piece));
            if text.is_some() {
                lines.push(String::from_utf8_lossy(&self.partial).into_owned());
                self.partial.clear();
            }
        }
        lines
    }
}

/// News from the guest beside its state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// An agent started.
    Hello,
    /// The guest asks for the agent.
    Bootstrap,
    /// The system has started again with the same kernel (`systemctl soft-reboot`).
    SoftReboot,
    /// The session of the second door with this number has ended in the guest.
    Closed(usize),
    /// An answer is complete.
    Answer,
    /// A part of the state is new.
    State,
    /// Something happened that makes the state old.
    Stale,
}

/// The section of an answer that the next lines belong to.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Section {
    #[default]
    None,
    System,
    Units,
    Failed,
    /// The log of a failed unit.
    Log(usize),
    Jobs,
    Addresses,
    Config,
}

/// The guest as it has been reported so far.
#[derive(Debug, Default)]
pub struct Report {
    /// What the last complete answer said.
    state: GuestState,
    /// What the answer says that is arriving.
    next: GuestState,
    section: Section,
}

impl Report {
    pub fn state(&self) -> &GuestState {
        &self.state
    }

    /// Reads a line of the agent's channel.
    pub fn agent_line(&mut self, line: &str) -> Option<News> {
        if let Some(control) = line.strip_prefix('@') {
            let (word, value) = control.split_once(' ').unwrap_or((control, ""));
            match word {
                "hello" => return Some(self.hello(value)),
                "bootstrap" => return Some(News::Bootstrap),
                "closed" => return value.parse().ok().map(News::Closed),
                "no-sshd" => {
                    self.state.has_sshd = Some(false);
                    return value.parse().ok().map(News::Closed);
                }
                _ if self.begin(word, value) => {
                    let is_published = matches!(word, "system" | "status");
                    return is_published.then_some(News::State);
                }
                "end" => return self.end(),
                _ => {}
            }
        }
        self.content(line);
        None
    }

    /// A hello with the same boot ID is an agent that was restarted. The next status tells of a
    /// system that was.
    fn hello(&mut self, boot_id: &str) -> News {
        let boot_id = text(boot_id);
        self.section = Section::None;
        if self.state.boot_id != boot_id {
            self.state = GuestState {
                boot_id,
                ..GuestState::default()
            };
        }
        News::Hello
    }

    /// Begins a section. Returns false if the word is the name of none.
    fn begin(&mut self, word: &str, value: &str) -> bool {
        self.section = match word {
            "status" => {
                self.next = GuestState {
                    boot_id: self.state.boot_id.clone(),
                    ..GuestState::default()
                };
                Section::None
            }
            "config" => {
                self.state.sshd_config.clear();
                Section::Config
            }
            "system" => {
                // A client waits for these, and they are complete.
                self.state.sets_up_devices = self.next.sets_up_devices;
                self.state.ssh_units = std::mem::take(&mut self.next.ssh_units);
                self.state.ssh_units.retain(|unit| !unit.name.is_empty());
                self.limit_size();
                Section::System
            }
            "udev" => {
                self.next.sets_up_devices = true;
                Section::None
            }
            "units" => Section::Units,
            "failed" => Section::Failed,
            "log" => self
                .next
                .failed
                .iter()
                .position(|unit| unit.name == value)
                .map_or(Section::None, Section::Log),
            "jobs" => Section::Jobs,
            "addresses" => Section::Addresses,
            "sshd" => {
                self.next.has_sshd = Some(value.starts_with('/'));
                Section::None
            }
            _ => return false,
        };
        true
    }

    fn end(&mut self) -> Option<News> {
        self.section = Section::None;
        let next = std::mem::take(&mut self.next);
        if next.boot_id != self.state.boot_id {
            // An answer that began before the last hello.
            return None;
        }
        let restarted = next.soft_reboots > self.state.soft_reboots;
        self.state = GuestState {
            // What arrived by itself.
            sshd_log: std::mem::take(&mut self.state.sshd_log),
            sshd_config: std::mem::take(&mut self.state.sshd_config),
            ssh_units: std::mem::take(&mut self.state.ssh_units),
            ..next
        };
        self.state.failed.retain(|unit| !unit.name.is_empty());
        self.limit_size();
        Some(if restarted {
            News::SoftReboot
        } else {
            News::Answer
        })
    }

    /// Leaves the details out of a state that no message has room for.
    fn limit_size(&mut self) {
        if serde_json::to_vec(&self.state).map_or(0, |json| json.len()) > STATE_MAX {
            let GuestState {
                boot_id,
                soft_reboots,
                system,
                ..
            } = std::mem::take(&mut self.state);
            self.state = GuestState {
                boot_id,
                soft_reboots,
                system,
                ..GuestState::default()
            };
        }
    }

    fn content(&mut self, line: &str) {
        let next = &mut self.next;
        match self.section {
            Section::None => {}
            Section::System => match line.split_once('=') {
                Some(("SystemState", value)) => next.system = text(value),
                Some(("SoftRebootsCount", value)) => {
                    next.soft_reboots = value.parse().unwrap_or_default();
                }
                _ => {}
            },
            Section::Units => property(&mut next.ssh_units, line),
            Section::Failed => property(&mut next.failed, line),
            Section::Log(index) => {
                if let Some(unit) = next.failed.get_mut(index) {
                    push_log(&mut unit.log, line);
                }
            }
            Section::Jobs => {
                let mut words = line.split_whitespace().skip(1);
                if let (Some(unit), Some(job), Some(state)) =
                    (words.next(), words.next(), words.next())
                {
                    push(&mut next.jobs, format!("{unit}: {job} {state}"));
                }
            }
            Section::Addresses => {
                // `2: ens3    inet 10.0.2.15/24 metric 1024 ...`
                if let Some(address) = line.split_whitespace().nth(3) {
                    push(&mut next.addresses, address.to_owned());
                }
            }
            // It is published before the rest.
            Section::Config => push(&mut self.state.sshd_config, line.to_owned()),
        }
    }

    /// Reads a line of the journal, as `journalctl --output=json` prints it.
    pub fn journal_line(&mut self, line: &str) -> Option<News> {
        #[derive(Deserialize)]
        struct Entry {
            /// Bytes, if it is not UTF-8.
            #[serde(rename = "MESSAGE")]
            message: serde_json::Value,
            #[serde(rename = "MESSAGE_ID")]
            id: Option<String>,
            #[serde(rename = "SYSLOG_IDENTIFIER")]
            program: Option<String>,
        }
        let entry: Entry = serde_json::from_str(line).ok()?;
        let is_sshd = |name: &str| name.starts_with("sshd") || name == "dropbear";
        if entry.program.as_deref().is_some_and(is_sshd)
            && let Some(message) = entry.message.as_str()
        {
            push_log(&mut self.state.sshd_log, message);
            return Some(News::State);
        }
        entry.id.is_some().then_some(News::Stale)
    }
}

/// Reads a line `KEY=VALUE` of `systemctl show`; an empty line ends a unit.
fn property(units: &mut Vec<Unit>, line: &str) {
    let Some((key, value)) = line.split_once('=') else {
        push(units, Unit::default());
        return;
    };
    if units.is_empty() {
        units.push(Unit::default());
    }
    let Some(unit) = units.last_mut() else { return };
    match key {
        "Id" => unit.name = text(value),
        "LoadState" => unit.load = text(value),
        "UnitFileState" => unit.file = text(value),
        "ActiveState" => unit.active = text(value),
        "Result" => unit.result = text(value),
        "Job" => unit.has_job = !matches!(value, "" | "0"),
        _ => {}
    }
}

fn push<T: Clean>(list: &mut Vec<T>, item: T) {
    if list.len() < ITEMS_MAX {
        list.push(item.clean());
    }
}

fn push_log(log: &mut Vec<String>, line: &str) {
    if log.len() == LOG_MAX {
        log.remove(0);
    }
    log.push(text(line));
}

/// Something that is cut and safe to print after this.
trait Clean {
    fn clean(self) -> Self;
}

impl Clean for String {
    fn clean(self) -> Self {
        text(&self)
    }
}

impl Clean for Unit {
    fn clean(self) -> Self {
        self
    }
}

fn text(line: &str) -> String {
    let short: String = line.chars().take(TEXT_MAX).collect();
    plain(&short)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &str = "@status\n@units\n\
        Id=ssh.service\nLoadState=loaded\nUnitFileState=disabled\nActiveState=inactive\n\
        Result=success\nJob=0\n\nId=sshd.service\nLoadState=not-found\nJob=12\n\
        @system\nSystemState=degraded\nSoftRebootsCount=0\n@failed\nId=x.service\nActiveState=failed\nResult=exit-code\n@log x.service\n\
        one\n\x1b[31mtwo\n@jobs\n 5 dev-sda.device start running\n@addresses\n\
        2: ens3    inet 10.0.2.15/24 scope global\n@sshd /usr/sbin/sshd\n@end\n";

    fn read(report: &mut Report, text: &str) -> Vec<News> {
        let mut lines = Lines::default();
        lines
            .push(text.as_bytes())
            .iter()
            .filter_map(|line| report.agent_line(line))
            .collect()
    }

    #[test]
    fn a_status_becomes_a_state() {
        let mut report = Report::default();
        assert_eq!(read(&mut report, "@hello b-1\n"), [News::Hello]);
        assert_eq!(
            read(&mut report, STATUS),
            [News::State, News::State, News::Answer]
        );
        let state = report.state();
        assert_eq!(state.boot_id, "b-1");
        assert_eq!(state.system, "degraded");
        assert_eq!(state.has_sshd, Some(true));
        assert_eq!(state.ssh_units.len(), 2);
        assert_eq!(state.ssh_units[0].file, "disabled");
        assert!(!state.ssh_units[0].has_job && state.ssh_units[1].has_job);
        assert_eq!(state.failed[0].result, "exit-code");
        assert_eq!(state.failed[0].log, ["one", "two"]);
        assert_eq!(state.jobs, ["dev-sda.device: start running"]);
        assert_eq!(state.addresses, ["10.0.2.15/24"]);
        assert!(!state.sets_up_devices);
    }

    #[test]
    fn devices_that_are_being_set_up_are_told_of_with_the_units() {
        let mut report = Report::default();
        read(&mut report, "@hello b\n");
        let busy = STATUS.replace("@units", "@udev\n@units");
        let (units, rest) = busy.split_at(busy.find("SystemState").unwrap());
        read(&mut report, units);
        assert!(report.state().sets_up_devices);
        read(&mut report, rest);
        assert!(report.state().sets_up_devices);
        read(&mut report, STATUS);
        assert!(!report.state().sets_up_devices);
    }

    #[test]
    fn a_hello_of_another_boot_forgets_the_old_one() {
        let mut report = Report::default();
        read(&mut report, "@hello b-1\n");
        read(&mut report, STATUS);
        read(
            &mut report,
            "@status\n@system\nSystemState=running\n@hello b-2\n",
        );
        assert_eq!(report.state().system, "");
        assert_eq!(
            read(&mut report, "@end\n"),
            [],
            "the answer is of the old boot"
        );
        let soft = STATUS.replace("SoftRebootsCount=0", "SoftRebootsCount=1");
        assert_eq!(
            read(&mut report, &soft),
            [News::State, News::State, News::SoftReboot]
        );
        assert_eq!(
            read(&mut report, &soft),
            [News::State, News::State, News::Answer]
        );
    }

    #[test]
    fn settings_and_messages_of_sshd_are_kept() {
        let mut report = Report::default();
        read(&mut report, "@hello b\n");
        let config = "@config\n/etc/ssh/sshd_config.d/05-x.conf:PermitRootLogin no\n@end\n";
        let status = config.replace("@end\n", STATUS);
        assert_eq!(
            read(&mut report, &status),
            [News::State, News::State, News::Answer]
        );
        let refused = r#"{"MESSAGE":"ROOT LOGIN REFUSED","SYSLOG_IDENTIFIER":"sshd-session"}"#;
        let failed = r#"{"MESSAGE":"x","MESSAGE_ID":"be02","SYSLOG_IDENTIFIER":"systemd"}"#;
        for (line, news) in [
            (refused, Some(News::State)),
            (failed, Some(News::Stale)),
            (r#"{"MESSAGE":[1,2],"SYSLOG_IDENTIFIER":"sshd"}"#, None),
            ("not JSON", None),
            ("", None),
        ] {
            assert_eq!(report.journal_line(line), news, "{line}");
        }
        read(&mut report, STATUS);
        assert_eq!(report.state().sshd_log, ["ROOT LOGIN REFUSED"]);
        assert!(report.state().sshd_config[0].ends_with("PermitRootLogin no"));
    }

    #[test]
    fn a_hostile_guest_costs_bounded_memory() {
        let mut lines = Lines::default();
        assert!(lines.push(&vec![b'x'; 10 << 20]).is_empty());
        assert!(lines.partial.is_empty());
        assert_eq!(lines.push(b"x\nok\n"), ["ok"], "the long line is dropped");
        let mut report = Report::default();
        read(&mut report, "@hello b\n");
        for section in [
            "status",
            "units",
            "system",
            "failed",
            "jobs",
            "addresses",
            "config",
        ] {
            report.agent_line(&format!("@{section}"));
            for _ in 0..1000 {
                for line in [
                    format!("Id={}", "y".repeat(5000)),
                    "a b c d e".into(),
                    String::new(),
                ] {
                    report.agent_line(&line);
                }
            }
        }
        report.agent_line("@end");
        for number in 0..1000 {
            report.journal_line(&format!(
                r#"{{"MESSAGE":"{number}","SYSLOG_IDENTIFIER":"sshd"}}"#
            ));
        }
        let size = serde_json::to_vec(report.state()).unwrap().len();
        assert!(size < 48 << 10, "{size} bytes must fit into one message");
        assert_eq!(report.state().sshd_log.last().unwrap(), "999");
    }
}
