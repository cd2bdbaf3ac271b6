//! The report for people.

use std::fmt::Write as _;
use std::time::Duration;

use crate::testing::checks::Case;
use crate::testing::report::Report;
use crate::text::{colon, plain, seconds};

/// Lines of a failed check's output in the report. JUnit, JSON and the artifacts have all of it.
const LINES: usize = 20;

/// Returns the report of one target.
pub fn text(report: &Report) -> String {
    let mut text = String::new();
    // Writing to a string can't fail.
    for phase in &report.phases {
        let (name, boot) = (phase.phase, phase.boot);
        let time = seconds(phase.time);
        let _ = writeln!(text, "{}: {name} (boot {boot}, {time})", phase.image);
        for case in &phase.cases {
            text.push_str(&case_lines(case));
        }
    }
    if let Some(error) = &report.error {
        let _ = writeln!(text, "Error: {error}");
    }
    let counts = report.counts();
    let _ = writeln!(
        text,
        "{}: {}: {} passed, {} failed, {} skipped in {}",
        report.target,
        report.result(),
        counts.passed,
        counts.failed,
        counts.skipped,
        seconds(report.time)
    );
    text
}

fn case_lines(case: &Case) -> String {
    let outcome = &case.outcome;
    let word = match outcome.is_good() {
        true => outcome.word().to_owned(),
        false => outcome.word().to_uppercase(),
    };
    let time = match case.time {
        Duration::ZERO => String::new(),
        time => seconds(time),
    };
    let name = plain(&case.name.replace('\n', " "));
    let mut text = format!(
        "  {word:9} {time:>6}  {name}{}\n",
        colon(&outcome.reason().replace('\n', "; "))
    );
    if !outcome.is_good() {
        let (skipped, lines) = last_lines(&case.output);
        if skipped > 0 {
            let _ = writeln!(text, "            | [{skipped} lines before]");
        }
        for line in lines {
            let _ = writeln!(text, "            | {}", plain(line));
        }
    }
    text
}

/// Returns the last lines of a check's output, and the number of those before.
pub(super) fn last_lines(output: &str) -> (usize, impl Iterator<Item = &str>) {
    let skipped = output.lines().count().saturating_sub(LINES);
    (skipped, output.lines().skip(skipped))
}

/// Returns a row of the table of all targets: target, result, passed, failed, skipped, time.
pub fn row(report: &Report) -> Vec<String> {
    let counts = report.counts();
    vec![
        report.target.clone(),
        report.result().to_owned(),
        counts.passed.to_string(),
        counts.failed.to_string(),
        counts.skipped.to_string(),
        seconds(report.time),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_has_a_line_for_each_check_and_the_output_of_failures() {
        let told = text(&Report::sample());
        let lines: Vec<&str> = told.lines().collect();
        assert_eq!(
            lines,
            [
                "localhost/os:latest: boot (boot 1, 20s)",
                "  passed      1.5s  boot",
                "  FAILED      1.5s  failed units: web.service (exit-code)",
                "            | web.service:",
                "            |   no <config> & ",
                "localhost/os:latest: reboot (boot 2, 20s)",
                "  skipped     1.5s  a.sh: x: no TPM",
                "  TIMED OUT   1.5s  b.sh: it ran longer than 90s and was ended",
                "            | a",
                "  LOST        1.5s  c.sh: kernel panic",
                "localhost/os: failed: 1 passed, 3 failed, 1 skipped in 42s",
            ]
        );
        assert_eq!(row(&Report::sample())[1], "failed");
    }
}
