//! TAP, version 14.

use std::fmt::Write as _;

use crate::testing::checks::Outcome;
use crate::testing::report::Report;

/// Returns the reports as TAP: a test for each check of each phase of each target.
pub fn tap(reports: &[Report]) -> String {
    let tests: usize = reports.iter().map(|report| report.cases().count()).sum();
    let mut text = format!("TAP version 14\n1..{tests}\n");
    let mut number = 0;
    for report in reports {
        for (phase, case) in report.cases() {
            number += 1;
            let ok = if case.outcome.is_good() {
                "ok"
            } else {
                "not ok"
            };
            let name = format!("{} {}: {}", report.target, phase.phase, case.name);
            let skip = match &case.outcome {
                Outcome::Skipped(why) => format!(" # SKIP {}", one_line(why)),
                _ => String::new(),
            };
            // Writing to a string can't fail.
            let _ = writeln!(text, "{ok} {number} - {}{skip}", escaped(&name));
            if !case.outcome.is_good() {
                let word = case.outcome.word();
                let _ = writeln!(text, "# {word}: {}", one_line(&case.outcome.reason()));
                for line in case.output.lines() {
                    let _ = writeln!(text, "# | {line}");
                }
            }
        }
        if let Some(error) = &report.error {
            let _ = writeln!(text, "Bail out! {}: {}", report.target, one_line(error));
        }
    }
    text
}

fn one_line(text: &str) -> String {
    text.lines().collect::<Vec<_>>().join("; ")
}

fn escaped(name: &str) -> String {
    one_line(name).replace('\\', "\\\\").replace('#', "\\#")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_check_of_a_phase_is_a_test() {
        let text = tap(&[Report::sample()]);
        assert_eq!(
            text,
            "TAP version 14\n1..5\nok 1 - localhost/os boot: boot\n\
             not ok 2 - localhost/os boot: failed units\n# failed: web.service (exit-code)\n\
             # | web.service:\n# |   no <config> & \u{1}\n\
             ok 3 - localhost/os reboot: a.sh: x # SKIP no TPM\n\
             not ok 4 - localhost/os reboot: b.sh\n\
             # timed out: it ran longer than 90s and was ended\n# | a\n\
             not ok 5 - localhost/os reboot: c.sh\n# lost: kernel panic\n"
        );
        let broken = Report {
            error: Some("no image\nmore".to_owned()),
            ..Report::new("x")
        };
        assert!(tap(&[broken]).ends_with("1..0\nBail out! x: no image; more\n"));
    }
}
