//! The outcomes of a check.

use std::time::Duration;

use super::output::Output;
use super::tap::{Directive, Point, Tap};
use crate::text::{colon, seconds};

/// The outcome of one check, or of one test of a check that speaks TAP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    pub name: String,
    pub outcome: Outcome,
    /// The time that the check took; zero for the tests of a check after the first.
    pub time: Duration,
    pub output: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Passed,
    /// It did not run, for this reason.
    Skipped(String),
    /// It failed, for this reason.
    Failed(String),
    /// It ran longer than this and was ended.
    TimedOut(Duration),
    /// The machine or the session ended meanwhile, for this reason.
    Lost(String),
}

/// The end of a check's program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// The program exited with this code, or with 128 + N after signal N.
    Exit(i32),
    /// It ran longer than this and was ended.
    TimedOut(Duration),
    /// The machine or the session ended meanwhile, for this reason.
    Lost(String),
}

/// Lines of the output that the reason of a failure quotes.
const QUOTED: usize = 1;
/// Exit code of a test that was skipped, in Automake and in systemd's tests.
const SKIPPED: i32 = 77;

impl Case {
    /// Returns a case that did not run.
    pub fn skipped(name: &str, why: &str) -> Self {
        Self {
            name: name.to_owned(),
            outcome: Outcome::Skipped(why.to_owned()),
            time: Duration::ZERO,
            output: String::new(),
        }
    }
}

impl Outcome {
    /// Returns true unless the case shows that something is wrong.
    pub fn is_good(&self) -> bool {
        matches!(self, Self::Passed | Self::Skipped(_))
    }

    /// Returns the outcome in a word.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Skipped(_) => "skipped",
            Self::Failed(_) => "failed",
            Self::TimedOut(_) => "timed out",
            Self::Lost(_) => "lost",
        }
    }

    /// Returns the reason; empty for a success.
    pub fn reason(&self) -> String {
        match self {
            Self::Passed => String::new(),
            Self::Skipped(why) | Self::Failed(why) | Self::Lost(why) => why.clone(),
            Self::TimedOut(limit) => {
                format!("it ran longer than {} and was ended", seconds(*limit))
            }
        }
    }
}

/// Returns the cases of a check that has ended: one for each of its tests if it speaks TAP.
pub fn cases(check: &str, end: End, time: Duration, output: &Output) -> Vec<Case> {
    let tap = Tap::parse(&output.stdout());
    let all = output.all();
    let case = |name: String, outcome, output| Case {
        name,
        outcome,
        time: Duration::ZERO,
        output,
    };
    let mut cases: Vec<Case> = Vec::new();
    let mut whole = match &end {
        End::Exit(0) => Outcome::Passed,
        End::Exit(SKIPPED) => Outcome::Skipped(last_line(&all)),
        End::Exit(code) => Outcome::Failed(format!("exit code {code}{}", colon(&last_line(&all)))),
        End::TimedOut(limit) => Outcome::TimedOut(*limit),
        End::Lost(why) => Outcome::Lost(why.clone()),
    };
    match tap {
        None => cases.push(case(check.to_owned(), whole, all)),
        Some(tap) => {
            for point in &tap.points {
                let name = format!("{check}: {}", point.name());
                cases.push(case(name, point.outcome(), point.diagnostics.join("\n")));
            }
            if let (Some(reason), true) = (&tap.skipped, tap.points.is_empty()) {
                whole = match whole {
                    Outcome::Passed => Outcome::Skipped(reason.clone()),
                    other => other,
                };
            } else if let (Some(fault), Outcome::Passed) = (tap.fault(), &whole) {
                whole = Outcome::Failed(fault);
            } else if let Outcome::Failed(_) = &whole
                && tap.fault().is_none()
                && cases.iter().any(|case| !case.outcome.is_good())
            {
                // Its exit code says the same as its tests.
                whole = Outcome::Passed;
            }
            if cases.is_empty() || whole != Outcome::Passed {
                cases.push(case(check.to_owned(), whole, all));
            }
        }
    }
    if let Some(first) = cases.first_mut() {
        first.time = time;
    }
    cases
}

impl Point {
    fn name(&self) -> String {
        match self.description.as_str() {
            "" => format!("test {}", self.number),
            text => text.to_owned(),
        }
    }

    fn outcome(&self) -> Outcome {
        match (&self.directive, self.ok) {
            (Some(Directive::Skip(why)), _) => Outcome::Skipped(why.clone()),
            (Some(Directive::Todo(why)), false) => Outcome::Skipped(format!("TODO{}", colon(why))),
            (_, true) => Outcome::Passed,
            (_, false) => Outcome::Failed(match self.diagnostics.first() {
                Some(line) => line.trim_start_matches(['#', ' ']).to_owned(),
                None => format!("not ok {}", self.number),
            }),
        }
    }
}

fn last_line(text: &str) -> String {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let lines: Vec<&str> = lines.collect();
    lines[lines.len().saturating_sub(QUOTED)..].join("; ")
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt as _;

    use super::super::output::Stream;
    use super::*;

    async fn told(end: End, stdout: &str) -> Vec<String> {
        let output = Output::default();
        let mut writer = output.writer(Stream::Stdout);
        writer.write_all(stdout.as_bytes()).await.unwrap();
        let cases = cases("a.sh", end, Duration::from_secs(1), &output);
        assert_eq!(cases[0].time, Duration::from_secs(1));
        let told = |case: &Case| {
            let (word, reason) = (case.outcome.word(), case.outcome.reason());
            format!("{} {word}{}", case.name, colon(&reason))
        };
        cases.iter().map(told).collect()
    }

    #[tokio::test]
    async fn a_check_is_one_case_and_each_of_its_tests_another() {
        let limit = Duration::from_secs(90);
        for (end, stdout, cases) in [
            (End::Exit(0), "fine\n", "a.sh passed"),
            (End::Exit(77), "no TPM\n", "a.sh skipped: no TPM"),
            (
                End::Exit(3),
                "a\nwrong\n\n",
                "a.sh failed: exit code 3: wrong",
            ),
            (
                End::TimedOut(limit),
                "a\n",
                "a.sh timed out: it ran longer than 90s and was ended",
            ),
            (End::Lost("panic".into()), "", "a.sh lost: panic"),
            (
                End::Exit(0),
                "1..2\nok 1 - x\nok\n",
                "a.sh: x passed|a.sh: test 2 passed",
            ),
            (
                End::Exit(1),
                "1..2\nok 1 x\nnot ok 2 y\n# why\n",
                "a.sh: x passed|a.sh: y failed: why",
            ),
            (
                End::Exit(1),
                "1..1\nok 1 x\n",
                "a.sh: x passed|a.sh failed: exit code 1: ok 1 x",
            ),
            (
                End::Exit(0),
                "1..2\nok 1 x\n",
                "a.sh: x passed|a.sh failed: it planned 2 tests and reported 1",
            ),
            (
                End::TimedOut(limit),
                "1..2\nok 1 x\n",
                "a.sh: x passed|a.sh timed out: it ran longer than 90s and was ended",
            ),
            (End::Exit(0), "1..0 # SKIP no\n", "a.sh skipped: no"),
            (
                End::Exit(0),
                "1..1\nnot ok 1 x # TODO y\n",
                "a.sh: x skipped: TODO: y",
            ),
        ] {
            assert_eq!(told(end, stdout).await.join("|"), cases);
        }
    }
}
