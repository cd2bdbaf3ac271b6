//! The results of a test as plain data.

use std::fmt;
use std::time::Duration;

use serde::{Serialize, Serializer};

use super::checks::{Case, Outcome};
use crate::timeline::{Guest, Timeline};

/// The results of one image or VM.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// The image or the VM, as the user named it.
    pub target: String,
    pub time: Duration,
    pub phases: Vec<PhaseReport>,
    /// The failure of the tool that ended the test; none if it came to its end.
    pub error: Option<String>,
    /// Where the time went.
    pub timeline: Timeline,
}

/// The results of one phase.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PhaseReport {
    pub phase: Phase,
    /// The image that runs.
    pub image: String,
    /// The number of the VM's boot, from 1.
    pub boot: u32,
    #[serde(rename = "seconds", serialize_with = "seconds")]
    pub time: Duration,
    pub cases: Vec<Case>,
}

/// A phase of a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// The first boot.
    Boot,
    /// After an upgrade to the image.
    Upgrade,
    /// After a reboot.
    Reboot,
    /// After a rollback to the version before.
    Rollback,
}

/// The numbers of cases.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub passed: usize,
    pub failed: usize,
    pub skipped: usize,
}

impl Phase {
    pub fn name(self) -> &'static str {
        match self {
            Self::Boot => "boot",
            Self::Upgrade => "upgrade",
            Self::Reboot => "reboot",
            Self::Rollback => "rollback",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Report {
    pub fn new(target: &str) -> Self {
        Self {
            target: target.to_owned(),
            time: Duration::ZERO,
            phases: vec![],
            error: None,
            timeline: Timeline {
                title: target.to_owned(),
                host: vec![],
                guest: Guest::Unknown("it was not asked".to_owned()),
            },
        }
    }

    /// Returns all cases, each with its phase.
    pub fn cases(&self) -> impl Iterator<Item = (&PhaseReport, &Case)> {
        self.phases
            .iter()
            .flat_map(|phase| phase.cases.iter().map(move |case| (phase, case)))
    }

    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for (_, case) in self.cases() {
            *match &case.outcome {
                Outcome::Passed => &mut counts.passed,
                Outcome::Skipped(_) => &mut counts.skipped,
                _ => &mut counts.failed,
            } += 1;
        }
        counts
    }

    /// Returns the result in a word.
    pub fn result(&self) -> &'static str {
        match (&self.error, self.counts().failed) {
            (Some(_), _) => "error",
            (None, 0) => "passed",
            (None, _) => "failed",
        }
    }
}

/// The names of the fields are stable.
impl Serialize for Report {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Fields<'a> {
            target: &'a str,
            result: &'a str,
            passed: usize,
            failed: usize,
            skipped: usize,
            seconds: f64,
            error: &'a Option<String>,
            phases: &'a [PhaseReport],
            timeline: &'a Timeline,
        }
        let Counts {
            passed,
            failed,
            skipped,
        } = self.counts();
        let fields = Fields {
            target: &self.target,
            result: self.result(),
            passed,
            failed,
            skipped,
            seconds: milliseconds(self.time),
            error: &self.error,
            phases: &self.phases,
            timeline: &self.timeline,
        };
        fields.serialize(serializer)
    }
}

impl Serialize for Case {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Fields<'a> {
            name: &'a str,
            outcome: &'a str,
            reason: String,
            seconds: f64,
            output: &'a str,
        }
        let fields = Fields {
            name: &self.name,
            outcome: self.outcome.word(),
            reason: self.outcome.reason(),
            seconds: milliseconds(self.time),
            output: &self.output,
        };
        fields.serialize(serializer)
    }
}

fn seconds<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(milliseconds(*time))
}

/// Returns seconds, to the millisecond.
fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1000.0).round() / 1000.0
}

impl Report {
    /// Returns a report with a case of each outcome, for tests.
    #[cfg(test)]
    pub fn sample() -> Self {
        let case = |name: &str, outcome, output: &str| Case {
            name: name.to_owned(),
            outcome,
            time: Duration::from_millis(1500),
            output: output.to_owned(),
        };
        let phase = |phase, boot, cases| PhaseReport {
            phase,
            image: "localhost/os:latest".to_owned(),
            boot,
            time: Duration::from_secs(20),
            cases,
        };
        Self {
            target: "localhost/os".to_owned(),
            time: Duration::from_secs(42),
            phases: vec![
                phase(
                    Phase::Boot,
                    1,
                    vec![
                        case("boot", Outcome::Passed, ""),
                        case(
                            "failed units",
                            Outcome::Failed("web.service (exit-code)".to_owned()),
                            "web.service:\n  no <config> & \u{1}\n",
                        ),
                    ],
                ),
                phase(
                    Phase::Reboot,
                    2,
                    vec![
                        case("a.sh: x", Outcome::Skipped("no TPM".to_owned()), ""),
                        case("b.sh", Outcome::TimedOut(Duration::from_secs(90)), "a\n"),
                        case("c.sh", Outcome::Lost("kernel panic".to_owned()), ""),
                    ],
                ),
            ],
            error: None,
            timeline: Timeline::sample(),
        }
    }
}
