//! The result of an upgrade or a rollback.

use std::fmt;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::decision::Action;
use crate::text::{format_size, seconds};

/// What was done. The field names are stable.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    pub vm: String,
    /// The image's name, or none for a rollback.
    pub image: Option<String>,
    pub action: Action,
    /// The digests that `bootc status` shows.
    pub from: String,
    pub to: String,
    /// The new version runs. False if it is only staged.
    pub booted: bool,
    /// The kernel was not restarted.
    pub soft_reboot: bool,
    /// Bytes to and from the guest, with all headers.
    pub sent: u64,
    pub received: u64,
    /// Layers of the image, and those that the guest fetched.
    pub layers: usize,
    pub fetched: usize,
    pub seconds: Vec<StageTime>,
}

impl Report {
    /// Returns the report with which the work begins: nothing has changed, and no image is named.
    pub fn new(vm: String, booted: &str) -> Self {
        Self {
            vm,
            image: None,
            action: Action::Rollback,
            from: booted.to_owned(),
            to: booted.to_owned(),
            booted: true,
            soft_reboot: false,
            sent: 0,
            received: 0,
            layers: 0,
            fetched: 0,
            seconds: vec![],
        }
    }
}

/// The time of one stage.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StageTime {
    pub stage: &'static str,
    pub seconds: f64,
}

/// Measures the stages.
#[derive(Debug)]
pub struct Times {
    last: Instant,
    stages: Vec<StageTime>,
}

impl Times {
    pub fn start() -> Self {
        Self {
            last: Instant::now(),
            stages: vec![],
        }
    }

    /// Ends the stage that runs.
    pub fn end(&mut self, stage: &'static str) {
        let now = Instant::now();
        let seconds = (now - self.last).as_secs_f64();
        self.last = now;
        self.stages.push(StageTime {
            stage,
            seconds: (seconds * 1000.0).round() / 1000.0,
        });
    }

    pub fn stages(self) -> Vec<StageTime> {
        self.stages
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let (from, to) = (short(&self.from), short(&self.to));
        match (&self.action, self.booted) {
            (Action::None, _) => return writeln!(f, "{} runs {to} already", self.vm),
            (_, false) => writeln!(f, "{} has {to} staged, and runs {from}", self.vm)?,
            (Action::Rollback, true) => writeln!(f, "{} rolled back from {from} to {to}", self.vm)?,
            (_, true) => writeln!(f, "{} upgraded from {from} to {to}", self.vm)?,
        }
        if self.layers > 0 {
            writeln!(
                f,
                "{} of {} layers fetched, {} moved",
                self.fetched,
                self.layers,
                format_size(self.sent + self.received)
            )?;
        }
        let times = self.seconds.iter().map(|time| {
            let elapsed = Duration::from_secs_f64(time.seconds);
            format!("{} {}", time.stage, seconds(elapsed))
        });
        writeln!(f, "{}", times.collect::<Vec<_>>().join(", "))
    }
}

/// The first digits of a digest.
fn short(digest: &str) -> &str {
    let hex = digest.strip_prefix("sha256:").unwrap_or(digest);
    hex.get(..12).unwrap_or(hex)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_says_what_moved_and_how_long_it_took() {
        let report = |action, booted| Report {
            vm: "web".into(),
            image: Some("localhost/os".into()),
            action,
            from: format!("sha256:{}", "a".repeat(64)),
            to: format!("sha256:{}", "b".repeat(64)),
            booted,
            soft_reboot: false,
            sent: 3 << 20,
            received: 0,
            layers: 8,
            fetched: 1,
            seconds: vec![StageTime {
                stage: "pull",
                seconds: 1.5,
            }],
        };
        let upgraded = report(Action::Upgrade, true).to_string();
        assert!(
            upgraded.starts_with(
                "web upgraded from aaaaaaaaaaaa to bbbbbbbbbbbb\n1 of 8 layers fetched, "
            ),
            "{upgraded}"
        );
        assert!(upgraded.contains("pull 1.5"), "{upgraded}");
        assert_eq!(
            report(Action::None, true).to_string(),
            "web runs bbbbbbbbbbbb already\n"
        );
        let staged = report(Action::Upgrade, false).to_string();
        assert!(staged.starts_with("web has bbbbbbbbbbbb staged, and runs aaaaaaaaaaaa\n"));
        let back = report(Action::Rollback, true).to_string();
        assert!(back.starts_with("web rolled back from"));
    }
}
