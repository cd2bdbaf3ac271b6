//! The state of a guest as its agent reports it. Bounded, and not to be trusted: a lie may cost the
//! user a message, and never makes a VM ready.

use serde::{Deserialize, Serialize};

use crate::text::plain;

/// The newest state of a running guest. What the guest has not reported is empty.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct GuestState {
    /// `/proc/sys/kernel/random/boot_id`.
    pub boot_id: String,
    /// Restarts of the userspace alone since that boot (`systemctl soft-reboot`).
    pub soft_reboots: u32,
    /// The word of `systemctl is-system-running`.
    pub system: String,
    /// True while udev still sets devices up (`/run/udev/queue`).
    pub sets_up_devices: bool,
    /// The units that may start the image's SSH server.
    pub ssh_units: Vec<Unit>,
    /// The failed units.
    pub failed: Vec<Unit>,
    /// The jobs that systemd has not finished, as `UNIT: JOB STATE`.
    pub jobs: Vec<String>,
    /// The addresses of the guest's network cards.
    pub addresses: Vec<String>,
    /// The last messages of the guest's SSH servers.
    pub sshd_log: Vec<String>,
    /// The settings of the guest's sshd that may keep us out, as `FILE:SETTING`, and what SELinux
    /// kept from sshd.
    pub sshd_config: Vec<String>,
    /// True if the guest has the program `sshd`.
    pub has_sshd: Option<bool>,
}

/// A unit, in the words of `systemctl show`.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Unit {
    pub name: String,
    /// `LoadState`.
    pub load: String,
    /// `UnitFileState`.
    pub file: String,
    /// `ActiveState`.
    pub active: String,
    /// `Result`.
    pub result: String,
    /// True if systemd has a job for it that is not finished.
    pub has_job: bool,
    /// The last lines of its journal.
    pub log: Vec<String>,
}

/// Names that a message lists.
const LISTED: usize = 5;

impl GuestState {
    /// Returns what the guest is doing, for an error: its state, jobs and failed units. Empty for a
    /// guest that reported none of them.
    pub fn story(&self) -> String {
        let mut parts = Vec::new();
        if !self.system.is_empty() {
            parts.push(format!("its system is in state `{}`", plain(&self.system)));
        }
        if !self.jobs.is_empty() {
            let jobs: Vec<&str> = self.jobs.iter().map(String::as_str).collect();
            parts.push(format!("jobs still running: {}", listed(&jobs)));
        }
        let failed: Vec<&str> = self.failed.iter().map(|unit| unit.name.as_str()).collect();
        if !failed.is_empty() {
            parts.push(failed_units(&failed));
        }
        parts.join("; ")
    }

    /// Returns what is wrong in a system that runs, in a few words.
    pub fn trouble(&self) -> Option<String> {
        match (self.system.as_str(), self.failed.len()) {
            ("degraded", 0) => Some("degraded".into()),
            ("degraded", 1) => Some("degraded: 1 failed unit".into()),
            ("degraded", count) => Some(format!("degraded: {count} failed units")),
            ("maintenance", _) => Some("maintenance: emergency or rescue mode".into()),
            _ => None,
        }
    }
}

/// Returns these failed units as part of a sentence.
pub fn failed_units(names: &[&str]) -> String {
    let units = if names.len() == 1 { "unit" } else { "units" };
    format!("{} failed {units} ({})", names.len(), listed(names))
}

fn listed(names: &[&str]) -> String {
    let more = names.len().saturating_sub(LISTED);
    let mut text = names
        .iter()
        .take(LISTED)
        .map(|name| plain(name))
        .collect::<Vec<_>>()
        .join(", ");
    if more > 0 {
        text.push_str(&format!(" and {more} more"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_story_of_a_guest_names_its_jobs_and_failures() {
        let unit = |name: &str| Unit {
            name: name.into(),
            ..Unit::default()
        };
        let mut state = GuestState::default();
        assert_eq!((state.story(), state.trouble()), (String::new(), None));
        state.system = "starting".into();
        state.jobs = vec!["a.service: start running".into()];
        state.failed = vec![unit("b.service")];
        let story = "its system is in state `starting`; \
            jobs still running: a.service: start running; 1 failed unit (b.service)";
        assert_eq!(state.story(), story);
        assert_eq!(state.trouble(), None);
        state.system = "degraded".into();
        assert_eq!(state.trouble().unwrap(), "degraded: 1 failed unit");
        state.failed = (0..7).map(|number| unit(&format!("{number}"))).collect();
        assert!(
            state
                .story()
                .ends_with("7 failed units (0, 1, 2, 3, 4 and 2 more)")
        );
        assert_eq!(state.trouble().unwrap(), "degraded: 7 failed units");
    }
}
